"""The builder on pictures and MIDI made here: what it writes, that it can be gone on with, that `datasets` reads it."""

import io
import json
import shutil
import sys
import wave
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from test_training_data_render import melody, needs_fluidsynth, put_program

from pipelines.errors import DataMissingError
from pipelines.records import LABELS
from pipelines.symbolic.midi import write_midi
from training.data import data_folder, painting_music, render
from training.data.contact_sheet import envelope, read_pairs
from training.data.label_folders import unrated
from training.data.painting_music import main
from training.data.painting_music_card import hub_dataset
from training.data.pair_plan import Pair, pair_up, plan_pairs
from training.data.pair_sources import Source, music_source, picture_source, readable
from training.data.splits import SPLITS

PICTURES_A_LABEL, SONGS_A_LABEL = 8, 11


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Folders of pictures and of songs of one or two pieces, by label."""
    root = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    for label in LABELS:
        for kind in ("pictures", "music"):
            (root / kind / label).mkdir(parents=True)
        for i in range(PICTURES_A_LABEL):
            pixels = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / "pictures" / label / f"p{i}.png")
        for i in range(SONGS_A_LABEL):
            song = melody(1.0 if i % 2 else 2.1)
            own = LABELS.index(label) * SONGS_A_LABEL + i  # no song is another's copy
            notes = [replace(note, velocity=40 + own) for note in song.notes]
            write_midi(replace(song, notes=tuple(notes)), root / "music" / label / f"s{i}.mid")
    return root


def arguments(own, out, *more: str) -> list[str]:
    return [
        *("--pictures", str(own / "pictures"), "--music", str(own / "music"), "--out", str(out)),
        *("--clip-s", "1", "--pairs", "50", *more),
    ]


@pytest.fixture(scope="module")
def made(own, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert main(arguments(own, out, "--preview")) == 0
    return out


def lines(out) -> dict[str, list[dict[str, object]]]:
    return {s: [json.loads(line) for line in (out / s / "metadata.jsonl").read_text().splitlines()] for s in SPLITS}


@needs_fluidsynth
def test_counts_lengths_and_columns(made):
    rows = lines(made)
    assert [len(rows[split]) for split in SPLITS] == [40, 5, 5]
    for split in SPLITS:
        assert {label: sum(row["label"] == label for row in rows[split]) for label in LABELS} == {
            label: len(rows[split]) // 5 for label in LABELS
        }
        for row in rows[split]:
            low, _ = envelope(made / split / str(row["file_name"]), points=100)
            assert len(low) == 100
            assert (made / split / str(row["file_name"])).stat().st_size == 44 + 2 * 32_000
            assert (made / str(row["picture_file"])).is_file()
            assert str(row["picture_file"]).startswith(f"pictures/{str(row['label']).lower()}_p")
            assert row["rated"] is False
            assert row["music"].startswith(f"music/{row['label']}/")
    assert len({row["file_name"] for split in SPLITS for row in rows[split]}) == 50


@needs_fluidsynth
def test_no_picture_and_no_music_is_in_two_splits_and_none_is_used_too_often(made):
    rows = lines(made)
    for column in ("picture", "music"):
        found = [{row[column] for row in rows[split]} for split in SPLITS]
        assert sum(map(len, found)) == len(set().union(*found))
    pictures = [row["picture"] for split in SPLITS for row in rows[split]]
    assert max(pictures.count(picture) for picture in pictures) == 2
    pieces = [(row["music"], row["start_s"]) for split in SPLITS for row in rows[split]]
    assert len(set(pieces)) == len(pieces)
    assert {start for _, start in pieces} == {0.0, 1.0}


@needs_fluidsynth
def test_the_same_seed_makes_the_same_set_without_rendering_and_another_another(own, made, tmp_path, monkeypatch):
    again = tmp_path / "again"
    again.mkdir()
    (again / ".rendered").symlink_to(made / ".rendered")
    monkeypatch.setattr(render, "play_midi", lambda *args, **options: pytest.fail("rendered again"))
    assert main(arguments(own, again, "--processes", "1")) == 0
    assert lines(again) == lines(made)
    name = "test/" + str(lines(made)["test"][0]["file_name"])
    assert (again / name).read_bytes() == (made / name).read_bytes()
    monkeypatch.undo()
    assert main(arguments(own, again, "--seed", "1")) == 0
    assert lines(again) != lines(made)


def damage(path: Path, begin: int, data: bytes) -> None:
    """Put other bytes into a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[:begin] + data + whole[begin + len(data) :])


@pytest.fixture
def damaged(own, made, tmp_path):
    """The same folders with four damaged songs, and a data set's folder in which the others are rendered already."""
    shutil.copytree(own, tmp_path / "own")
    songs = tmp_path / "own" / "music"
    (songs / "Happy" / "s1.mid").write_bytes(b"no MIDI")
    (songs / "Happy" / "s3.mid").write_bytes((songs / "Happy" / "s3.mid").read_bytes()[:-9])
    damage(songs / "Sad" / "s2.mid", 12, b"\0\0")  # no ticks a beat, so that it never ends
    damage(songs / "Sad" / "s4.mid", 10, b"\0\x09")  # nine tracks, of which FluidSynth plays none
    shutil.copytree(made / ".rendered", tmp_path / "out" / ".rendered")
    return tmp_path


