"""The take's ZIP: complete, plain, the same each time; and read again without trusting it."""

import hashlib
import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines import export_stored
from pipelines.bundle import Part, write_take
from pipelines.errors import SettingsError
from pipelines.export_readme import readme, requirements
from pipelines.export_stored import open_take, unpack
from pipelines.export_zip import export_zip
from pipelines.picture import read_picture
from pipelines.records import Audio, Caption, Emotion, MusicPrompt, Note, Score, Step, TempoMark

EXAMPLE = Path(__file__).resolve().parent.parent / "assets" / "examples" / "sad.jpg"
PROMPT = MusicPrompt("A slow cello song.", "mournful", "classical", 56.0, "minor", "slow, falling", ("cello",))
NOTES = [
    Step("emotion", Emotion.at(3.0, 3.0), "you", 0.0),
    Step(
        "score",
        Score((Note(0.0, 60, 4.0, 80),), (TempoMark(0.0, 60.0),)),
        "embedded composer",
        0.3,
        licence="Apache-2.0",
    ),
    Step("audio", Audio(np.full((4410, 2), 0.1, np.float32), 44100), "FluidSynth with FluidR3_GM", 0.2),
]
WORDS = [
    Step("emotion", Emotion.at(3.0, 3.0), "you", 0.0),
    Step("caption", Caption("A boat."), "embedded captioner", 0.1, note="BLIP failed."),
    Step("prompt", PROMPT, "written template", 0.0),
    Step("audio", Audio(np.zeros((3200, 2), np.float32), 32000), "MusicGen-small", 9.0, licence="CC-BY-NC-4.0"),
    Step("heard", Emotion.at(3.0, 4.0), "embedded audio listener", 0.0),
]


@pytest.fixture
def take(tmp_path) -> Path:
    parts = {
        "symbolic": Part(tuple(NOTES), {"seed": 7, "duration_s": 10.0}),
        "waveform": Part(tuple(WORDS), {"seed": 7}),
    }
    return write_take(parts, tmp_path / "take", picture=read_picture(EXAMPLE)).folder


