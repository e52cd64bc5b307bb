"""The card of a data set of pairs, its counts, and its way to the model hub.

In: the lines of metadata by split, as :mod:`training.data.painting_music` writes them. Out: README.md in the layout of
the hub's dataset cards, and an upload of both by `datasets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.records import LABELS
from training.data.pair_sources import Source
from training.data.render import SAMPLE_RATE_HZ, RenderSettings
from training.data.splits import SPLITS
from training.hub import pushing

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
METADATA, CARD = "metadata.jsonl", "README.md"
COLUMNS = """\
- `file_name`: the music beside the metadata (on the hub `audio`, the sound itself)
- `start_s`: where in its music it begins, in seconds counted from the first sound
- `picture_file`: the picture, from the data set's folder (on the hub `image`, the picture itself)
- `label`: Happy, Angry, Sad, Fun or Neutral, of both
- `valence`, `arousal`: the picture's, 1 to 9; `rated`: whether people rated it, else its label's typical point
- `music_valence`, `music_arousal`: the music's
- `music`, `picture`: the set and the file that each comes from"""


def count_table(rows: Rows) -> str:
    """Pairs by label and split as a Markdown table, with how many different pictures and pieces of music they hold."""
    lines = [f"| label | {' | '.join(SPLITS)} | pairs | pictures | music |", "|---|" + "---|" * (len(SPLITS) + 3)]
    everything = [row for split in SPLITS for row in rows[split]]
    for label in (*LABELS, "all"):
        counts = [sum(label in (row["label"], "all") for row in rows[split]) for split in SPLITS]
        own = [row for row in everything if label in (row["label"], "all")]
        different = [len({row[key] for row in own}) for key in ("picture", "music")]
        lines.append("| " + " | ".join(map(str, (label, *counts, len(own), *different))) + " |")
    return "\n".join(lines)


def card_text(rows: Rows, sources: tuple[Source, Source], settings: RenderSettings, *, seed: int) -> str:
    """The card: header for the hub, what it is, counts, columns, terms."""
    pictures, music = sources
    return f"""---
license: other
pretty_name: Pictures and music of one feeling
task_categories:
- text-to-audio
- image-classification
configs:
- config_name: default
  data_files:
{"".join(f"  - split: {split}{chr(10)}    path: {split}/**{chr(10)}" for split in SPLITS)}---

# Pictures and music of one feeling

Pairs of a picture and a piece of music that carry the same of five labels, paired at random within the label (seed
{seed}), after "Bridging Paintings and Music", section IV-A. The music is MIDI played by FluidSynth:
{settings.clip_s:g} s, {settings.sample_rate_hz / 1000:g} kHz, mono, {settings.loudness_lufs:g} LUFS.
No picture and no music is in two splits, nor are pictures of one theme or excerpts of one song, where the sets tell.

{count_table(rows)}

## Columns

{COLUMNS}

`datasets.load_dataset("audiofolder", data_dir=…)` reads the folder, `datasets.load_dataset("owner/name")` what is on
the hub (from version 4 of datasets on with torchcodec installed).

## Where it comes from

- Pictures: {pictures.title}; {pictures.terms}.
- Music: {music.title}; {music.terms}.

Made by `python -m training.data.painting_music` of Ekphonia. Check both terms before passing it on.
"""


def write_card(path: Path, rows: Rows, sources: tuple[Source, Source], settings: RenderSettings, *, seed: int) -> None:
    """Write the card."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(card_text(rows, sources, settings, seed=seed), encoding="utf-8")
    part.replace(path)


def hub_dataset(folder: Path) -> Any:
    """The data set as the hub shows it: a `datasets.DatasetDict` with the columns `audio` and `image` for the files."""
    import datasets

    files = {split: str(folder / split / METADATA) for split in SPLITS}
    loaded = datasets.load_dataset("json", data_files=files)
    for split in SPLITS:
        rows = loaded[split]
        audio = [str(folder / split / name) for name in rows["file_name"]]
        images = [str(folder / name) for name in rows["picture_file"]]
        shown = rows.remove_columns(["file_name", "picture_file"]).add_column("audio", audio)
        shown = shown.add_column("image", images).cast_column("image", datasets.Image())
        loaded[split] = shown.cast_column("audio", datasets.Audio(sampling_rate=SAMPLE_RATE_HZ))
    return loaded


def push(folder: Path, hub_id: str, *, private: bool) -> None:
    """Upload a data set's card, then its sound and pictures; `datasets` adds to the card where they lie.

    Raises what :func:`training.hub.pushing` raises.
    """
    loaded = hub_dataset(folder)
    card = hub_card((folder / CARD).read_text(encoding="utf-8"))
    with pushing(hub_id, kind="dataset", private=private) as api:
        api.upload_file(path_or_fileobj=card.encode(), path_in_repo=CARD, repo_id=hub_id, repo_type="dataset")
        loaded.push_to_hub(hub_id, private=private)


def hub_card(text: str) -> str:
    """A folder's card for the hub, where the pairs lie in other files than the folder's."""
    from huggingface_hub import DatasetCard

    card = DatasetCard(text)
    card.data.pop("configs", None)
    return str(card)
