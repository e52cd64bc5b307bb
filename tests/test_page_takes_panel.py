"""A visit's finished takes: what was changed from one to the next, what is kept, put away and put back on the desk."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from page.corrections import asked_for, correction, taken_back
from page.heard_panel import heard_value
from page.job import CORRECTABLE, Job
from page.performance import perform
from page.picture_panel import example_path
from page.settings_panel import settings_for, settings_from, settings_shown
from page.takes import ALWAYS_KEPT, TAKES_KEPT, Ask, KeptTake, Shelf, changes, thumbnail
from page.takes_panel import desk_values, takes_value
from page.words import parts_said
from pipelines.errors import SettingsError
from pipelines.records import Caption, Emotion, Picture, Step
from pipelines.waveform.prompt_parse import parse_prompt

PICTURE = Picture(np.full((30, 60, 3), 200, np.uint8), "meadow.png", "a" * 64)
SETTINGS = settings_from(10, 1.5, 3, models="embedded")
CHAINS = ("symbolic", "waveform")
HAPPY = Emotion.at(7.5, 6.0)


def ask(turn: str = "one", own: Mapping[str, Any] | None = None, **settings: Any) -> Ask:
    return Ask.of(turn, PICTURE, own or {}, replace(SETTINGS["symbolic"], **settings), CHAINS)


def kept(folder: Path, number: int, size: int = 10) -> KeptTake:
    folder.mkdir()
    for name in ("symbolic.wav", "waveform.wav", "take.json"):
        (folder / name).write_bytes(b"x" * size)
    heard = {"symbolic": Step("heard", Emotion.at(7.1, 5.7), "listener", 0.1)}
    return KeptTake(
        number=number,
        folder=folder,
        picture="meadow.png",
        name="meadow.png",
        thumbnail="data:",
        ask=ask(),
        changed=["caption edited"],
        own={"caption": Caption("Mine.")},
        found={"emotion": Step("emotion", HAPPY, "reader", 0.1)},
        asked={"symbolic": HAPPY, "waveform": Emotion.at(2.6, 3.2)},
        heard=heard,
        panels={"music": {"run": "r/music", "notes": "[0]"}, "wave": {"run": "r/wave"}, "words": {"caption": None}},
    )


def test_what_was_changed_is_told_from_take_to_take() -> None:
    moved = {"emotion": Emotion.at(2, 3)}
    assert changes(None, ask()) == ["as the models found it"]
    assert changes(ask(), ask()) == ["made again unchanged"]
    assert changes(ask(), ask(own=moved)) == ["feeling moved by hand"]
    assert changes(ask(own=moved), ask(seed=4)) == ["feeling taken back", "another seed"]
    written = {"caption": Caption("A boat."), "prompt": parse_prompt("A cello.")}
    assert changes(ask(), ask(own=written, duration_s=20)) == ["caption edited", "prompt edited", "another length"]
    other = replace(ask("two", moved), sha256="b" * 64)
    assert changes(ask(), other) == ["another picture"]
    assert changes(ask(), ask("two")) == ["made again unchanged"]  # the same picture put in once more


def test_a_shelf_is_bounded_and_takes_its_folders_with_it(tmp_path: Path) -> None:
    shelf = Shelf()
    for number in range(1, TAKES_KEPT + 3):
        shelf.add(kept(tmp_path / str(number), number), spared=[tmp_path / "1"])
    assert [take.number for take in shelf.takes] == list(range(3, TAKES_KEPT + 3))
    assert (tmp_path / "1").is_dir()  # a browser may still fetch from it
    assert not (tmp_path / "2").exists()
    assert shelf.desk == TAKES_KEPT + 2
    shelf.cleared = True  # another is begun
    assert not any(row["desk"] for row in takes_value(shelf)["takes"])
    shelf.put(TAKES_KEPT)
    assert [row["number"] for row in takes_value(shelf)["takes"] if row["desk"]] == [TAKES_KEPT]
    with pytest.raises(SettingsError, match="no longer here"):
        shelf.take(2)
    for nonsense in (None, "3", [3], True):
        with pytest.raises(SettingsError):
            shelf.take(nonsense)


def test_long_takes_are_fewer_but_two_always_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("page.takes.SHELF_BYTES", 1000)
    shelf = Shelf()
    for number in range(1, 5):
        shelf.add(kept(tmp_path / str(number), number, size=400))
    assert [take.number for take in shelf.takes] == [3, 4]
    assert len(shelf.takes) == ALWAYS_KEPT


def test_a_row_says_what_each_lane_was_asked_for_and_how_it_is_heard(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.add(kept(tmp_path / "1", 1))
    shelf.add(kept(tmp_path / "2", 2))
    rows = takes_value(shelf)["takes"]
    assert [(row["number"], row["desk"]) for row in rows] == [(2, True), (1, False)]
    piano, words = rows[0]["lanes"]
    assert (piano["asked_words"], piano["heard_words"]) == ("Happy (7.5, 6.0)", "Happy (7.1, 5.7)")
    assert piano["distance"] == 0.5
    assert (words["asked_words"], words["heard"], words["distance"]) == ("Sad (2.6, 3.2)", None, None)
    assert piano["sound"].endswith("/2/symbolic.wav")
    assert [file["file"] for file in rows[0]["files"]] == ["symbolic.wav", "waveform.wav", "take.json"]


def test_a_small_picture_stands_for_the_take() -> None:
    address = thumbnail(PICTURE)
    assert address.startswith("data:image/jpeg;base64,")
    assert len(address) < 3000


def finished(tmp_path: Path, **wish: Any) -> Job:
    job = Job.begin(tmp_path, **wish)
    job.planned.update(CHAINS)
    job.found.update({name: Step(name, name, "a model", 0.0) for name in CORRECTABLE})
    job.taken()
    return job


def test_what_the_visitor_wrote_stays_in_force_until_the_picture_changes(tmp_path: Path) -> None:
    job = finished(tmp_path)
    prompt = parse_prompt("A sad, slow cello.")
    mine = job.corrected("prompt", prompt)
    mine.found.update({"caption": job.found["caption"]})
    again = mine.again()
    assert dict(again.given) == {"prompt": "A sad, slow cello.", "caption": job.found["caption"]}
    assert (again.chains, again.picture, again.own) == (None, job.picture, {"prompt": prompt})
    moved = again.corrected("emotion", HAPPY)
    assert moved.given["prompt"] == "A sad, slow cello."  # its unsaid parts follow from the new feeling
    assert set(moved.own) == {"emotion", "prompt"}
    other = moved.another()
    assert (other.given, other.own, other.picture == moved.picture) == ({}, {}, False)


def test_a_correction_is_taken_back_and_the_others_stay(tmp_path: Path) -> None:
    job = finished(tmp_path).corrected("emotion", HAPPY).corrected("caption", Caption("Mine."))
    job.found.update({"emotion": Step("emotion", HAPPY, "you", 0.0)})
    back = job.taken_back("emotion")
    assert dict(back.given) == {"caption": Caption("Mine.")}
    assert back.chains == CHAINS
    named = job.corrected("prompt", parse_prompt("A harp.")).corrected("caption", Caption("Other."))
    assert set(named.own) == {"emotion", "caption"}  # the prompt follows from the caption
    assert taken_back({"step": "caption"}, named.own) == "caption"
    for step in ("prompt", None, ["caption"]):
        with pytest.raises(SettingsError):
            taken_back({"step": step}, named.own)


def test_a_take_put_back_is_what_the_next_request_starts_from(tmp_path: Path) -> None:
    job = finished(tmp_path)
    job.shelf.add(kept(tmp_path / "1", 1))
    job.shelf.add(kept(tmp_path / "2", 2))
    back = job.back_to(job.shelf.take(1))
    assert (job.superseded, back.superseded, back.shelf.desk) == (True, False, 1)
    assert (back.folder, back.own, back.picture) == (tmp_path / "1", {"caption": Caption("Mine.")}, "one")
    assert back.found["emotion"].value == HAPPY
    shown = dict(desk_values(job.shelf.take(1), back.shelf, back.number))
    assert (shown["music"]["still"], shown["music"]["notes"]) == (True, "[0]")
    assert shown["music"]["run"] == f"{back.number}/music"
    assert shown["wave"]["chunks"].endswith('/1/waveform.wav",0.0]')
    assert [row["desk"] for row in shown["takes"]["takes"]] == [False, True]
    for _ in range(5):
        back = back.another()
    assert (tmp_path / "1").is_dir()  # the shelf keeps what older requests put away
    assert not job.folder.exists()
    back.discard()
    assert list(tmp_path.iterdir()) == []


def test_settings_of_a_take_go_back_into_the_panel() -> None:
    settings = {"duration_s": 20.0, "strength": 2.0, "seed": 9, "models": "embedded"}
    shown = settings_shown({**settings, "composer": None}, ("waveform",))
    told = {"lanes": "From words", "duration": 20.0, "strength": 2.0, "seed": 9, "models": "embedded"}
    assert shown == {**told, "composer": "composer"}
    assert settings_shown({**settings, "composer": "causal"}, ("symbolic",))["composer"] == "causal"


def test_what_is_heard_is_compared_with_what_the_prompt_asks_for() -> None:
    found = {"prompt": Step("prompt", parse_prompt("sad, slow", emotion=HAPPY), "you", 0.0)}
    asked = asked_for(HAPPY, found)
    assert asked["symbolic"] == HAPPY
    assert (asked["waveform"].label, asked["waveform"].valence < 3.5) == ("Sad", True)
    heard = Step("heard", Emotion.at(asked["waveform"].valence, asked["waveform"].arousal + 0.5), "listener", 0.1)
    piano, words = heard_value(HAPPY, {"symbolic": heard, "waveform": heard}, found)["lanes"]
    assert (words["distance"], words["sentence"].startswith("Your prompt asks for sad")) == (0.5, True)
    assert (piano["distance"] > 4, piano["asked"], piano["sentence"].startswith("Asked for glad")) == (
        True,
        None,
        False,
    )
    by_model = {"prompt": replace(found["prompt"], made_by="a model")}
    assert asked_for(HAPPY, by_model)["waveform"] == HAPPY


def test_parts_that_a_prompt_does_not_say_are_the_bands() -> None:
    said, chosen = parts_said(parse_prompt("A falling cello tune in minor.", emotion=HAPPY))
    assert said == [("key", "minor"), ("melody", "falling"), ("instruments", "cello")]
    assert [name for name, _ in chosen] == ["mood", "genre", "tempo", "melody"]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Job, list[dict[str, Any]]]]:
    """Three requests of one visitor with the real chains: a picture, a prompt of one's own, the same heard again."""
    first = Job.begin(tmp_path_factory.mktemp("visit"))
    done = [(first, list(perform(str(example_path(2)), SETTINGS, first)))]
    _, prompt = correction({"step": "prompt", "text": "A joyful accordion waltz."}, first.found["emotion"])
    for request in (lambda: first.corrected("prompt", prompt), lambda: done[-1][0].again()):
        job = request()
        use = settings_for(job, 10, 1.5, 3, "Both", "embedded")
        done.append((job, list(perform(str(example_path(2)), use, job))))
    return done


