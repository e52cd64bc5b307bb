"""The page's reader of the chain, with the real chain and its real weights."""

import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pipelines.symbolic
import pipelines.waveform
from page.job import Job
from page.performance import NO_PICTURE, UNFORESEEN, perform
from page.picture_panel import example_path
from page.settings_panel import settings_from
from page.status_panel import status
from pipelines.symbolic.midi import read_midi

SHORT = settings_from(10, 1.5, 3, "Piano")


def job(tmp_path: Path) -> Job:
    return Job.begin(tmp_path)


def last_status(updates: list[dict[str, Any]]) -> dict[str, Any]:
    return [update["status"] for update in updates if "status" in update][-1]


def items(text: str) -> list[Any]:
    """The list whose items a text holds."""
    return json.loads(f"[{text}]")


@pytest.fixture(scope="module")
def performed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, list[dict[str, Any]]]:
    request = Job.begin(tmp_path_factory.mktemp("page"))
    return request, list(perform(str(example_path(0)), SHORT, request))


def test_every_panel_is_filled_and_the_story_keeps_its_order(performed: tuple[Job, list[dict[str, Any]]]) -> None:
    _, updates = performed
    first = {name: next(i for i, u in enumerate(updates) if u.get(name)) for name in ("status", "feeling", "music")}
    assert first["status"] < first["feeling"] <= first["music"]
    assert any(update.get("heard") for update in updates)
    assert updates[-1].keys() >= {"music", "files", "status"}
    assert not any(update.get("wave") or update.get("words") for update in updates)
    assert last_status(updates)["kind"] == "done"
    assert last_status(updates)["text"].startswith("Finished: 10 seconds of piano in ")


def test_notes_and_sound_grow_and_the_take_is_whole(performed: tuple[Job, list[dict[str, Any]]]) -> None:
    request, updates = performed
    music = [update["music"] for update in updates if update.get("music")]
    notes, chunks = ([len(items(m.get(name, ""))) for m in music] for name in ("notes", "chunks"))
    assert notes == sorted(notes)
    assert chunks == sorted(chunks)
    assert all(m["sound"] is None for m in music[:-1])
    score = read_midi(request.folder / "symbolic.mid")
    assert len(score.notes) == notes[-1]
    with wave.open(str(request.folder / "symbolic.wav")) as sound:
        frames = sound.getnframes()
    with_chunks = 0
    for address, _ in items(music[-1]["chunks"]):
        with wave.open(address.removeprefix("/gradio_api/file=")) as part:
            with_chunks += part.getnframes()
    assert with_chunks == frames  # what was heard live is what is kept
    take = json.loads((request.folder / "take.json").read_text())
    assert take["chains"]["symbolic"]["settings"]["seed"] == 3


def test_the_longest_piece_sounds_from_its_first_bar_on_and_sends_little(tmp_path: Path) -> None:
    bars = 0
    messages: list[dict[str, Any]] = []
    statuses: list[str] = []
    request = job(tmp_path)
    for update in perform(str(example_path(2)), settings_from(180, lanes="Piano"), request):
        messages += [update["music"]] if update.get("music") else []
        statuses += [update["status"]["detail"]] if "status" in update else []
        bars = len(items(messages[-1]["bars_ms"])) if messages else 0
        if bars > 40:
            request.stop()
    assert items(messages[0]["chunks"])  # no message with notes alone before the first sound
    assert len(items(messages[0]["bars_ms"])) <= 4
    composing = [text for text in statuses if text.startswith("bar ")]
    assert composing[0].startswith("bar 1 of ")
    assert len(set(composing)) == len(composing) >= 2
    assert len(messages) <= bars  # never more than one for each bar, however many chunks that holds


def test_progress_never_goes_back(performed: tuple[Job, list[dict[str, Any]]]) -> None:
    progress = [update["status"]["progress"] for update in performed[1] if "status" in update]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_the_same_seed_gives_the_same_notes(performed: tuple[Job, list[dict[str, Any]]], tmp_path: Path) -> None:
    request = job(tmp_path)
    list(perform(str(example_path(0)), SHORT, request))
    assert (request.folder / "symbolic.mid").read_bytes() == (performed[0].folder / "symbolic.mid").read_bytes()


def test_a_text_file_with_a_pictures_name_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    path.write_text("not a picture at all")
    updates = list(perform(str(path), SHORT, job(tmp_path)))
    # What the earlier picture gave stays; only the file that is none is taken down.
    assert [set(update) for update in updates] == [{"status"}, {"status", "picture"}]
    assert updates[-1]["picture"] is None
    assert last_status(updates)["kind"] == "warning"
    assert last_status(updates)["text"].startswith("holiday.png is not a picture;")


def test_a_picture_that_browsers_cannot_show_is_shown_as_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with Image.open(example_path(2)) as image:
        image.resize((64, 48)).save(path)
    request = job(tmp_path)
    shown = next(update["picture"] for update in perform(str(path), SHORT, request) if "picture" in update)
    request.stop()
    with Image.open(shown) as copy, Image.open(path) as original:
        assert copy.format == "PNG"
        assert copy.tobytes() == original.convert("RGB").tobytes()


def test_a_length_out_of_range_is_told(tmp_path: Path) -> None:
    updates = list(perform(str(example_path(0)), settings_from(500), job(tmp_path)))
    assert last_status(updates)["kind"] == "warning"
    assert "10 to 180 seconds" in last_status(updates)["text"]


def test_without_a_picture_it_asks_for_one(tmp_path: Path) -> None:
    updates = list(perform(None, SHORT, job(tmp_path)))
    assert [update["status"]["text"] for update in updates] == [NO_PICTURE]


def test_a_stopped_request_says_so_and_nothing_more(tmp_path: Path) -> None:
    request = job(tmp_path)
    request.stop()
    updates = list(perform(str(example_path(0)), SHORT, request))
    assert last_status(updates) == status("Stopped.", "stopped")
    assert not (request.folder / "take.json").exists()


def test_stopping_in_the_middle_ends_it(tmp_path: Path) -> None:
    request = job(tmp_path)
    updates: list[dict[str, Any]] = []
    for update in perform(str(example_path(0)), settings_from(60, lanes="Piano"), request):
        updates.append(update)
        if update.get("music"):
            request.stop()
    assert last_status(updates)["kind"] == "stopped"
    assert not any(update.get("files") for update in updates)


def test_what_nobody_foresaw_is_logged_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        raise RuntimeError("secret detail in /private/place")
        yield

    monkeypatch.setattr(pipelines.symbolic, "run", broken)
    updates = list(perform(str(example_path(0)), SHORT, job(tmp_path)))
    assert last_status(updates) == status(UNFORESEEN, "warning")
    assert "secret detail" in caplog.text


def test_a_new_picture_takes_away_what_the_earlier_one_gave(performed: tuple[Job, list[dict[str, Any]]]) -> None:
    first = next(update for update in performed[1] if "files" in update)
    assert [name for name, value in first.items() if value is None] == [
        "music",
        "words",
        "wave",
        "heard",
        "files",
    ]
    assert [part["name"] for part in first["describe"]["parts"]] == ["feels"]  # all that is known of this one
