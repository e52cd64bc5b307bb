"""The texts in a take's ZIP: README.txt, which tells in plain words what made it, and requirements.txt.

In: a take's record (the content of take.json). Out: text of at most 100 letters a line; the same for the same record.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

README, REQUIREMENTS = "README.txt", "requirements.txt"
WIDTH = 100
FILES = {
    "take.json": "how it was made: every step, seed and licence, for programs",
    "symbolic.mid": "the piano piece as notes, for any music program",
    "symbolic.wav": "the piano piece as sound",
    "symbolic.mp3": "the piano piece as MP3",
    "symbolic.ogg": "the piano piece as OGG Vorbis",
    "symbolic.mp4": "the picture with the piano piece and its notes, as a film",
    "piano_roll.png": "the notes of the piano piece as a picture",
    "waveform.wav": "the music from words as sound",
    "waveform.mp3": "the music from words as MP3",
    "waveform.ogg": "the music from words as OGG Vorbis",
    "waveform.mp4": "the picture with the music from words, as a film",
}
CHAINS = {"symbolic": "The piano piece, made from notes", "waveform": "The music from words"}
STEPS = {
    "emotion": "The emotion",
    "caption": "The caption",
    "prompt": "The music's description",
    "score": "The notes",
    "piano_roll": "The picture of the notes",
    "audio": "The sound",
    "heard": "What was heard in it",
}
SETTINGS = {"duration_s": "seconds", "seed": "seed", "strength": "strength of the emotion", "models": "models"}
# By the beginning of a licence's name; the soundfonts by theirs.
IN_PLAIN_WORDS = {
    "CC-BY-NC": "not for commercial use, and name who made the model",
    "Apache-2.0": "free for any use, commercial too, as long as the licence's notice stays with the model",
    "BSD-3-Clause": "free for any use, as long as the notice stays with the model",
    "MIT": "free for any use, as long as the notice stays with the model",
    "GPL": "free to use; who passes the file itself on must pass on the same rights",
}
SOUNDFONTS = {"FluidR3_GM": "MIT", "TimGM6mb": "GPL"}
PLAIN = re.compile(r"[\w.+-]+")  # a package's name or version
NO_COMMERCE = "CC-BY-NC"
NOT_STATED = "no licence stated"


def readme(record: Mapping[str, Any], files: Sequence[str]) -> str:
    """README.txt for a take's record and the names of the files that lie beside it."""
    parts = [
        "Ekphonia: hear what a picture feels like\n" + "=" * 40,
        _picture(record, files),
        _file_list(files),
        *(_chain(name, chain) for name, chain in record["chains"].items()),
        _licences(record),
        _again(record),
    ]
    return "\n\n".join(parts) + "\n"


def requirements(record: Mapping[str, Any]) -> str:
    """requirements.txt: the packages' versions that made the take, as pip takes them; the rest in comments."""
    versions = _versions(record)
    comments = {"Ekphonia": record.get("ekphonia"), "Python": versions.pop("python", None)}
    comments["the processor's instructions"] = versions.pop("cpu_capability", None)
    lines = ["# What made this take."]
    lines += [f"# {name}: {_line(value)}" for name, value in comments.items() if value]
    for name in sorted(name for name in versions if PLAIN.fullmatch(name) and PLAIN.fullmatch(versions[name])):
        public, plus, local = versions[name].partition("+")
        lines.append(f"{name}=={public}" + (f"  # the build {local}" if plus else ""))
    return "\n".join(lines) + "\n"


def _versions(record: Mapping[str, Any]) -> dict[str, str]:
    versions = record.get("versions")
    plain = versions if isinstance(versions, dict) else {}
    return {str(name): _line(value) for name, value in plain.items() if value}


def _line(value: Any) -> str:
    """Any value as one line of text."""
    return " ".join(str(value).split())


def _picture(record: Mapping[str, Any], files: Sequence[str]) -> str:
    picture = record.get("picture")
    if not isinstance(picture, dict):
        return "No picture: the music follows an emotion or words that were given."
    inside = next((name for name in files if name.startswith("picture.")), None)
    where = f"It lies in this ZIP as {inside}." if inside else "It is not in this ZIP."
    return (
        _wrapped(f"Made from the picture {_line(picture.get('name'))}. {where} The SHA-256 of its file is")
        + f"\n{_line(picture.get('sha256'))}"
    )


