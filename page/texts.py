"""The page's texts in its languages: one flat catalogue each in assets/ui/texts, English the reference and fallback.

How to add a text: (1) a key "panel.what" in en.json, and in every other catalogue; (2) a label of Gradio's own
component: `label=text("panel.what")`; (3) in a template: `<p data-text="panel.what">English</p>`, an attribute by
`data-text-label` (aria-label) or `data-text-NAME`; (4) in JavaScript: `window.ekphonia.text("panel.what", { n: 3 })`;
(5) sent from Python in a value of our own components: `say("panel.what", n=3)`, shown by `ekphonia.put(node, value)`.

A text has places for values: `{name}`, `{name:1}` for a number with that many decimals, `{name:%}` for a share. One
that is counted has two forms, "key.one" and "key.other", chosen by its value `n`. What `pipelines` makes (captions,
prompts, errors) is English in every language: a plain str in a value, which the browser marks with `lang="en"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

REFERENCE = "en"
LANGUAGES = (REFERENCE, "de", "fr", "es", "zh", "ja")
FOLDER = Path(__file__).resolve().parent.parent / "assets" / "ui" / "texts"
PLACE = re.compile(r"\{(\w+)(?::(\d|%))?\}")
ONE_UP_TO = {"fr": 1.99}  # the singular goes up to here; elsewhere it is for 1 alone

TEXTS: Mapping[str, Mapping[str, str]] = {
    language: json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
}


class Message(str):
    """A text in English that remembers its key and values, or its parts, so that a browser can say it anew."""

    key: str
    values: Mapping[str, Any]
    parts: tuple[str, ...]
    between: str

    def sent(self) -> dict[str, Any]:
        """What goes to the browser in its place."""
        if self.parts:
            return {"parts": [for_browser(part) for part in self.parts], "between": self.between}
        return {"key": self.key, "values": for_browser(self.values)}


def say(key: str, /, **values: Any) -> Message:
    """The text of a key with its values, which may be numbers, texts or messages; KeyError for an unknown key."""
    message = Message(plain(key, **values))
    message.key, message.values, message.parts, message.between = key, values, (), ""
    return message


def joined(*texts: str, between: str = "list.sentences") -> Message:
    """Texts one after the other, each of which stays what it is; empty ones are left out.

    `between` is the key of what stands between them: "list.sentences", "list.commas" or "list.and".
    """
    parts = tuple(part for part in texts if part)
    message = Message(plain(between).join(parts))
    message.key, message.values, message.parts, message.between = "", {}, parts, between
    return message


def plain(key: str, locale: str = REFERENCE, /, **values: Any) -> str:
    """The text of a key in a language, for whoever has no browser; KeyError for an unknown key."""
    catalogue = TEXTS[locale]
    template = catalogue.get(key) or catalogue.get(_counted(key, values, locale)) or TEXTS[REFERENCE].get(key)
    if template is None:
        template = TEXTS[REFERENCE][_counted(key, values, REFERENCE)]
    return PLACE.sub(lambda place: _put(values[place[1]], place[2], locale), template)


def _counted(key: str, values: Mapping[str, Any], locale: str) -> str:
    count = values.get("n")
    one = count == 1 if locale not in ONE_UP_TO else isinstance(count, int | float) and abs(count) <= ONE_UP_TO[locale]
    return f"{key}.{'one' if one else 'other'}"


def _put(value: Any, form: str | None, locale: str) -> str:
    if isinstance(value, Message):
        return _in_language(value, locale)
    if isinstance(value, int | float):
        return f"{value:.0%}" if form == "%" else f"{value:.{form}f}" if form else f"{value:g}"
    return str(value)


def _in_language(message: Message, locale: str) -> str:
    if message.parts:
        said = (_in_language(part, locale) if isinstance(part, Message) else part for part in message.parts)
        return plain(message.between, locale).join(said)
    return plain(message.key, locale, **message.values) if message.key else ""


def words_of(error: Exception) -> str:
    """What an error says: its message where the page made it, else its English sentence."""
    return error.args[0] if error.args and isinstance(error.args[0], Message) else str(error)


def for_browser(value: Any) -> Any:
    """The same value with each message in it as :meth:`Message.sent` gives it."""
    if isinstance(value, Message):
        return value.sent()
    if isinstance(value, Mapping):
        return {name: for_browser(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [for_browser(part) for part in value]
    return value


def text(key: str) -> I18nData:
    """The text of a key for a label, value, info or placeholder of Gradio's own components, translated by Gradio."""
    if key not in TEXTS[REFERENCE]:
        raise KeyError(key)
    return I18nData(key)


def i18n() -> gr.I18n:
    """All catalogues for `launch(i18n=…)`: Gradio's own components and ours take their texts from there."""
    return gr.I18n(**{language: dict(catalogue) for language, catalogue in TEXTS.items()})
