"""Sound on its way to the browser: one file a message, beginning anew, holding back what would run dry."""

import json
from pathlib import Path

import numpy as np

from page.sound import Sound
from pipelines.records import Audio


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def second(start_s: float, *, rate_hz: int = 32000) -> Audio:
    return Audio(np.full((rate_hz, 1), 0.25, np.float32), rate_hz, start_s)


def starts(value: dict) -> list[float]:
    return [start for _, start in json.loads(f"[{value['chunks']}]")]


def test_sound_that_came_since_the_last_message_goes_out_as_one_file(tmp_path: Path) -> None:
    sound = Sound("run", tmp_path, "music", 30.0)
    for start in (0.0, 0.5):
        sound.add(Audio(np.full((22050, 2), 0.25, np.float32), 44100, start), "FluidSynth")
    first = sound.value()
    sound.add(Audio(np.zeros((10, 2), np.float32), 44100, 1.0), "FluidSynth")
    second_value = sound.value()
    assert starts(first) == [0.0]
    assert starts(second_value) == [0.0, 1.0]
    files = sorted(tmp_path.glob("chunk-*.wav"))
    assert [path.stat().st_size for path in files] == [44 + 44100 * 4, 44 + 10 * 4]
    assert sound.begun
    json.dumps(second_value)


def test_a_chunk_at_0_begins_anew_under_another_name(tmp_path: Path) -> None:
    sound = Sound("run", tmp_path, "wave", 10.0)
    sound.add(second(0.0), "MusicGen-small")
    sound.add(second(1.0), "MusicGen-small")
    before = sound.value()
    sound.add(second(0.0), "embedded ensemble")
    after = sound.value()
    assert before["run"] != after["run"]
    assert before["run"].split("/")[0] == after["run"].split("/")[0]
    assert starts(after) == [0.0]
    assert sound.part == 0.1
    assert len(list(tmp_path.glob("chunk-*.wav"))) == 2


def test_a_sure_runner_is_never_held(tmp_path: Path) -> None:
    sound = Sound("run", tmp_path, "music", 30.0, clock=Clock())
    sound.add(second(0.0), "FluidSynth")
    assert sound.value()["hold"] is False


def test_slow_sound_is_held_until_the_rest_will_come_in_time(tmp_path: Path) -> None:
    clock = Clock()
    sound = Sound("run", tmp_path, "wave", 30.0, clock=clock)
    held = []
    for number in range(30):  # half as fast as it plays
        clock.now = 2.0 * number
        sound.add(second(float(number)), "MusicGen-small", patient=True)
        held.append(sound.hold())
    assert held[0]
    assert held == sorted(held, reverse=True)  # once let go it stays so
    let_go = held.index(False)
    # From there on playing never overtakes making: what plays at t was made by then.
    assert all(2.0 * number <= 2.0 * let_go + number for number in range(let_go, 30))
    assert let_go < 20


def test_fast_sound_is_let_go_as_soon_as_its_pace_is_known(tmp_path: Path) -> None:
    clock = Clock()
    sound = Sound("run", tmp_path, "wave", 30.0, clock=clock)
    for number in range(12):  # four times as fast as it plays
        clock.now = number / 4
        sound.add(second(float(number)), "MusicGen-small", patient=True)
    assert sound.hold() is False
