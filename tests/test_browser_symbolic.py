"""The lane of notes in a real browser on a real server with the real weights: from a picture to sound and files."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visitor import PATIENCE_MS, STATUS, Visitor

from page.picture_panel import examples
from pipelines.symbolic.midi import read_midi

pytestmark = pytest.mark.browser
SECONDS = 10


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64) / 32768))))


def test_from_an_upload_to_sound_and_files(visit: Any, tmp_path: Path) -> None:
    visitor = visit()
    visitor.wait_status("Choose a picture")
    visitor.choose_length(SECONDS)
    visitor.choose_lanes("Piano")
    visitor.put_in(examples()[0].path)
    # Sound is there before it is finished.
    visitor.page.wait_for_selector("#ek-music .ek-play:enabled")
    assert visitor.wait_status("Finished: 10 seconds of piano in ")
    _check_sound(visitor.download("symbolic.wav", tmp_path))
    score = read_midi(visitor.download("symbolic.mid", tmp_path))
    assert len(score.notes) > 10
    assert score.duration_s == pytest.approx(SECONDS, abs=0.5)
    take = visitor.take(tmp_path)["chains"]["symbolic"]
    shown = visitor.page.locator("#ek-feeling")
    assert shown.locator(".ek-label").text_content() == take["wanted"]["label"]
    assert "EfficientNet" in shown.locator(".ek-maker").text_content()
    assert f"{take['distance']:.1f} apart" in visitor.page.locator("#ek-heard li .ek-sentence").text_content()
    _check_player(visitor)


def _check_sound(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (44100, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert SECONDS - 0.5 <= len(samples) / 44100 <= SECONDS + 7  # and its tail
    assert 0.02 < rms(samples) < 0.5
    thirds = [rms(part) for part in np.array_split(samples[: SECONDS * 44100], 3)]
    assert min(thirds) > 0.01


def _check_player(visitor: Visitor) -> None:
    """Seeking goes to the finished take, and it plays on from there."""
    visitor.page.evaluate("window.ekphonia.hush()")
    seek = visitor.page.locator("#ek-music .ek-seek")
    seek.evaluate("(node) => { node.value = 6; node.dispatchEvent(new Event('input', { bubbles: true })); }")
    sound = visitor.page.locator("#ek-music audio")
    visitor.page.wait_for_function("() => document.querySelector('#ek-music audio').readyState > 0")
    assert sound.evaluate("(node) => node.duration") > SECONDS - 0.5
    assert sound.evaluate("(node) => node.currentTime") >= 5.9
    visitor.page.locator("#ek-music .ek-play").click()
    visitor.page.wait_for_function("() => document.querySelector('#ek-music audio').currentTime > 6.2")
    visitor.page.locator("#ek-music .ek-play").click()
    assert sound.evaluate("(node) => node.paused") is True
    assert "Piano roll." in visitor.page.locator("#ek-music canvas").get_attribute("aria-label")


def test_what_is_no_picture_gets_a_sentence_and_stop_stops(visit: Any, tmp_path: Path) -> None:
    visitor = visit(width=390, height=844)
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    visitor.put_in(text)
    assert visitor.wait_status("holiday.png is not a picture;")
    assert "Traceback" not in visitor.page.content()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.choose_length(180)
    visitor.choose_lanes("Piano")
    visitor.page.locator(".ek-frame").nth(2).click()
    visitor.wait_status("Composing for the piano")
    visitor.page.wait_for_function("() => window.atFirstSound")
    visitor.page.locator("#ek-stop").click()
    visitor.wait_status("Stopped.")
    notes = visitor.page.locator("#ek-music canvas").get_attribute("aria-label")
    visitor.page.wait_for_selector("#ek-hear:enabled")
    visitor.page.wait_for_timeout(1500)
    assert visitor.page.locator("#ek-music canvas").get_attribute("aria-label") == notes  # nothing goes on behind
    assert visitor.page.locator(STATUS).text_content() == "Stopped."
    begun, bars = map(int, re.findall(r"\d+", visitor.page.evaluate("window.atFirstSound")))
    assert bars > 60
    assert begun < bars / 2  # sound comes while most of the piece is still unwritten
    visitor.page.locator("#ek-picture button[aria-label*=Remove i]").click()
    visitor.wait_status("Choose a picture")  # it asks for another, and does not complain
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_at_once_get_their_own_music(visit: Any, tmp_path: Path) -> None:
    pair = [visit(), visit()]
    for number, visitor in enumerate(pair):
        visitor.choose_length(SECONDS)
        visitor.choose_lanes("Piano")
        visitor.page.locator(".ek-frame").nth(number).click()
    takes = []
    for number, visitor in enumerate(pair):
        visitor.wait_status("Finished")
        folder = tmp_path / str(number)
        folder.mkdir()
        takes.append((visitor.take(folder), visitor.download("symbolic.mid", folder).read_bytes()))
    (first, notes), (second, others) = takes
    assert first["picture"]["name"] == examples()[0].path.name
    assert second["picture"]["name"] == examples()[1].path.name
    assert notes != others


def test_programs_get_the_same_take(address: str) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    job = client.submit(handle_file(str(examples()[0].path)), SECONDS, 2.0, 0, api_name="/symbolic")
    take, midi, wav, roll = job.result(timeout=PATIENCE_MS / 1000)
    settings = take["chains"]["symbolic"]["settings"]
    assert (settings["duration_s"], settings["seed"], settings["strength"]) == (10.0, 0, 2.0)
    assert len(read_midi(midi).notes) > 10
    assert Path(wav).stat().st_size > 10 * 44100 * 4 * 0.9
    assert Path(roll).read_bytes().startswith(b"\x89PNG")
    assert any("Composing" in output[0].get("status", "") for output in job.outputs()[:-1])
