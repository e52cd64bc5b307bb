"""Both lanes in a real browser with the embedded models: words and sound, and what the visitor corrects."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visitor import PATIENCE_MS, Visitor

from page.picture_panel import examples

pytestmark = pytest.mark.browser
SECONDS = 10
PEAK = "(node) => { const p = node.getContext('2d').getImageData(0, 0, node.width, node.height).data; let n = 0; " \
    "for (let i = 3; i < p.length; i += 4) if (p[i]) n++; return n / (p.length / 4); }"  # fmt: skip

NOTE_STATUS = """() => {
  const line = document.querySelector('#ek-status [role=status]');
  window.said = [];
  const changes = { childList: true, characterData: true, subtree: true };
  new MutationObserver(() => window.said.push(line.textContent)).observe(line, changes);
}"""


@pytest.fixture
def finished(visit: Any) -> Visitor:
    """A visitor who has heard an example in both lanes."""
    visitor: Visitor = visit()
    visitor.choose_length(SECONDS)
    visitor.page.locator(".ek-frame").nth(0).click()
    visitor.wait_status("Finished: 10 seconds of piano in ")
    return visitor


def text_of(visitor: Visitor, step: str) -> str:
    return str(visitor.page.locator(f"#ek-{step}-text").input_value())


def steps_of(chain: dict[str, Any]) -> dict[str, Any]:
    return {step["name"]: step for step in chain["steps"]}


def test_one_picture_gives_words_and_two_pieces_of_music(finished: Visitor, tmp_path: Path) -> None:
    chains = finished.take(tmp_path)["chains"]
    said = steps_of(chains["waveform"])
    assert text_of(finished, "caption") == said["caption"]["value"]["text"]
    assert text_of(finished, "prompt") == said["prompt"]["value"]["text"]
    words = finished.page.locator("#ek-words")
    assert "embedded captioner" in words.locator("form").nth(0).locator(".ek-maker").text_content()
    assert f"{said['prompt']['value']['tempo_bpm']:.0f} BPM" in words.locator(".ek-parts").first.text_content()
    assert "made by the embedded ensemble" in finished.page.locator("#ek-wave .ek-made").text_content()
    with wave.open(str(finished.download("waveform.wav", tmp_path))) as file:
        assert (file.getframerate(), file.getnchannels()) == (32000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float) / 32768
    assert len(samples) / 2 / 32000 >= SECONDS
    assert np.sqrt((samples**2).mean()) > 0.02
    drawn = finished.page.locator("#ek-wave canvas")
    assert finished.once(lambda: drawn.evaluate(PEAK) > 0.05, True)  # the waveform is drawn
    heard = finished.page.locator("#ek-heard li")
    assert heard.count() == 2
    for number, chain in enumerate(chains.values()):
        assert f"{chain['distance']:.1f} apart" in heard.nth(number).text_content()
    assert len(finished.page.locator("#ek-heard .ek-plane").get_attribute("aria-label").split(";")) == 3


def test_one_lane_plays_at_a_time(finished: Visitor) -> None:
    piano, words = (finished.page.locator(f"#ek-{lane} .ek-play") for lane in ("music", "wave"))
    finished.page.evaluate("window.ekphonia.hush()")
    finished.page.locator("#ek-music canvas").press("Home")  # so that it does not end by itself
    piano.click()
    finished.page.wait_for_function(
        "() => document.querySelector('#ek-music .ek-play').ariaLabel === 'Pause the piano'"
    )
    words.click()
    finished.page.wait_for_function(
        "() => document.querySelector('#ek-wave .ek-play').ariaLabel === 'Pause the music from words' "
        "&& document.querySelector('#ek-music .ek-play').ariaLabel === 'Play the piano'",
    )


def test_an_edited_prompt_makes_only_its_music_again(finished: Visitor, tmp_path: Path) -> None:
    before = finished.take(tmp_path)["chains"]
    button = finished.page.locator("#ek-words form[data-step=prompt] [type=submit]")
    assert button.is_disabled()
    prompt = "A mournful cello over soft strings, very slow, 52 BPM, in A minor."
    finished.page.locator("#ek-prompt-text").fill(prompt)
    assert button.is_enabled()
    button.click()
    finished.wait_for_another()
    after = finished.take(tmp_path)["chains"]
    assert after["symbolic"] == before["symbolic"]
    assert steps_of(after["waveform"])["prompt"]["made_by"] == "you"
    assert steps_of(after["waveform"])["prompt"]["value"]["tempo_bpm"] == 52
    assert steps_of(after["waveform"])["caption"] == steps_of(before["waveform"])["caption"]
    assert text_of(finished, "prompt") == prompt
    assert "Written by you" in finished.page.locator("#ek-words").text_content()
    assert after["waveform"]["heard"]["arousal"] < before["waveform"]["heard"]["arousal"]


def test_an_edited_caption_makes_a_new_prompt(finished: Visitor, tmp_path: Path) -> None:
    earlier = text_of(finished, "prompt")
    finished.page.locator("#ek-caption-text").fill("A happy brass band marches through a city at night.")
    finished.page.locator("#ek-words form[data-step=caption] [type=submit]").click()
    finished.wait_for_another()
    steps = steps_of(finished.take(tmp_path)["chains"]["waveform"])
    assert steps["caption"]["made_by"] == "you"
    assert steps["prompt"]["made_by"] != "you"
    assert text_of(finished, "prompt") != earlier


def test_a_dragged_feeling_is_followed_in_both_lanes(finished: Visitor, tmp_path: Path) -> None:
    plane = finished.page.locator("#ek-feeling .ek-plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    point = finished.page.locator("#ek-feeling .ek-asked-point").bounding_box()
    mouse = finished.page.mouse
    mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75, steps=5)
    mouse.up()
    sliders = [float(finished.page.locator(f"#ek-feeling .ek-{axis}").input_value()) for axis in ("valence", "arousal")]
    assert sliders[0] < 4
    assert sliders[1] < 4
    finished.page.locator("#ek-feeling .ek-valence").focus()
    finished.page.keyboard.press("ArrowLeft")  # by keys as well
    sliders[0] = round(sliders[0] - 0.1, 1)
    finished.page.get_by_role("button", name="Play this feeling").click()
    finished.wait_for_another()
    assert finished.page.locator("#ek-feeling .ek-label").text_content() == "Sad"
    assert "Chosen by you" in finished.page.locator("#ek-feeling").text_content()
    for chain in finished.take(tmp_path)["chains"].values():
        assert [chain["wanted"]["valence"], chain["wanted"]["arousal"]] == pytest.approx(sliders)


def test_what_a_visitor_writes_stays_text(finished: Visitor) -> None:
    finished.page.locator("#ek-caption-text").fill("<img src=x onerror=window.hit=1> ${window.hit=1} {{value}}")
    finished.page.locator("#ek-words form[data-step=caption] [type=submit]").click()
    finished.wait_for_another()
    assert finished.page.evaluate("window.hit") is None
    assert "<img src=x" in text_of(finished, "caption")


def test_a_second_picture_in_the_midst_takes_over(visit: Any, tmp_path: Path) -> None:
    visitor: Visitor = visit()
    visitor.choose_length(120)
    visitor.choose_lanes("Piano")
    visitor.page.locator(".ek-frame").nth(0).click()
    visitor.wait_status("Composing for the piano")
    visitor.choose_length(SECONDS)
    visitor.page.evaluate(NOTE_STATUS)
    visitor.page.locator(".ek-frame").nth(1).click()
    visitor.wait_status("Finished: 10 seconds of piano in ")
    said = visitor.page.evaluate("window.said")
    assert not any(text.startswith("Stopped") for text in said)  # the first one's end is nobody's business
    assert visitor.take(tmp_path)["picture"]["name"] == examples()[1].path.name


def test_another_picture_takes_away_what_the_first_one_gave(finished: Visitor) -> None:
    finished.choose_lanes("Piano")
    finished.page.locator(".ek-frame").nth(1).click()
    finished.wait_for_another()
    assert text_of(finished, "caption") == text_of(finished, "prompt") == ""
    assert finished.page.locator("#ek-wave .ek-play").is_disabled()
    assert finished.page.locator("#ek-heard li").count() == 1
    assert finished.page.locator("#ek-files a[download='waveform.wav']").count() == 0


def test_the_models_are_listed(finished: Visitor) -> None:
    finished.page.get_by_role("button", name="Models: who does what here").click()
    rows = finished.page.locator("#ek-models li")
    rows.nth(3).wait_for()
    assert rows.count() == 4
    assert "CC-BY-NC-4.0" in rows.nth(3).text_content()


def test_programs_give_their_own_prompt(address: str) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    prompt = "A joyful ragtime piano, 140 BPM, major."
    job = client.submit(handle_file(str(examples()[0].path)), SECONDS, 1.5, 0, "", prompt, api_name="/waveform")
    take, sound = job.result(timeout=PATIENCE_MS / 1000)
    steps = steps_of(take["chains"]["waveform"])
    assert steps["prompt"]["value"]["text"] == prompt
    assert "caption" not in steps
    with wave.open(sound) as file:
        assert file.getnframes() / file.getframerate() >= SECONDS
