import json
import shutil

import numpy as np
import pytest
import soundfile

from pipelines.hearing_audio import hear_audio_point
from training.metrics.audio_files import read_sound
from training.metrics.heard_sound import heard_and_wanted, main
from training.metrics.picture_music import AGREEMENT_HEAD

RATE_HZ = 32_000


def chords(pulse_hz: float, root_hz: float) -> np.ndarray:
    """Four seconds of a triad, struck anew so often a second."""
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * root_hz * ratio * time) for ratio in (1, 1.25, 1.5))
    return 0.1 * tones * np.exp(-4 * (time * pulse_hz % 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data set whose pictures feel just like the music sounds, and a folder with that music."""
    dataset, folder = tmp_path_factory.mktemp("pairs"), tmp_path_factory.mktemp("made")
    lines = []
    for number, (pulse_hz, root_hz) in enumerate([(0.5, 110.0), (2.0, 220.0), (4.0, 330.0), (8.0, 440.0)]):
        path = folder / f"{number}.wav"
        soundfile.write(path, chords(pulse_hz, root_hz), RATE_HZ)
        valence, arousal = map(float, hear_audio_point(read_sound(path)))
        row = {"file_name": path.name, "picture_file": "p.jpg", "label": "Fun", "valence": valence, "arousal": arousal}
        lines.append(json.dumps(row))
    (dataset / "test").mkdir()
    (dataset / "test" / "metadata.jsonl").write_text("\n".join(lines))
    return dataset, folder


def test_sound_that_feels_like_its_pictures_agrees_wholly(made, capsys):
    dataset, folder = made
    assert main([str(dataset), str(folder)]) == 0
    head, _, line = capsys.readouterr().out.splitlines()
    assert head == AGREEMENT_HEAD[0]
    name, pieces, valence, arousal, distance, chance = [cell.strip() for cell in line.strip("| ").split(" | ")]
    assert (name, pieces) == (folder.name, "4")
    assert valence.startswith("1.00 (")
    assert arousal.startswith("1.00 (")
    assert distance == "0.00 (0.00 to 0.00)"
    assert float(chance) > 0


def test_folders_of_one_name_keep_their_rows_apart(made, tmp_path, capsys):
    dataset, folder = made
    again = tmp_path / folder.name
    shutil.copytree(folder, again)
    assert main([str(dataset), str(folder), str(again)]) == 0
    rows = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [f"| {folder}", f"| {again}"]


def test_each_file_is_held_against_its_namesake(made):
    _, folder = made
    heard, wanted = heard_and_wanted(folder, {f"{number}.wav": (number + 1.0, 9.0 - number) for number in range(4)})
    assert wanted.tolist() == [[1, 9], [2, 8], [3, 7], [4, 6]]
    assert heard.shape == (4, 2)
    assert heard[0] == pytest.approx(hear_audio_point(read_sound(folder / "0.wav")))


def test_sound_of_no_pair_is_refused_by_name(made, capsys):
    dataset, folder = made
    (dataset / "train").mkdir(exist_ok=True)
    first = (dataset / "test" / "metadata.jsonl").read_text().splitlines()[0]
    (dataset / "train" / "metadata.jsonl").write_text(first)
    assert main([str(dataset), str(folder), "--split", "train"]) == 2
    assert "1.wav" in capsys.readouterr().err