def repacked(take: Path, path: Path, change: Callable[[zipfile.ZipFile], None], *, without: str = "") -> Path:
    """A ZIP with the take's files, and what somebody else puts into it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(take.iterdir()):
            if file.name != without:
                archive.write(file, file.name)
        change(archive)
    return path


def test_all_is_in_it_and_the_hashes_agree(take, tmp_path) -> None:
    (take / "symbolic.mp3").write_bytes(b"mp3")
    (take / "notes of mine.txt").write_text("private")
    path = export_zip(take, tmp_path / "take.zip", exported=[take / "symbolic.mp3"])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "README.txt",
            "SHA256SUMS",
            "requirements.txt",
            "symbolic.mid",
            "symbolic.mp3",
            "symbolic.wav",
            "take.json",
            "waveform.wav",
        ]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("symbolic.wav") == (take / "symbolic.wav").read_bytes()
        sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
        for name in set(archive.namelist()) - {"SHA256SUMS"}:
            assert sums[name] == hashlib.sha256(archive.read(name)).hexdigest()
        assert len(sums) == 7


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_itself_takes_the_list(take, tmp_path) -> None:
    unpack(export_zip(take, tmp_path / "take.zip"), tmp_path / "new")
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "new", capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.count(": OK")) == (0, 6)


def test_the_same_take_gives_the_same_bytes(take, tmp_path) -> None:
    one, two = (export_zip(take, tmp_path / name) for name in ("one.zip", "two.zip"))
    assert one.read_bytes() == two.read_bytes()
    shutil.copytree(take, tmp_path / "copy")  # other times, another folder
    assert export_zip(tmp_path / "copy", tmp_path / "three.zip").read_bytes() == one.read_bytes()


def test_the_picture_is_in_it_only_where_asked_and_only_the_very_one(take, tmp_path) -> None:
    digest = hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    path = export_zip(take, tmp_path / "with.zip", picture=EXAMPLE, with_picture=True)
    assert open_take(path).sha256["picture.jpg"] == digest
    plain = open_take(export_zip(take, tmp_path / "without.zip", picture=EXAMPLE))
    assert "picture.jpg" not in plain.sha256
    assert plain.record["picture"]["sha256"] == digest
    for wrong, message in ((EXAMPLE.with_name("fun.jpg"), "not the picture"), (None, "no picture to put")):
        with pytest.raises(SettingsError, match=message):
            export_zip(take, tmp_path / "wrong.zip", picture=wrong, with_picture=True)
    assert not (tmp_path / "wrong.zip").exists()


def test_a_folder_without_a_take_and_other_files_are_refused(take, tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"no take\.json"):
        export_zip(tmp_path, tmp_path / "a.zip")
    (tmp_path / "song.mp3").write_bytes(b"x")
    with pytest.raises(SettingsError, match=r"song\.mp3 is no export"):
        export_zip(take, tmp_path / "a.zip", exported=[tmp_path / "song.mp3"])
    with pytest.raises(SettingsError, match=r"end in \.zip"):
        export_zip(take, tmp_path / "a.rar")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["song.mp3", "take"]


def test_the_readme_says_it_in_plain_words(take) -> None:
    record = json.loads((take / "take.json").read_text())
    text = readme(record, ["take.json", "symbolic.mid", "waveform.wav"])
    flat = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100
    assert "Made from the picture sad.jpg. It is not in this ZIP." in flat
    assert record["picture"]["sha256"] in text
    assert "The emotion, by you: Sad, valence 3.0, arousal 3.0." in flat
    assert "MusicGen-small: CC-BY-NC-4.0. That is: not for commercial use" in flat
    assert "that music is not for commercial use." in flat
    assert "FluidSynth with FluidR3_GM: MIT." in flat
    assert "BLIP failed." in flat
    assert "seed 7" in flat
    assert "symbolic.wav" not in text  # it does not lie beside it
    del record["chains"]["waveform"]
    assert "commercial use." not in readme(record, [])


def test_the_requirements_are_as_pip_takes_them() -> None:
    versions = {"python": "3.11.7", "torch": "2.13.0+cpu", "numpy": "2.4.6", "symusic": None, "cpu_capability": "AVX2"}
    versions |= {"--index-url http://else": "1", "evil": "1 --hash"}
    text = requirements({"ekphonia": "0.2.0", "versions": versions})
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["numpy==2.4.6", "torch==2.13.0  # the build cpu"]
    assert "# Python: 3.11.7" in text
    assert "AVX2" in text


def test_a_take_is_read_from_its_zip_its_folder_and_its_record(take, tmp_path) -> None:
    path = export_zip(take, tmp_path / "take.zip")
    zipped, folder, record = open_take(path), open_take(take), open_take(take / "take.json")
    assert zipped.record == folder.record == record.record
    assert folder.sha256.items() <= {**zipped.sha256}.items()
    assert set(folder.sha256) == {"symbolic.mid", "symbolic.wav", "waveform.wav"}
    assert zipped.changed == frozenset()


def test_a_folder_that_was_packed_again_by_hand_is_read_too(take, tmp_path) -> None:
    unpack(export_zip(take, tmp_path / "take.zip"), tmp_path / "mine")
    path = Path(shutil.make_archive(str(tmp_path / "again"), "zip", tmp_path, "mine"))
    assert open_take(path).sha256 == open_take(tmp_path / "take.zip").sha256


def test_a_file_that_was_changed_in_the_zip_is_named(take, tmp_path) -> None:
    unpack(export_zip(take, tmp_path / "take.zip"), tmp_path / "mine")
    (tmp_path / "mine" / "symbolic.mid").write_bytes(b"MThd other")
    path = repacked(tmp_path / "mine", tmp_path / "changed.zip", lambda archive: None)
    assert open_take(path).changed == {"symbolic.mid"}


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../symbolic.mid", "..\\evil.txt", "C:\\evil.txt"])
def test_a_path_that_leads_out_is_refused(take, tmp_path, name) -> None:
    path = repacked(take, tmp_path / "slip.zip", lambda archive: archive.writestr(name, "x"))
    before = sorted(tmp_path.rglob("*"))
    for read in (open_take, lambda source: unpack(source, tmp_path / "new")):
        with pytest.raises(SettingsError, match="leads out of it"):
            read(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_and_foreign_files_are_never_written(take, tmp_path) -> None:
    link = zipfile.ZipInfo("symbolic.mp3")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    def add(archive: zipfile.ZipFile) -> None:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("page.html", "<script>")
        archive.writestr("deep/er/take.json", "{}")

    written = unpack(repacked(take, tmp_path / "odd.zip", add), tmp_path / "new")
    assert sorted(p.name for p in written) == [
        "symbolic.mid",
        "symbolic.mp3",
        "symbolic.wav",
        "take.json",
        "waveform.wav",
    ]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(p.name for p in written)
    assert not (tmp_path / "new" / "symbolic.mp3").is_symlink()


def test_bombs_are_refused_by_what_they_say_and_by_what_they_hold(take, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(export_stored, "MOST_BYTES_A_FILE", 100_000)
    one = repacked(take, tmp_path / "one.zip", lambda archive: archive.writestr("waveform.mp3", b"\0" * 100_001))
    assert one.stat().st_size < 30_000
    with pytest.raises(SettingsError, match="an entry of 0 MB, more than"):
        open_take(one)
    monkeypatch.setattr(export_stored, "MOST_BYTES", 60_000)
    many = repacked(take, tmp_path / "many.zip", lambda archive: archive.writestr("x.bin", b"\0" * 50_000))
    with pytest.raises(SettingsError, match="unpacks to 0 MB, more than"):
        open_take(many)
    monkeypatch.undo()
    crowd = repacked(take, tmp_path / "crowd.zip", lambda a: [a.writestr(f"{i}.txt", "") for i in range(200)] and None)
    with pytest.raises(SettingsError, match="204 entries, more than 100"):
        open_take(crowd)


def test_an_entry_larger_than_its_header_says_is_refused(take, tmp_path) -> None:
    path = repacked(take, tmp_path / "liar.zip", lambda archive: archive.writestr("waveform.mp3", b"\0" * 5_000_000))
    data = path.read_bytes()
    size = (5_000_000).to_bytes(4, "little")
    assert data.count(size) == 2  # in the entry's header and in the list at the end
    path.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(SettingsError, match="no whole ZIP file"):
        open_take(path)
    with pytest.raises(SettingsError, match="no whole ZIP file"):
        unpack(path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("", r"holds no take\.json"),
        ("{", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ("[]", "no record of Ekphonia's"),
        ('{"ekphonia": "1", "chains": {}}', "no record of Ekphonia's"),
        ('{"ekphonia": "1", "chains": {"other": {"settings": {}, "steps": []}}}', "no record of Ekphonia's"),
        ('{"ekphonia": "1", "chains": {"symbolic": {"settings": {}, "steps": [7]}}}', "no record of Ekphonia's"),
        ('{"ekphonia": "1", "chains": {"symbolic": {"settings": {}, "steps": [{"name": 1}]}}}', "no record of"),
        (" " * 2_000_001, "more than 2 MB"),
    ],
)
def test_a_missing_or_foreign_record_is_told(tmp_path, record, message) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("take.json", record)
    with pytest.raises(SettingsError, match=message):
        open_take(path)
    (tmp_path / "take.json").write_text(record)
    with pytest.raises(SettingsError, match=message):
        open_take(tmp_path)


def test_what_is_no_zip_or_a_broken_one_is_told(take, tmp_path) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        open_take(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("not a ZIP")
    with pytest.raises(SettingsError, match="no whole ZIP"):
        open_take(tmp_path / "text.zip")
    whole = export_zip(take, tmp_path / "take.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SettingsError, match="no whole ZIP"):
        open_take(tmp_path / "cut.zip")
    at = whole.index(b"symbolic.wav") + 200  # within the packed sound
    (tmp_path / "bent.zip").write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    with pytest.raises(SettingsError, match="no whole ZIP"):
        open_take(tmp_path / "bent.zip")


def test_a_name_that_comes_twice_a_secret_and_an_odd_packing_are_refused(take, tmp_path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = repacked(take, tmp_path / "twice.zip", lambda archive: archive.writestr("take.json", "{}"))
    with pytest.raises(SettingsError, match="twice"):
        open_take(twice)
    odd = repacked(take, tmp_path / "odd.zip", lambda archive: archive.writestr("a.txt", "x", zipfile.ZIP_LZMA))
    with pytest.raises(SettingsError, match="not supported"):
        open_take(odd)
    data = bytearray(export_zip(take, tmp_path / "take.zip").read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1  # the flag of encryption, in the list at the end
    (tmp_path / "secret.zip").write_bytes(data)
    with pytest.raises(SettingsError, match="encrypted"):
        open_take(tmp_path / "secret.zip")
