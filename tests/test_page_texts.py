"""The catalogues agree with each other and with the code; messages are English in Python and keys in the browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import gradio as gr
import pytest

from page.classroom_rooms import MOST_PICTURES
from page.own import UI_DIR, Own, heading, own_component
from page.picture_panel import examples
from page.texts import LANGUAGES, PLACE, REFERENCE, TEXTS, for_browser, i18n, joined, plain, say, text, words_of
from pipelines.errors import SettingsError
from pipelines.journey import NO_MEDICAL_DEVICE
from pipelines.records import KEY_NAMES, LABELS

ENGLISH = TEXTS[REFERENCE]
OTHERS = [language for language in LANGUAGES if language != REFERENCE]
PAGE = Path(__file__).resolve().parent.parent / "page"
SOURCES = [*PAGE.glob("*.py"), *UI_DIR.glob("*.html"), *UI_DIR.glob("*.js")]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
QUOTED = re.compile(r"""["'`]([a-z]+\.(?:[a-z_0-9.]|\$?\{[^{}"`]*(?:\{[^{}]*\}[^{}"`]*)*\})+)["'`]""")
ASKED = re.compile(r"""(?:\bsay|\bsaying|\btext|\bwords|\bplain|\bmarked)\(\s*["'`]([a-z]+\.[a-z_0-9.]+)["'`]""")
PLURAL = re.compile(r"\.(one|other)$")


