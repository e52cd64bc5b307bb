"""A class from pictures: pieces in a shuffled order, the teacher's record apart, nothing left behind by what fails."""

import json
import wave
from pathlib import Path

import pytest
from PIL import Image

from pipelines.agreement_report import FILES
from pipelines.classroom import RECORD, TEACHER, ClassSettings, make_class, read_class, shuffled
from pipelines.classroom_records import Classroom
from pipelines.classroom_sheet import sheet_text, write_sheet
from pipelines.command_classroom import agreement_parser, classroom_parser
from pipelines.errors import NotAPictureError, SettingsError, StoppedError

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
HAPPY, SAD = EXAMPLES / "happy.jpg", EXAMPLES / "sad.jpg"
SHORT = ClassSettings(duration_s=10.0, models="embedded")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Classroom]:
    folder = tmp_path_factory.mktemp("class") / "out"
    (folder / TEACHER).mkdir(parents=True)
    for old in (folder / "piece-77.wav", folder / TEACHER / "piece-77.jpg", folder / "mine.txt"):
        old.write_text("of an earlier class")
    return folder, make_class([HAPPY, SAD], folder, SHORT, name="7b")


def test_the_pieces_are_sound_and_say_nothing_of_their_pictures(made: tuple[Path, Classroom]) -> None:
    folder, classroom = made
    assert sorted(p.name for p in folder.iterdir()) == ["mine.txt", "piece-01.wav", "piece-02.wav", TEACHER]
    for piece in classroom.pieces:
        with wave.open(str(folder / piece.sound)) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(piece.duration_s, abs=0.01)
        assert 9.5 <= piece.duration_s <= 17
        assert b"happy" not in (folder / piece.sound).read_bytes()[:200]


def test_the_teacher_has_what_each_piece_is(made: tuple[Path, Classroom]) -> None:
    folder, classroom = made
    assert read_class(folder / TEACHER / RECORD) == classroom
    assert {piece.picture for piece in classroom.pieces} == {"happy.jpg", "sad.jpg"}
    by_picture = {piece.picture: piece for piece in classroom.pieces}
    assert by_picture["happy.jpg"].wanted.valence > by_picture["sad.jpg"].wanted.valence + 1
    assert sorted(p.name for p in (folder / TEACHER).iterdir()) == [RECORD, "piece-01.jpg", "piece-02.jpg"]
    with Image.open(folder / TEACHER / by_picture["sad.jpg"].image) as small, Image.open(SAD) as whole:
        assert max(small.size) <= 720
        assert small.width / small.height == pytest.approx(whole.width / whole.height, rel=0.01)
        assert not small.getexif()


def test_the_order_is_the_seeds_and_another_seed_gives_another() -> None:
    orders = [tuple(shuffled(6, ("symbolic", "waveform"), seed).values()) for seed in range(20)]
    keys = [tuple(shuffled(6, ("symbolic", "waveform"), seed)) for seed in (0, 0, 1)]
    assert keys[0] == keys[1] != keys[2]
    assert set(orders) == {tuple(range(1, 13))}  # each number once
    first = {next(iter(shuffled(6, ("symbolic",), seed)))[0] for seed in range(60)}
    assert first == set(range(6))  # any picture may come first


def test_both_pipelines_follow_the_same_feeling(tmp_path: Path) -> None:
    both = ClassSettings(("symbolic", "waveform"), 10.0, 1, models="embedded")
    one, other = make_class([HAPPY], tmp_path, both, name="both").pieces
    assert {one.pipeline, other.pipeline} == {"symbolic", "waveform"}
    assert one.wanted == other.wanted
    assert one.heard != other.heard


def test_a_bad_picture_is_named_before_any_music_and_leaves_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "holiday.png"
    bad.write_text("this is no picture")
    told: list[int] = []
    with pytest.raises(NotAPictureError, match=r"holiday\.png"):
        make_class([HAPPY, bad], tmp_path / "out", SHORT, name="x", progress=lambda done, _: told.append(done))
    assert told == []
    assert not (tmp_path / "out").exists()


