"""The story in plain words, and the voice that speaks it, in a page of its own with a voice that only takes notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from visitor import PATIENCE_MS

from page.describe_panel import describe_panel, describe_value, how_sure
from page.texts import i18n
from page.theme import head, theme
from pipelines.records import Caption, Emotion, MusicPrompt, Note, Score, Step, TempoMark

SAD = Emotion(3.0, 2.5, 1.5, 1.2, (0.05, 0.05, 0.7, 0.05, 0.15))
SLOW = tuple(Note(float(beat), 40, 1.0, 50) for beat in range(32))
SCORE = Score(SLOW, (TempoMark(0.0, 60.0),), tonic=9, mode="minor")
PROMPT = MusicPrompt(
    "A cello.", "mournful", "folk", 66.0, "minor", "falling, legato, low register", ("cello", "piano", "harp")
)
FOUND = {
    "emotion": Step("emotion", SAD, "embedded reader", 0.1),
    "caption": Step("caption", Caption("rain on a quiet sea"), "embedded captioner", 0.1),
    "score": Step("score", SCORE, "embedded composer", 0.1),
    "prompt": Step("prompt", PROMPT, "embedded SmolLM2", 0.1),
}
HEARD = {"symbolic": Step("heard", Emotion.at(3.3, 2.9), "listener", 0.1)}


def texts(value: dict[str, Any]) -> dict[str, str]:
    return {part["name"]: part["text"] for part in value["parts"]}


def test_the_whole_story_is_told_in_order() -> None:
    told = texts(describe_value(FOUND, HEARD))
    assert list(told) == ["shows", "feels", "piano", "words", "heard"]
    assert told["shows"] == "Rain on a quiet sea. So says the embedded captioner, which may be mistaken."
    assert told["feels"] == (
        "It feels sad and calm. On scales from 1 to 9 it lies at 3.0 between unpleasant and pleasant, and at 2.5 "
        "between calm and excited, give or take 1.5 and 1.2. Its label is Sad, of which the reader is sure: "
        "70 percent, before Neutral with 15 percent."
    )
    assert told["piano"] == (
        "The composer was asked for music that is sad and calm. It wrote 8 bars in A minor at 60 beats a minute, "
        "mostly low, soft, sparse. A minor key is the usual one for an unpleasant feeling. "
        "With about a stroke a second "
        "it moves at a slow pace, as is usual for a calm feeling."
    )
    assert told["words"] == (
        "It was to be mournful folk in a minor key, at 66 beats a minute. The melody is falling, legato and in the low "
        "register. It is for cello, piano and harp. So wrote the embedded SmolLM2. A minor key is the usual one for an "
        "unpleasant feeling. Its tempo is slow, as is usual for a calm feeling."
    )
    assert told["heard"] == (
        "A listener that does not know the picture hears the piano as sad and calm, very close to what was asked for."
    )


def test_what_has_not_come_is_left_out() -> None:
    assert describe_value({}, {}) == {"parts": []}
    assert list(texts(describe_value({"emotion": FOUND["emotion"]}, {}))) == ["feels"]
    silent = Step("score", Score((), SCORE.tempo_marks), "embedded composer", 0.0)
    assert list(texts(describe_value({"emotion": FOUND["emotion"], "score": silent}, {}))) == ["feels"]


def test_what_does_not_go_with_the_feeling_is_admitted() -> None:
    glad = Step("emotion", Emotion.at(8, 8), "you", 0.0)
    mine = Step("prompt", PROMPT, "you", 0.0)
    told = texts(describe_value({**FOUND, "emotion": glad, "prompt": mine}, HEARD))
    assert told["feels"].startswith("You chose a feeling that is joyful and lively. On scales")
    assert told["feels"].endswith("Its label is Happy.")
    assert "A minor key is not the usual one for a pleasant feeling." in told["piano"]
    assert "moves at a slow pace, which is not usual for an excited feeling." in told["piano"]
    assert told["words"].startswith("You asked in your own words: ")
    assert "asks for a feeling that is sad" in told["words"]  # the prompt contradicts the feeling above it
    assert "the band chose: " in told["words"]
    assert "So wrote" not in told["words"]
    assert told["heard"].endswith("as sad and calm, far off what was asked for.")


@pytest.mark.parametrize(("part", "words"), [(0.9, "is sure: 90"), (0.5, "is fairly sure: 50"), (0.3, "from sure: 30")])
def test_how_sure_the_reader_is_has_its_words(part: float, words: str) -> None:
    assert words in how_sure(Emotion(5, 5, 1, 1, (part, *((1 - part) / 4,) * 4)))


NOTE_WHAT_IS_SAID = """
window.said = []; window.cancelled = 0;
const utter = [];
Object.defineProperty(window, 'speechSynthesis', { value: {
  getVoices: () => [],
  cancel: () => { window.cancelled += 1; utter.length = 0; },
  speak: (one) => { utter.push(one); setTimeout(() => { if (utter.includes(one)) { window.said.push(one.text); one.onstart(); } }, 10); },
} });
window.finish = () => utter[utter.length - 1].onend();
"""  # noqa: E501


@pytest.fixture(scope="module")
def small_page() -> Iterator[str]:
    """A page with nothing but the panel and two buttons that fill it."""
    with gr.Blocks(analytics_enabled=False) as demo:
        panel = describe_panel()
        gr.Button("Fill").click(lambda: describe_value(FOUND, {}), None, panel, show_progress="hidden")
        gr.Button("Grow").click(lambda: describe_value(FOUND, HEARD), None, panel, show_progress="hidden")
        gr.Button("Empty").click(lambda: None, None, panel, show_progress="hidden")
    options: dict[str, Any] = {"server_name": "127.0.0.1", "quiet": True, "ssr_mode": False, "i18n": i18n()}
    _, url, _ = demo.launch(prevent_thread_lock=True, theme=theme(), head=head(), run_history=False, **options)
    yield url
    demo.close()


@pytest.fixture
def page(browser: Any, small_page: str) -> Iterator[Any]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    opened.add_init_script(NOTE_WHAT_IS_SAID)
    opened.goto(small_page)
    opened.wait_for_selector(".ek-tell")
    yield opened
    context.close()


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).press("Enter")


@pytest.mark.browser
def test_the_voice_speaks_when_asked_and_hushes_the_music(page: Any) -> None:
    assert page.locator(".ek-tell").is_disabled()
    press(page, "Fill")
    page.wait_for_selector(".ek-story section:nth-child(4)")
    assert page.evaluate("said") == []  # nothing is spoken by itself
    page.evaluate("window.paused = 0; ekphonia.players.add({ pause: () => { paused += 1; }, busy: () => false })")
    press(page, "Describe it to me")
    page.wait_for_function("said.length >= 12")
    assert page.evaluate("said.slice(0, 3)") == [
        "What the picture shows.",
        "Rain on a quiet sea.",
        "So says the embedded captioner, which may be mistaken.",
    ]
    assert page.evaluate("paused") == 1
    assert page.evaluate("[...ekphonia.players].some((one) => one.busy())")  # so no lane begins over it
    assert page.locator(".ek-said").count() == 1
    press(page, "Grow")  # what is told still holds
    page.wait_for_selector(".ek-story section:nth-child(5)")
    assert page.locator(".ek-tell").text_content() == "Stop speaking"
    page.evaluate("finish()")
    assert page.locator(".ek-tell").text_content() == "Describe it to me"
    assert page.locator(".ek-telling").text_content() == "That was all."


@pytest.mark.browser
@pytest.mark.parametrize("way", ["the button", "Escape", "music that begins", "another picture"])
def test_the_voice_stops(page: Any, way: str) -> None:
    press(page, "Fill")
    page.wait_for_selector(".ek-story section")
    press(page, "Describe it to me")
    page.wait_for_function("said.length >= 1")
    before = page.evaluate("cancelled")
    if way == "the button":
        press(page, "Stop speaking")
    elif way == "Escape":
        page.keyboard.press("Escape")
    elif way == "music that begins":
        page.evaluate("ekphonia.hush()")
    else:
        press(page, "Empty")
        page.wait_for_selector(".ek-describe-empty", state="visible")
    page.wait_for_function("document.querySelector('.ek-tell').textContent === 'Describe it to me'")
    assert page.evaluate("cancelled") == before + 1
    assert page.locator(".ek-said").count() == 0


@pytest.mark.browser
def test_without_a_voice_the_text_is_put_in_front(page: Any) -> None:
    press(page, "Fill")
    page.wait_for_selector(".ek-story section")
    page.evaluate("() => { speechSynthesis.speak = (one) => one.onerror({ error: 'synthesis-unavailable' }); }")
    press(page, "Describe it to me")
    assert page.locator(".ek-telling").text_content().startswith("This browser has no voice")
    assert page.evaluate("document.activeElement.className") == "ek-story"
    assert page.locator(".ek-tell").text_content() == "Describe it to me"
