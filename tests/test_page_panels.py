"""What each panel is given: values fit for JSON, with the numbers of the step that they show."""

import json
from pathlib import Path

import numpy as np
import pytest
from gradio.data_classes import ImageData
from gradio.utils import diff
from PIL import Image

from page.feeling_panel import feeling_value
from page.files_panel import files_value, size
from page.heard_panel import heard_value
from page.job import Job, discard, drop_chunks
from page.music_panel import Music, compact
from page.own import UI_DIR, read_ui
from page.picture_panel import EXAMPLES_DIR, PictureFile, example_path, examples
from page.settings_panel import LARGEST_SEED, roll_dice, settings_from
from page.sound import Sound
from page.status_panel import status
from page.wave_panel import Wave
from page.words_panel import words_value
from pipelines.bundle import Part, write_take
from pipelines.catalogue import MUSICGEN_LICENCE
from pipelines.errors import PictureError
from pipelines.records import LABELS, Audio, Caption, Emotion, MusicPrompt, Note, Score, Section, Step, TempoMark
from pipelines.sound import peak_dbfs
from pipelines.symbolic import SymbolicSettings
from pipelines.symbolic.piano_roll import to_data
from pipelines.waveform import WaveformSettings

SCORE = Score(
    (Note(0.0, 60, 1.0, 80), Note(1.0, 64, 2.0, 90)),
    (TempoMark(0.0, 120.0),),
    sections=(Section("A", 0, 1),),
)


def test_the_feeling_panel_shows_five_bars_that_sum_to_one() -> None:
    value = feeling_value(Step("emotion", Emotion.at(3, 3, valence_sd=1, arousal_sd=1), "embedded reader", 0.1234))
    assert [bar["name"] for bar in value["bars"]] == list(LABELS)
    assert sum(bar["part"] for bar in value["bars"]) == pytest.approx(1, abs=1e-3)
    assert value["point"] == {"valence": 3, "arousal": 3, "valence_sd": 1, "arousal_sd": 1}
    assert (value["label"], value["made_by"], value["seconds"]) == ("Sad", "embedded reader", 0.12)
    json.dumps(value)


def test_the_heard_panel_shows_both_points() -> None:
    step = Step("heard", Emotion.at(6, 7), "embedded listener", 0.01)
    value = heard_value(Emotion.at(3, 3), {"waveform": step, "symbolic": step})
    assert [lane["lane"] for lane in value["lanes"]] == ["symbolic", "waveform"]
    piano, words = value["lanes"]
    assert piano["distance"] == 5.0
    assert (value["wanted"]["valence"], piano["heard"]["valence"]) == (3, 6)
    assert "; the piano is heard as joyful and lively" in piano["sentence"]
    assert "; the music from words is heard as" in words["sentence"]
    json.dumps(value)


def test_the_roll_is_sent_as_texts_in_whole_milliseconds() -> None:
    roll = compact(to_data(SCORE))
    assert roll["notes"] == "[0,500,60,80],[500,1500,64,90]"
    assert roll["bars_ms"] == "0,2000"
    assert roll["sections"] == '["A",0,2000]'


def test_a_growing_piece_sends_only_what_is_new(tmp_path: Path) -> None:
    music = Music(Sound("run", tmp_path, "music", 30.0))
    notes = tuple(Note(beat / 4, 60, 0.25, 80) for beat in range(400))
    values = []
    for count in (300, 400):
        music.show_score(Score(notes[:count], (TempoMark(0.0, 120.0),)), "embedded composer")
        music.sound.add(Audio(np.zeros((10, 2), np.float32), 44100, float(count)), "FluidSynth")
        values.append(music.value())
    assert values[0]["made_by"] == {"notes": "embedded composer", "sound": "FluidSynth"}
    edits = {tuple(path): (kind, text) for kind, path, text in diff(*values)}
    for name in ("notes", "chunks", "bars_ms"):
        assert edits[name,][0] == "append"
    assert edits["notes",][1].count("[") == 100
    assert len(edits) <= 4  # and the caption
    assert len(json.dumps(list(edits.values()))) < 0.4 * len(json.dumps(values[1]))


def test_the_words_panel_shows_both_texts_and_the_parts() -> None:
    prompt = MusicPrompt(
        "A calm piece.\nThe harp leads.", "calm", "ambient", 62.4, "major", "slow", ("harp", "strings")
    )
    caption = Step("caption", Caption("A boat."), "embedded captioner", 0.1, note="BLIP failed.")
    value = words_value(caption, None)
    assert (value["caption"]["text"], value["caption"]["note"]) == ("A boat.", "BLIP failed.")
    assert value["prompt"] is None
    value = words_value(caption, Step("prompt", prompt, "a model", 0.0))
    assert ("tempo", "62 BPM") in value["parts"]
    assert ("instruments", "harp and strings") in value["parts"]
    assert value["chosen"] == []
    value = words_value(caption, Step("prompt", prompt, "you", 0.0))  # what the text does not say, the band chose
    assert value["parts"] == [("mood", "calm"), ("instruments", "harp")]
    assert ("tempo", "62 BPM") in value["chosen"]
    assert ("instruments", "strings") in value["chosen"]
    json.dumps(value)


