import pytest

from pipelines.errors import SettingsError
from training.paper.va_tokens import attribute_names, token_attributes


def said(token):
    values = token_attributes([token])[0]
    return {name: float(value) for name, value in zip(attribute_names(), values, strict=True) if value}


def test_a_note_says_its_pitch_and_its_length():
    assert said("E5@2.0") == pytest.approx(
        {
            "note": 1,
            "struck_log_quarters": 1,
            "struck_length_6": 1,
            "quarters": 2,
            "pitch": 14 / 12,
            "pitch_bin_6": 1,
            "note_4": 1,
        }
    )


def test_a_chord_says_its_classes_intervals_and_triad():
    found = said("9.0.4@1/3")
    assert {name for name in found if name.startswith("chord_")} == {"chord", "chord_0", "chord_4", "chord_9"} - {
        "chord"
    } | {"chord_size"}
    assert (found["interval_3"], found["interval_4"], found["interval_5"], found["minor"]) == (1, 1, 1, 1)
    assert "major" not in found
    assert found["struck_log_quarters"] == pytest.approx(-1.585, abs=1e-3)
    assert "class" in said("4@0.25")
    assert "chord" not in said("4@0.25")


def test_rests_tempo_metre_and_marks():
    assert said("r@0.5") == {"rest": 1, "rest_log_quarters": -1, "rest_length_3": 1, "quarters": 0.5}
    assert said("200.0@tempo") == {"tempo": 1, "log_bpm": 1}
    assert said("3/4@time") == {"time": 1, "beats_per_bar": 0.75}
    assert said("<end>") == {"mark": 1}


def test_what_is_no_token_is_refused():
    with pytest.raises(SettingsError, match="H5"):
        token_attributes(["H5@1.0"])