def _file_list(files: Sequence[str]) -> str:
    rows = {**FILES, **{name: "the picture" for name in files if name.startswith("picture.")}}
    known = [name for name in rows if name in files]
    width = max((len(name) for name in known), default=0) + 2
    return "\n".join(["The files", "---------", *(f"{name:{width}}{rows[name]}" for name in known)])


def _chain(name: str, chain: Mapping[str, Any]) -> str:
    title, settings = CHAINS.get(name, name), chain["settings"]
    asked = ", ".join(f"{said} {_line(settings[key])}" for key, said in SETTINGS.items() if key in settings)
    lines = [title, "-" * len(title), *([_wrapped(f"Asked for: {asked}.")] if asked else [])]
    lines += [_wrapped(_step(step), indent="  ") for step in chain["steps"]]
    if isinstance(chain.get("distance"), int | float):
        far = f"What is heard lies {chain['distance']:.1f} from what was wanted, on scales from 1 to 9."
        lines.append(_wrapped(far))
    return "\n".join(lines)


def _step(step: Mapping[str, Any]) -> str:
    """One step: what, by whom, what came out, under which licence."""
    licence = f" Licence: {_line(step['licence'])}." if step.get("licence") else ""
    note = f" {_line(step['note'])}" if step.get("note") else ""
    said = f"{STEPS.get(step['name'], step['name'])}, by {_line(step['made_by'])}{_found(step.get('value'))}"
    return f"{said}{'' if said.endswith('.') else '.'}{licence}{note}"


def _found(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("valence"), int | float) and isinstance(value.get("arousal"), int | float):
        return f": {_line(value.get('label'))}, valence {value['valence']:.1f}, arousal {value['arousal']:.1f}"
    if "text" in value:
        return f": {_line(value['text'])}"
    if "key" in value and isinstance(value.get("tempo_bpm"), int | float):
        return f": {_line(value.get('bars'))} bars in {_line(value['key'])} at {value['tempo_bpm']:.0f} BPM"
    return f": {value['duration_s']:.1f} s" if isinstance(value.get("duration_s"), int | float) else ""


def _licences(record: Mapping[str, Any]) -> str:
    """Each licence once, in plain words, and what follows for the music."""
    steps = [step for chain in record["chains"].values() for step in chain["steps"]]
    makers: dict[str, list[str]] = {}
    for step in steps:
        for licence in _licences_of(step):
            makers.setdefault(licence, []).append(_line(step["made_by"]))
    lines = ["Models, soundfonts and their licences", "-" * 37]
    for licence, who in makers.items():
        lines.append(_wrapped(f"{', '.join(dict.fromkeys(who))}: {licence}. {_plainly(licence)}", indent="  "))
    lines.append(_wrapped(_allowed(list(makers))))
    return "\n".join(lines)


def _licences_of(step: Mapping[str, Any]) -> list[str]:
    named = [licence for font, licence in SOUNDFONTS.items() if font in step["made_by"]]
    return [_line(step["licence"])] if step.get("licence") else named


def _plainly(licence: str) -> str:
    words = next((said for name, said in IN_PLAIN_WORDS.items() if licence.startswith(name)), "")
    told = f"That is: {words}." if words else "Ask who made it what that allows."
    data = " Some of the data that it learned from came without a stated licence." if NOT_STATED in licence else ""
    return told + data


def _allowed(licences: Sequence[str]) -> str:
    if any(licence.startswith(NO_COMMERCE) for licence in licences):
        return "A model with a non-commercial licence took part: that music is not for commercial use."
    return "Ekphonia lays no claim to the music. The picture's own rights stay with whom they belong to."


def _again(record: Mapping[str, Any]) -> str:
    text = (
        "On a machine with Ekphonia, `python -m pipelines replay` and this ZIP's name make the music again and compare "
        "it. The notes are the same, byte for byte, on the same version, with the same torch, on a processor with the "
        "same instructions."
    )
    made = f"Made by Ekphonia {_line(record.get('ekphonia'))}; requirements.txt names the packages' versions."
    return "\n".join(["To make it again", "----------------", _wrapped(text), _wrapped(made)])


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
