"""Both chains at once: order, one emotion, stopping, leaving."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pipelines.symbolic
import pipelines.waveform
from page.settings_panel import settings_from
from page.side_by_side import side_by_side
from pipelines.errors import StoppedError
from pipelines.records import Audio, Emotion, Picture, Step

PICTURE = Picture(np.zeros((20, 20, 3), np.uint8), "black.png", "")
GIVEN = {"emotion": Emotion.at(5, 5)}
SOUND = Step("audio", Audio(np.zeros((10, 1), np.float32), 32000), "x", 0.0, final=False)


def chain(*steps: Step, begun: list[str], name: str, meet: threading.Event | None = None, release: Any = None) -> Any:
    def run(_: object, __: object, given: dict[str, Any], *, cancelled: Any) -> Iterator[Step]:
        begun.append(name)
        yield Step("emotion", given["emotion"].value, "x", 0.0)
        for step in steps:
            yield step
            if release is not None:
                release.set()
        while meet is not None and not meet.wait(0.02):
            if cancelled():
                raise StoppedError("Stopped.")

    return run


def test_the_second_begins_when_the_first_has_sounded(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    silent = Step("score", None, "x", 0.0, final=False)
    monkeypatch.setattr(pipelines.symbolic, "run", chain(silent, SOUND, begun=begun, name="symbolic"))
    monkeypatch.setattr(pipelines.waveform, "run", chain(SOUND, begun=begun, name="waveform"))
    seen = []
    for name, step in side_by_side(PICTURE, settings_from(10), GIVEN, stopped=lambda: False):
        assert isinstance(step, Step)
        seen.append((name, step.name))
        if step.name == "score":
            assert begun == ["symbolic"]
    assert seen[0][1] == "emotion"
    assert [name for _, name in seen].count("emotion") == 1
    assert sorted(seen[1:]) == [("symbolic", "audio"), ("symbolic", "score"), ("waveform", "audio")]


def test_a_chain_that_ends_without_sound_lets_the_other_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def broken(*_: object, **__: object) -> Iterator[Step]:
        raise ValueError("broken")
        yield

    monkeypatch.setattr(pipelines.symbolic, "run", broken)
    monkeypatch.setattr(pipelines.waveform, "run", chain(SOUND, begun=begun, name="waveform"))
    events = list(side_by_side(PICTURE, settings_from(10), GIVEN, stopped=lambda: False))
    assert [name for name, event in events if isinstance(event, ValueError)] == ["symbolic"]
    assert begun == ["waveform"]


def test_stopping_while_a_chain_is_busy_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    never, stop = threading.Event(), threading.Event()
    monkeypatch.setattr(pipelines.symbolic, "run", chain(SOUND, begun=[], name="symbolic", meet=never, release=stop))
    chains = {"symbolic": settings_from(10)["symbolic"]}
    with pytest.raises(StoppedError):
        for _ in side_by_side(PICTURE, chains, GIVEN, stopped=stop.is_set):
            pass


def test_leaving_lets_the_chains_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(pipelines.symbolic, "run", chain(SOUND, begun=[], name="symbolic", meet=never))
    events = side_by_side(PICTURE, {"symbolic": settings_from(10)["symbolic"]}, GIVEN, stopped=lambda: False)
    assert next(events)[1].name == "emotion"  # type: ignore[union-attr]
    next(events)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "chain symbolic"]
    events.close()
    thread.join(20)
    assert not thread.is_alive()