def test_each_finished_performance_becomes_a_row(visit: list[tuple[Job, list[dict[str, Any]]]]) -> None:
    assert [any(row["desk"] for row in update["takes"]["takes"]) for update in visit[-1][1] if "takes" in update] == [
        False,  # while it is made, no take is on the desk
        True,
    ]
    rows = visit[-1][1][-1]["takes"]["takes"]
    assert [row["number"] for row in rows] == [3, 2, 1]
    assert [row["changed"] for row in rows] == ["made again unchanged", "prompt edited", "as the models found it"]
    assert [len(row["lanes"]) for row in rows] == [2, 2, 2]
    runs = [[lane["run"] for lane in row["lanes"]] for row in rows]
    assert runs[1][0] == runs[2][0]  # the piano was carried over
    assert runs[1][1] != runs[2][1]
    assert rows[1]["lanes"][1]["asked"] != rows[2]["lanes"][1]["asked"]


def test_the_visitors_prompt_is_played_again_and_shown_all_the_while(
    visit: list[tuple[Job, list[dict[str, Any]]]],
) -> None:
    _, updates = visit[-1]
    words = [update["words"] for update in updates if update.get("words")]
    assert all(value["prompt"]["text"] == "A joyful accordion waltz." for value in words)
    assert words[-1]["prompt"]["made_by"] == "you"
    assert words[-1]["caption"]["made_by"] != "you"
    earlier, later = ((job.folder / "waveform.wav").read_bytes() for job, _ in visit[1:])
    assert earlier == later


def test_the_story_grows_with_each_step(visit: list[tuple[Job, list[dict[str, Any]]]]) -> None:
    told = [[part["name"] for part in update["describe"]["parts"]] for update in visit[0][1] if update.get("describe")]
    assert told[0] == ["feels"]
    assert told[-1] == ["shows", "feels", "piano", "words", "heard"]
    assert [len(names) for names in told] == sorted(len(names) for names in told)
    assert len({tuple(names) for names in told}) >= 3  # updates that come close together are joined
