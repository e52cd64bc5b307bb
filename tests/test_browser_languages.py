"""The page in a visitor's own language: headings, buttons, what is told while it runs, else English."""

from __future__ import annotations

from typing import Any

import pytest
from visitor import Visitor

from page.texts import TEXTS, plain

pytestmark = pytest.mark.browser
SECONDS = 10
HEADINGS = [
    f"{part}.heading" for part in ("picture", "feeling", "music", "words", "heard", "takes", "files", "describe")
]


@pytest.fixture
def abroad(visit: Any) -> Any:
    """Open the page as a visitor whose browser speaks a language; what the console tells fails the test."""
    return lambda locale: visit(locale=locale)


def shown_headings(visitor: Visitor) -> list[str]:
    return [text.strip() for text in visitor.page.locator("h2.ek-heading > [data-text]").all_inner_texts()]


@pytest.mark.parametrize(("locale", "language", "tag"), [("de-DE", "de", "de"), ("ja-JP", "ja", "ja")])
def test_the_page_speaks_the_visitors_language(abroad: Any, locale: str, language: str, tag: str) -> None:
    visitor = abroad(locale)
    page, texts = visitor.page, TEXTS[language]
    assert visitor.once(lambda: page.evaluate("document.documentElement.lang"), tag) == tag
    assert visitor.once(page.title, texts["page.title"]) == texts["page.title"]
    assert set(shown_headings(visitor)) >= {texts[key] for key in HEADINGS if key in texts}
    assert page.locator("#ek-hear").inner_text() == texts["settings.hear"]
    assert page.get_by_role("tab", name=texts["tab.journey"]).count() == 1
    assert page.locator("#ek-lanes-choice").get_by_label(texts["settings.both"], exact=True).is_checked()
    assert page.locator("#ek-feeling .ek-plane").get_attribute("aria-label") == texts["plane.empty"]
    assert page.locator(".ek-frame img").first.get_attribute("alt") == texts["example.happy_alt"]
    page.locator("#ek-hear").click()  # without a picture
    visitor.wait_status(texts["status.no_picture"])


def test_what_runs_is_told_in_german_and_what_the_models_say_stays_english(abroad: Any) -> None:
    visitor = abroad("de-DE")
    page = visitor.page
    visitor.choose_length(SECONDS)
    page.locator(".ek-frame").nth(0).click()
    visitor.wait_status("Fertig: 10 Sekunden Klavier in ")
    label = page.locator("#ek-feeling .ek-label").inner_text()
    assert label in {TEXTS["de"][f"label.{name}"] for name in ("happy", "angry", "sad", "fun", "neutral")}
    sentence = page.locator("#ek-feeling .ek-sentence").inner_text()
    assert sentence.startswith("Es wirkt ")
    assert "," in sentence.partition("Valenz")[2].partition("±")[0]  # a decimal comma
    assert page.locator("#ek-caption-text").get_attribute("lang") == "en"
    assert page.locator("#ek-wave .ek-caption").get_attribute("lang") == "en"  # the prompt's own words
    story = page.locator("#ek-describe .ek-story")
    assert story.locator("h3").all_inner_texts() == [
        plain(f"describe.{part}", "de") for part in ("shows", "feels", "piano", "words", "heard")
    ]
    assert "Prozent" in story.inner_text()


def test_a_language_that_the_page_has_not_gets_english(abroad: Any) -> None:
    visitor = abroad("eo")
    assert visitor.page.evaluate("document.documentElement.lang") == "en"
    assert visitor.page.locator("#ek-hear").inner_text() == "Hear it"
    assert "The picture" in shown_headings(visitor)


def test_chinese_is_simplified_and_marked_so(abroad: Any) -> None:
    visitor = abroad("zh-CN")
    assert visitor.page.evaluate("document.documentElement.lang") == "zh-CN"
    assert visitor.page.locator("#ek-hear").inner_text() == TEXTS["zh"]["settings.hear"]