def test_one_that_is_stopped_leaves_nothing_and_an_earlier_class_as_it_was(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "out"

    def stop() -> bool:
        return bool(told and told[-1][0] == 1)

    with pytest.raises(StoppedError):
        make_class([HAPPY, SAD], out, SHORT, name="x", progress=lambda *far: told.append(far), cancelled=stop)
    assert told == [(0, 2), (1, 2)]
    assert not out.exists()
    out.mkdir()
    (out / "piece-01.wav").write_text("earlier")
    with pytest.raises(StoppedError):
        make_class([HAPPY], out, SHORT, name="x", cancelled=lambda: True)
    assert [path.read_text() for path in out.iterdir()] == ["earlier"]


@pytest.mark.parametrize(
    ("settings", "pictures", "words"),
    [
        (SHORT, 0, "A class of 0 pieces"),
        (SHORT, 100, "A class of 100 pieces"),
        (ClassSettings(duration_s=9), 1, "cannot last 9 seconds"),
        (ClassSettings(("piano",)), 1, "pipelines cannot be piano; choose from symbolic, waveform"),
        (ClassSettings(()), 1, "A class of 0 pieces"),
    ],
)
def test_what_cannot_be_made(tmp_path: Path, settings: ClassSettings, pictures: int, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_class([HAPPY] * pictures, tmp_path / "out", settings, name="x")
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_record_is_told(made: tuple[Path, Classroom], tmp_path: Path) -> None:
    path = tmp_path / RECORD
    record = json.loads((made[0] / TEACHER / RECORD).read_text(encoding="utf-8"))
    for text in ("", "[]", "{}", json.dumps({**record, "pieces": [{"number": 1}]})):
        path.write_text(text)
        with pytest.raises(SettingsError, match="no record of a class"):
            read_class(path)
    path.write_text(json.dumps({**record, "pieces": record["pieces"][1:]}))
    with pytest.raises(SettingsError, match="from 1 on"):
        read_class(path)


def test_the_sheet_is_whole_and_blind(made: tuple[Path, Classroom]) -> None:
    classroom = Classroom("</script><b>", 0, made[1].pieces)
    text = sheet_text(classroom)
    assert "happy.jpg" not in text
    assert "sad.jpg" not in text
    assert str(classroom.pieces[0].wanted.valence) not in text
    assert "</script><b>" not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "window.ekphonia" in text
    assert "piece-02.wav" in text


def test_the_commands_make_a_class_and_its_report(
    made: tuple[Path, Classroom], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "one.jpg").write_bytes(HAPPY.read_bytes())
    parser, work = classroom_parser()
    out = tmp_path / "out"
    assert work(parser.parse_args([str(pictures), "--out", str(out), "--duration", "10", "--name", "8a"])) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(out / "sheet.html"), str(out / TEACHER / RECORD)]
    assert "1 of 1 pieces" in printed.err
    answers = tmp_path / "answers-Ada.csv"
    answers.write_text('class,listener,piece,marked_valence,marked_arousal,seconds\n"8a","Ada","1","6.5","5.5","9"\n')
    parser, work = agreement_parser()
    report = tmp_path / "report"
    options = [str(answers), "--class", str(out / TEACHER / RECORD), "--out", str(report)]
    assert work(parser.parse_args(options)) == 0
    said = capsys.readouterr().out
    assert "only 1 listener and 1 piece" in said
    assert sorted(path.name for path in report.iterdir()) == sorted(FILES)
    assert work(parser.parse_args([str(report / "answers.csv"), "--out", str(tmp_path / "again")])) == 0


def test_the_sheet_is_written_beside_the_pieces(made: tuple[Path, Classroom], tmp_path: Path) -> None:
    path = write_sheet(made[1], tmp_path)
    assert path.name == "sheet.html"
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.html"]