def test_the_licence_of_musicgens_weights_is_shown_where_the_sound_is(tmp_path: Path) -> None:
    wave = Wave(Sound("run", tmp_path, "wave", 30.0))
    wave.sound.add(Audio(np.zeros((320, 1), np.float32), 32000), "MusicGen-small", MUSICGEN_LICENCE)
    assert wave.value()["licence"] == "Made with weights under CC-BY-NC-4.0: not for commercial use."
    wave.sound.add(Audio(np.zeros((320, 1), np.float32), 32000, 0.01), "embedded ensemble", "Apache-2.0")
    assert wave.value()["licence"] == ""


def test_an_earlier_requests_chunks_are_deleted_and_its_take_stays(tmp_path: Path) -> None:
    request = Job.begin(tmp_path)
    sound = Sound(request.number, request.folder, "music", 30.0)
    sound.add(Audio(np.zeros((10, 2), np.float32), 44100), "FluidSynth")
    sound.value()
    (request.folder / "symbolic.wav").write_bytes(b"take")
    assert len(list(request.folder.iterdir())) == 2
    drop_chunks(request.folder)
    assert [path.name for path in request.folder.iterdir()] == ["symbolic.wav"]


def test_the_files_of_a_take_are_offered_with_their_sizes(tmp_path: Path) -> None:
    audio = Audio(np.zeros((44100, 2), np.float32), 44100)
    assert peak_dbfs(audio) == -np.inf
    roll = np.zeros((4, 6, 3), np.uint8)
    steps = [Step("score", SCORE, "c", 1.0), Step("audio", audio, "f", 1.0), Step("piano_roll", roll, "m", 1.0)]
    files = files_value(write_take({"symbolic": Part(tuple(steps), {})}, tmp_path))["files"]
    names = [entry["file"]["orig_name"] for entry in files]
    assert names == ["symbolic.wav", "symbolic.mid", "piano_roll.png", "take.json"]
    assert files[0]["size"] == "176 kB"
    assert (size(999), size(5_340_000)) == ("1 kB", "5.3 MB")


def test_there_are_six_examples_each_said_in_words() -> None:
    shown = examples()
    assert len(shown) == 6
    for example in shown:
        with Image.open(example.path) as image:
            assert min(image.size) >= 300
        assert len(example.alt.split()) >= 6
        assert example.title


@pytest.mark.parametrize("number", [-1, 6, "0", None, 1.0, "../../secret"])
def test_only_the_examples_can_be_picked(number: object) -> None:
    assert example_path(0).parent == EXAMPLES_DIR
    with pytest.raises(PictureError, match="There is no example"):
        example_path(number)


def test_the_picture_is_handed_on_as_the_file_that_came() -> None:
    component = PictureFile(type="filepath", render=False)
    assert component.get_block_name() == "image"  # Gradio's own frontend
    assert component.preprocess(None) is None
    assert component.preprocess(ImageData(path="/somewhere/not-a-picture.png")) == "/somewhere/not-a-picture.png"


def test_settings_that_were_emptied_have_their_defaults() -> None:
    assert settings_from(None, None, None) == {"symbolic": SymbolicSettings(), "waveform": WaveformSettings()}
    chosen = settings_from(45, 0.0, 12.0, "From words", "embedded")
    assert chosen == {"waveform": WaveformSettings(duration_s=45.0, strength=0.0, seed=12, models="embedded")}
    assert list(settings_from(lanes="Piano")) == ["symbolic"]
    assert list(settings_from(lanes="no such lane")) == ["symbolic", "waveform"]


def test_the_dice_give_seeds_in_range_and_not_always_the_same() -> None:
    seeds = {roll_dice() for _ in range(20)}
    assert len(seeds) > 10
    assert min(seeds) >= 1
    assert max(seeds) <= LARGEST_SEED


def test_progress_stays_between_nothing_and_all() -> None:
    assert status("x", progress=1.7)["progress"] == 1.0
    assert status("x", progress=-1)["progress"] == 0.0


def test_every_job_has_its_own_folder_and_switch(tmp_path: Path) -> None:
    one, other = Job.begin(tmp_path), Job.begin(tmp_path)
    assert one.folder != other.folder
    assert one.folder.is_dir()
    one.stop()
    assert (one.stopped(), other.stopped()) == (True, False)
    discard(other)
    assert other.stopped()
    assert not other.folder.exists()
    discard(None)


OWN_PAGES = {"classroom.sheet.html"}  # a page of its own, which Gradio never sees


@pytest.mark.parametrize(
    "path", sorted(p for p in UI_DIR.glob("*.html") if p.name not in OWN_PAGES), ids=lambda path: path.name
)
def test_templates_hold_nothing_that_would_run(path: Path) -> None:
    """Gradio runs `${…}` and fills `{{…}}` in a template; ours are static, their values written in as text."""
    text = read_ui(path.name)
    assert "${" not in text
    assert "{{" not in text
    assert "<script" not in text


@pytest.mark.parametrize("path", sorted(UI_DIR.glob("*.js")), ids=lambda path: path.name)
def test_scripts_write_text_never_markup(path: Path) -> None:
    text = read_ui(path.name)
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in text