@needs_fluidsynth
def test_damaged_songs_are_left_out_each_with_one_warning_and_the_rest_is_paired(damaged, capsys, caplog):
    assert main(arguments(damaged / "own", damaged / "out")) == 0
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    names = ("Happy/s1.mid", "Happy/s3.mid", "Sad/s2.mid", "Sad/s4.mid")
    assert sorted(line.partition(":")[0] for line in told) == [f"music/{name} is left out" for name in names]
    rows = lines(damaged / "out")
    assert not {row["music"] for split in SPLITS for row in rows[split]} & {f"music/{name}" for name in names}
    counts = [len(rows[split]) for split in SPLITS]
    said = capsys.readouterr().out
    assert f"| all | {' | '.join(map(str, counts))} | {sum(counts)} |" in said
    assert 40 <= sum(counts) <= 50
    assert (f"{sum(counts)} pairs of the 50 asked for" in said) == (sum(counts) < 50)
    for split in SPLITS:
        assert len(list((damaged / "out" / split).glob("*.wav"))) == len(rows[split])


def test_where_no_song_can_be_played_it_stops_and_leaves_what_was_there(own, tmp_path, monkeypatch, capsys):
    (tmp_path / "out" / "train").mkdir(parents=True)
    (tmp_path / "out" / "train" / "metadata.jsonl").write_text("of before")
    put_program(tmp_path, monkeypatch, "exit 3")
    monkeypatch.setattr(render, "find_soundfont", lambda: Path(__file__))
    assert main(arguments(own, tmp_path / "out")) == 2
    assert "files of music 0 could be played, and none is left for train" in capsys.readouterr().err
    assert (tmp_path / "out" / "train" / "metadata.jsonl").read_text() == "of before"


def test_a_damaged_clip_of_eimg_is_left_out(tmp_path, caplog):
    (tmp_path / "midi").mkdir()
    columns = ["file", *(f"{name}_{kind}" for kind in ("mean", *range(1, 7)) for name in ("valence", "arousal"))]
    table = [columns, *([f"{i}.mid", *[str(i)] * 14] for i in (1, 2, 3))]
    (tmp_path / "labels.csv").write_text("\n".join(map(",".join, table)))
    for i in (1, 3):
        write_midi(melody(i), tmp_path / "midi" / f"{i}.mid")
    (tmp_path / "midi" / "2.mid").write_bytes(b"no MIDI")
    found = music_source("eimg", folder=tmp_path).items
    assert [(item.origin, item.valence) for item in found] == [("EIMG 1.mid", 1.0), ("EIMG 3.mid", 9.0)]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["EIMG 2.mid is left out"]


