"""What a stored take says was asked for and found, as the values with which its chains can be run again.

In: a chain's record in take.json, from anybody's file: everything is checked. Out: the chain's settings and the steps
to give it, each with who made it. The emotion is taken unrounded from `wanted_exact` where the record has it, else
from `wanted`, which holds four digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeGuard

from pipelines.catalogue import entry_for
from pipelines.chains import ChainSettings
from pipelines.errors import SettingsError
from pipelines.records import LABELS, VA_MAX, VA_MIN, Caption, Emotion, MusicPrompt, Step
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

SETTINGS: dict[str, type[SymbolicSettings] | type[WaveformSettings]] = {
    "symbolic": SymbolicSettings,
    "waveform": WaveformSettings,
}
EXACT, ROUNDED = "wanted_exact", "wanted"
NOT_COMPOSED = "The notes were made by {}, not composed here from the emotion, so that they cannot be made again."
LONGEST_STORED = 2000
TEMPI_BPM = (20.0, 400.0)
CURE = "choose a take that this version of Ekphonia made"


@dataclass(frozen=True)
class Again:
    """What a chain is run with again, and what is recorded of it.

    `settings` are to run with, `asked` those of the take; `exact` tells whether the emotion was stored unrounded;
    `hindrance` is a sentence on why the chain cannot be run again, "" where it can.
    """

    settings: ChainSettings
    asked: ChainSettings
    given: Mapping[str, Step]
    exact: bool
    hindrance: str = ""


def again(name: str, chain: Mapping[str, Any]) -> Again:
    """What to run the chain of that name with, from its record. Raises SettingsError for values that cannot be."""
    asked = _settings(SETTINGS[name], chain["settings"])
    steps = {step["name"]: step for step in chain["steps"]}
    emotion, exact = _emotion(chain)
    given = {} if emotion is None else {"emotion": _step("emotion", emotion, steps)}
    if name == "symbolic":
        maker = steps.get("score", {}).get("made_by", "nobody")
        composed = maker == entry_for("composer").made_by and emotion is not None
        settings: ChainSettings = replace(asked, models="embedded", emotion_checkpoint=None)
        return Again(settings, asked, given, exact, "" if composed else NOT_COMPOSED.format(maker))
    given |= {key: _step(key, value, steps) for key, value in _words(steps).items()}
    embedded = steps.get("audio", {}).get("made_by") == entry_for("audio").made_by
    settings = replace(asked, models="embedded" if embedded else asked.models, emotion_checkpoint=None)
    return Again(settings, asked, given, exact)


def _step(name: str, value: Any, steps: Mapping[str, Any]) -> Step:
    """A given step that keeps who made it."""
    stored = steps.get(name, {})
    licence, note = (text if isinstance(text, str) else "" for text in (stored.get("licence"), stored.get("note")))
    return Step(name, value, stored.get("made_by", "you"), 0.0, licence=licence, note=note)


def _settings(kind: type[Any], stored: Mapping[str, Any]) -> Any:
    """The chain's settings from plain values: known names only, each of the kind of its default."""
    defaults = {each.name: _default(each) for each in fields(kind)}
    unknown = set(stored) - set(defaults)
    if unknown:
        raise SettingsError(f"The take was made with the setting {min(unknown)!r}, which is unknown here; {CURE}.")
    for name, value in stored.items():
        if not _fits(value, defaults[name]):
            raise SettingsError(f"The take's setting {name} cannot be {str(value)[:40]!r}; {CURE}.")
    return kind(**{name: _as_default(value, defaults[name]) for name, value in stored.items()})


def _default(each: Any) -> Any:
    return each.default_factory() if each.default is MISSING else each.default


def _fits(value: Any, default: Any) -> bool:
    if default is None:
        return value is None or (isinstance(value, str | float | int) and not isinstance(value, bool))
    if isinstance(default, float):
        return _is_number(value)
    return type(value) is type(default)


def _as_default(value: Any, default: Any) -> Any:
    """A whole number as the float that the setting is."""
    return float(value) if isinstance(default, float) else value


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _emotion(chain: Mapping[str, Any]) -> tuple[Emotion | None, bool]:
    """The emotion that was wanted, None where there was none, and whether it was stored unrounded."""
    exact = chain.get(EXACT) is not None
    stored = chain.get(EXACT) if exact else chain.get(ROUNDED)
    if stored is None:
        return None, True
    point, spread, parts = _numbers(stored, "valence", "arousal"), _numbers(stored, "valence_sd", "arousal_sd"), []
    if isinstance(stored, dict) and _are_probabilities(stored.get("probabilities")):
        parts = [float(part) for part in stored["probabilities"]]
    if not point or not spread or not parts or min(spread) < 0 or not VA_MIN <= min(point) <= max(point) <= VA_MAX:
        raise SettingsError(f"The take's emotion is not on the plane of valence and arousal, 1 to 9; {CURE}.")
    return Emotion(point[0], point[1], spread[0], spread[1], tuple(parts)), exact


def _numbers(stored: Any, *names: str) -> list[float]:
    """The numbers of these names, none where one is missing or no number."""
    values = [stored.get(name) for name in names] if isinstance(stored, dict) else []
    numbers = [float(value) for value in values if _is_number(value)]
    return numbers if len(numbers) == len(names) else []


def _are_probabilities(parts: Any) -> bool:
    if not isinstance(parts, list | tuple) or len(parts) != len(LABELS):
        return False
    return all(_is_number(part) and 0 <= part <= 1 for part in parts) and abs(sum(parts) - 1) < 0.01


def _words(steps: Mapping[str, Any]) -> dict[str, Any]:
    """The caption, where there was one, and the prompt."""
    if "prompt" not in steps:
        raise SettingsError(f"The take's record has no prompt for the music from words; {CURE}.")
    words: dict[str, Any] = {"prompt": _prompt(steps["prompt"].get("value"))}
    if "caption" in steps:
        caption = steps["caption"].get("value")
        words["caption"] = Caption(_text(caption if isinstance(caption, dict) else {}, "text"))
    return words


def _prompt(value: Any) -> MusicPrompt:
    from pipelines.waveform.vocabulary import INSTRUMENTS

    stored = value if isinstance(value, dict) else {}
    tempo, players = stored.get("tempo_bpm"), stored.get("instruments")
    if not _is_number(tempo) or not TEMPI_BPM[0] <= tempo <= TEMPI_BPM[1]:
        raise SettingsError(f"The take's prompt has no tempo that can be played ({tempo!r:.40}); {CURE}.")
    if not isinstance(players, list) or not all(isinstance(p, str) and p in INSTRUMENTS for p in players):
        raise SettingsError(f"The take's prompt names instruments that are unknown here; {CURE}.")
    if stored.get("mode") not in ("major", "minor"):
        raise SettingsError(f"The take's prompt has no mode, major or minor; {CURE}.")
    texts = {name: _text(stored, name) for name in ("text", "mood", "genre", "mode", "melody")}
    return MusicPrompt(**texts, tempo_bpm=float(tempo), instruments=tuple(players))


def _text(stored: Mapping[str, Any], name: str) -> str:
    value = stored.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_STORED:
        raise SettingsError(f"The take's record has no fitting {name}; {CURE}.")
    return value