def places(template: str) -> set[str]:
    return {place[0] for place in PLACE.finditer(template)}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_keys_of_english(language: str) -> None:
    assert list(TEXTS[language]) == list(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_the_places_of_english_and_says_something(language: str) -> None:
    for key, template in TEXTS[language].items():
        assert template.strip() or key == "list.sentences", key
        differing = places(template) ^ places(ENGLISH[key])
        assert not differing or (key.endswith(".one") and differing == {"{n}"}), key  # one may be said without a figure


@pytest.mark.parametrize("language", OTHERS)
def test_texts_are_translated(language: str) -> None:
    sentences = [key for key in ENGLISH if ENGLISH[key].count(" ") >= 3 and not key.startswith(("models.", "file"))]
    assert len(sentences) > 150
    assert [key for key in sentences if TEXTS[language][key] == ENGLISH[key]] == []


def test_counted_texts_come_in_pairs() -> None:
    for key in ENGLISH:
        if PLURAL.search(key):
            assert {PLURAL.sub(".one", key), PLURAL.sub(".other", key)} <= set(ENGLISH)
            assert PLURAL.sub("", key) not in ENGLISH


def test_every_key_that_the_code_names_is_there() -> None:
    named = set(ASKED.findall(CODE)) | set(re.findall(r"""data-text(?:-\w+)?="(\w+\.[\w.]+)\"""", CODE))
    named -= {"panel.what"}  # the example in texts.py
    assert len(named) > 200
    assert sorted(key for key in named if key not in ENGLISH and f"{key}.other" not in ENGLISH) == []


def test_every_key_is_named_by_the_code() -> None:
    patterns = []
    for quoted in set(QUOTED.findall(CODE)):
        parts = re.split(r"\$?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", quoted)
        patterns.append(r"[\w.]*".join(map(re.escape, parts)))
    named = re.compile("|".join(sorted(patterns)))
    stems = (PLURAL.sub("", key).removesuffix("_same") for key in ENGLISH)  # words.py makes the one from the other
    assert sorted(stem for stem in stems if not named.fullmatch(stem)) == []


ATTRIBUTES = {"label": "aria-label", "roledescription": "aria-roledescription", "sure": "data-sure"}


class Marked(HTMLParser):
    """The texts of a template's marked elements, and of their marked attributes, by their keys."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.key: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.key = given.get("data-text")
        for name, key in given.items():
            if name.startswith("data-text-") and key:
                short = name.removeprefix("data-text-")
                self.found.append((key, given[ATTRIBUTES.get(short, short)] or ""))

    def handle_data(self, data: str) -> None:
        if self.key:
            self.found.append((self.key, data))
            self.key = None


@pytest.mark.parametrize("template", sorted(path.name for path in UI_DIR.glob("*.html")))
def test_the_markup_says_the_same_in_english(template: str) -> None:
    reader = Marked()
    reader.feed((UI_DIR / template).read_text(encoding="utf-8"))
    for key, words in reader.found:
        assert words == ENGLISH[key]


def test_messages_are_english_in_python_and_keys_in_the_browser() -> None:
    made = say("made.piano", length=say("length.seconds", n=30), key=say("key.a_minor"))
    assert made == "30 seconds of piano in A minor"
    line = joined(say("status.finished", made=made, seconds=2.345), "The captioner is out of order.")
    assert line == "Finished: 30 seconds of piano in A minor, made in 2.3 s. The captioner is out of order."
    sent = for_browser({"text": line, "progress": 1.0})["text"]
    assert (sent["parts"][1], sent["between"]) == ("The captioner is out of order.", "list.sentences")
    assert sent["parts"][0]["values"]["seconds"] == 2.345
    assert sent["parts"][0]["values"]["made"]["values"]["length"] == {"key": "length.seconds", "values": {"n": 30}}
    assert own_component("status").postprocess({"text": line})["text"] == sent


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Finished: 1 minute of piano in F sharp minor, made in 2.0 s."),
        ("de", "Fertig: 1 Minute Klavier in fis-Moll, entstanden in 2.0 s."),
        ("fr", "Terminé : 1 minute de piano en fa dièse mineur, en 2.0 s."),
        ("ja", "完成：嬰ヘ短調のピアノ曲1分、所要2.0秒。"),
    ],
)
def test_messages_within_messages_are_said_in_one_language(language: str, words: str) -> None:
    made = say("made.piano", length=say("length.minutes", n=1), key=say("key.f_sharp_minor"))
    assert plain("status.finished", language, made=made, seconds=2.0) == words


def test_one_is_counted_as_each_language_counts() -> None:
    assert plain("length.minutes", "en", n=0) == "0 minutes"
    assert plain("length.minutes", "fr", n=0) == "0 minute"
    assert plain("length.minutes", "de", n=1) == "1 Minute"
    assert plain("status.words_part", "de", part=0.456) == "Musik aus Worten 46%"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("page.nothing")
    with pytest.raises(KeyError):
        text("page.nothing")


def test_an_error_of_the_page_keeps_its_message() -> None:
    kept = words_of(SettingsError(say("files.not_yet")))
    assert for_browser(kept) == {"key": "files.not_yet", "values": {}}
    assert for_browser(words_of(SettingsError("The seed is too large."))) == "The seed is too large."


def test_gradio_gets_all_catalogues_and_headings_are_marked() -> None:
    assert set(i18n().translations_dict) == set(LANGUAGES)
    assert str(text("settings.hear")).startswith("__i18n__")
    with gr.Blocks():
        value = heading(1, "picture.heading").value
        assert isinstance(own_component("status"), Own)
    assert 'data-text="picture.heading">The picture</b>' in value


def test_what_is_counted_or_named_elsewhere_agrees() -> None:
    for language in LANGUAGES:
        assert str(MOST_PICTURES) in TEXTS[language]["class.pictures"]
        assert TEXTS[language]["journey.no_medical_device"] in TEXTS[language]["journey.welcome"]
    assert ENGLISH["journey.no_medical_device"] == NO_MEDICAL_DEVICE
    for label in LABELS:
        assert ENGLISH[f"label.{label.lower()}"] == label
    for mode, names in KEY_NAMES.items():
        for name in names:
            assert ENGLISH[f"key.{name.lower().replace(' ', '_')}_{mode}"] == f"{name} {mode}"
    for example in examples():
        assert ENGLISH[f"example.{example.path.stem}"] == example.title
        assert ENGLISH[f"example.{example.path.stem}_alt"] == example.alt