@needs_fluidsynth
def test_datasets_reads_the_folder(made, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    if not datasets.config.TORCHCODEC_AVAILABLE:  # datasets wants it to be there even where it keeps the paths alone
        encoders = ModuleType("torchcodec.encoders")
        encoders.AudioEncoder = None
        monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
        monkeypatch.setitem(sys.modules, "torchcodec.encoders", encoders)
    loaded = datasets.load_dataset("audiofolder", data_dir=str(made), cache_dir=str(tmp_path))
    assert {split: len(loaded[split]) for split in loaded} == {"train": 40, "validation": 5, "test": 5}
    for split, rows in lines(made).items():
        own = loaded[split].cast_column("audio", datasets.Audio(decode=False))
        types = {name: kind.dtype for name, kind in own.features.items() if name != "audio"}
        assert types == dict.fromkeys(rows[0].keys() - {"file_name"}, "string") | TYPES
        found = {Path(row["audio"]["path"]): row for row in own}
        assert set(found) == {made / split / str(line["file_name"]) for line in rows}
        for line in rows:
            path = made / split / str(line.pop("file_name"))
            audio = found[path].pop("audio")
            assert found[path] == line
            assert np.array_equal(heard_by_soundfile(audio), samples_of(path))


NUMBERS = ("valence", "arousal", "music_valence", "music_arousal", "start_s")
TYPES = dict.fromkeys(NUMBERS, "float64") | {"rated": "bool"}


def heard_by_soundfile(audio: dict[str, object]) -> np.ndarray:
    """The samples in what `datasets` hands out where it does not decode: the bytes, or the file that they stay in."""
    import soundfile

    data = audio["bytes"] or Path(str(audio["path"])).read_bytes()
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert (rate, samples.shape) == (32_000, (32_000,))
    return samples


def samples_of(path: Path) -> np.ndarray:
    """The samples of a 16-bit WAV file by Python's own reader."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@needs_fluidsynth
def test_the_hub_is_given_sound_and_pictures_as_columns(made, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    shown = hub_dataset(made)["test"]
    assert (shown.features["audio"].sampling_rate, shown.features["image"]) == (32_000, datasets.Image())
    assert [row["image"].size for row in shown.remove_columns("audio")] == [(32, 24)] * 5
    paths = [row["path"] for row in shown.cast_column("audio", datasets.Audio(decode=False))["audio"]]
    assert [Path(path).name for path in paths] == [row["file_name"] for row in lines(made)["test"]]


@needs_fluidsynth
def test_card_and_contact_sheet(made):
    card = (made / "README.md").read_text()
    assert "| all | 40 | 5 | 5 | 50 |" in card
    assert "folder music; its owner's terms" in card
    assert card.startswith("---\nlicense: other\n")
    with Image.open(made / "preview.png") as sheet:
        assert sheet.size == (round(2.4 * 6 * 90), round(2.7 * 5 * 90))
    assert {row["split"] for row in read_pairs(made)["test"]} == {"test"}


def test_fewer_pairs_than_asked_where_music_is_scarce(own):
    pictures, music = picture_source(str(own / "pictures")), music_source(str(own / "music"))
    few = Source("few", "", tuple(item for item in music.items if item.label != "Sad" or item.path.stem < "s2"))
    plan = plan_pairs(pictures, few, pairs=1000, seed=0, clip_s=1.0, most_uses=2)
    assert plan.quotas["Happy", "train"] >= 8
    assert sum(plan.quotas["Sad", split] for split in SPLITS) <= 4
    assert pair_up(plan, {}, seed=0) == []
    with pytest.raises(DataMissingError, match="both pictures and music"):
        plan_pairs(Source("none", "", ()), music, pairs=10, seed=0, clip_s=1.0, most_uses=2)
    with pytest.raises(DataMissingError, match="or ask for more pairs"):  # four a label would all go to training
        plan_pairs(pictures, music, pairs=20, seed=0, clip_s=1.0, most_uses=2)


def test_pictures_of_one_name_stay_apart():
    places = ("x/a.png", "y/a.png", "a_1.png", "z/a.png", "x/a.png")
    pictures = [unrated(Path(place), "Sad", origin=place) for place in places]
    pairs = [Pair("train", picture, picture, Path("0.wav"), 0) for picture in pictures]
    names = painting_music._picture_names(pairs)
    assert list(names.values()) == ["sad_a.png", "sad_a_1.png", "sad_a_1_1.png", "sad_a_2.png"]


def test_a_picture_that_cannot_be_read_is_left_out(own, tmp_path, caplog):
    (tmp_path / "Happy").mkdir()
    (tmp_path / "Happy" / "bad.jpg").write_bytes(b"no picture")
    Image.new("RGB", (32, 32)).save(tmp_path / "Happy" / "good.jpg")
    kept = readable(picture_source(str(tmp_path)))
    assert [item.path.name for item in kept.items] == ["good.jpg"]
    assert "bad.jpg" in caplog.text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--pairs", "0"], "--pairs cannot be 0"),
        (["--push", "no owner"], "give owner/name"),
        (["--seed", "-1"], "--seed cannot be -1"),
        (["--clip-s", "0.2"], "cannot last 0.2 seconds"),
        (["--clip-s", "0"], "cannot last 0 seconds"),
        (["--pictures", "nowhere"], "neither a folder nor one of oasis, wikiart"),
        (["--music", "nowhere"], "neither a folder nor one of eimg, mirex"),
    ],
)
def test_mistakes_are_said_and_exit_with_2(own, tmp_path, capsys, more, said):
    assert main([*arguments(own, tmp_path / "o"), *more]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pictures/Sad/my_own.jpg", "README.md"])
def test_what_is_no_data_sets_is_not_replaced(own, tmp_path, capsys, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert main(arguments(own, tmp_path)) == 2
    assert f"The {name.partition('/')[0]} in" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("public", [False, True])
def test_push_gets_the_name_and_is_private_unless_said(own, tmp_path, monkeypatch, public):
    asked = []
    monkeypatch.setattr(painting_music, "render_music", lambda *args, **options: {})
    monkeypatch.setattr(painting_music, "push", lambda *args, **options: asked.append((args, options)))
    assert main([*arguments(own, tmp_path), "--push", "owner/name", *(["--public"] if public else [])]) == 0
    assert asked == [((tmp_path, "owner/name"), {"private": not public})]


def test_the_projects_own_sets_are_grouped_and_rated():
    try:
        data_folder("oasis"), data_folder("eimg")
    except DataMissingError as error:
        pytest.skip(str(error))
    pictures, music = picture_source("oasis"), music_source("eimg")
    assert (len(pictures.items), len({item.group for item in pictures.items})) == (697, 226)
    assert (len(music.items), music.clip_s) == (3000, 15.0)
    assert 1500 < len({item.group for item in music.items}) < 2500
    plan = plan_pairs(pictures, music, pairs=300, seed=0, clip_s=15.0, most_uses=2)
    assert {plan.quotas[label, "train"] for label in LABELS} == {48}
    for cells in (plan.pictures, plan.music):
        groups = [{item.group for label in LABELS for item in cells[label, split]} for split in SPLITS]
        assert sum(map(len, groups)) == len(set().union(*groups))
