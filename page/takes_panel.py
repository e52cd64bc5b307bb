"""The visitor's finished takes, newest first: what was changed, asked for and heard; and two of them side by side.

Value: `takes`, each with `number`, `title`, `name` and `thumbnail` of its picture, `desk` (whether the lanes show it),
`changed` (a text), `lanes` and `files`. A lane has `lane` and `name`, `sound` (an address below the page's root),
`run`, the same for music that was carried over from another take, `asked` and `heard` (points, the latter None where
nothing was heard), `distance`, and both in words. A file has `address`, `file` (its name), `title`, `note`, `size`.
Event: `desk`, with the `number` of the take that is to be put back on the desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from page.describe_panel import describe_value
from page.feeling_panel import feeling_value, point
from page.files_panel import files_value
from page.heard_panel import heard_value
from page.own import file_address, file_data, own_component
from page.sound import items
from page.takes import KeptTake, Shelf
from page.texts import joined, say
from page.words import label_name
from pipelines.bundle import FILES
from pipelines.records import Emotion

NAMES = {"symbolic": "lane.piano", "waveform": "lane.words"}  # keys of texts
PANELS = {"symbolic": "music", "waveform": "wave"}


def takes_value(shelf: Shelf) -> dict[str, Any]:
    """The panel's value; takes whose files are gone are left out."""
    there = [take for take in reversed(shelf.takes) if take.folder.is_dir()]
    desk = None if shelf.cleared else shelf.desk
    return {"takes": [_row(take, desk=take.number == desk) for take in there]}


def _row(take: KeptTake, *, desk: bool) -> dict[str, Any]:
    return {
        "number": take.number,
        "title": say("takes.title", number=take.number),
        "name": take.name,
        "thumbnail": take.thumbnail,
        "desk": desk,
        "changed": joined(*take.changed, between="list.commas"),
        "lanes": [_lane(take, chain) for chain in NAMES if chain in take.chains],
        "files": [_file(entry) for entry in files_value(take.files)["files"]],
    }


def _file(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the files panel with an address in place of file data, which Gradio would look at every time."""
    path = Path(entry["file"]["path"])
    about = {name: entry[name] for name in ("title", "note", "size")}
    return {"address": file_address(path), "file": path.name, **about}


def _lane(take: KeptTake, chain: str) -> dict[str, Any]:
    asked = take.asked[chain]
    heard: Emotion | None = take.heard[chain].value if chain in take.heard else None
    return {
        "lane": chain,
        "name": say(NAMES[chain]),
        "sound": file_address(take.folder / FILES[chain]["audio"]),
        "run": take.panels[PANELS[chain]]["run"],
        "asked": point(asked),
        "heard": point(heard) if heard is not None else None,
        "distance": round(asked.distance(heard), 2) if heard is not None else None,
        "asked_words": _in_words(asked),
        "heard_words": _in_words(heard) if heard is not None else "",
    }


def _in_words(emotion: Emotion) -> str:
    label = label_name(emotion.label)
    return say("takes.point", label=label, valence=emotion.valence, arousal=emotion.arousal)


def desk_values(take: KeptTake, shelf: Shelf, number: str) -> Iterator[tuple[str, Any]]:
    """What each panel shows of a take that is put back on the desk, by the panel's name; `number` names the request.

    The players get the whole sound and are still, since nobody asked to hear it.
    """
    wanted: Emotion = take.found["emotion"].value
    yield "feeling", feeling_value(take.found["emotion"])
    yield "words", take.panels.get("words")
    for chain, panel in PANELS.items():
        yield panel, _still(take, chain, number) if chain in take.chains else None
    yield "heard", heard_value(wanted, take.heard, take.found)
    yield "files", files_value(take.files)
    yield "describe", describe_value(take.found, take.heard)
    yield "takes", takes_value(shelf)


def _still(take: KeptTake, chain: str, number: str) -> dict[str, Any]:
    path, panel = take.folder / FILES[chain]["audio"], PANELS[chain]
    return {
        **take.panels[panel],
        "run": f"{number}/{panel}",
        "chunks": items([[file_address(path), 0.0]]),
        "sound": file_data(path),
        "hold": False,
        "still": True,
    }


def takes_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("takes")
