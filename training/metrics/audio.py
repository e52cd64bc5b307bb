"""Two folders of sound in, the waveform paper's five figures out: FAD, CLAP, KL, THD, ISc (section IV-B, Table II).

    python -m training.metrics.audio REFERENCE GENERATED … [--texts texts.jsonl] [--embedding musicnn|vggish|clap]

The network that FAD is taken by is always named, since figures by two networks do not compare; the classes of KL and
ISc are the 50 tags of musicnn, their logits brought to probabilities by softmax and averaged over a piece's windows of
3 s. KL is of pairs where each generated file has a namesake in the reference, else of the sets' means, and says which.
THD (`thd.py`) is read at 32 kHz.
CLAP's similarity needs its weights and texts: JSON lines with `file_name` and the text under `--column`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError, EkphoniaError, SettingsError, SoundError
from training.metrics.audio_clap import HUB_ID, Clap, load_clap
from training.metrics.audio_distances import frechet_distance, inception_score, kl_divergence, kl_of_means, softmax
from training.metrics.audio_files import Samples, mono_at, read_sound, sound_paths, titles_of
from training.metrics.audio_musicnn import load_musicnn
from training.metrics.audio_vggish import load_vggish
from training.metrics.thd import total_harmonic_distortion

Floats = npt.NDArray[np.float64]
COLUMNS = ("FAD", "CLAP", "KL", "THD", "ISc")
# Table II of "Bridging Paintings and Music", by VGGish, LAION's CLAP and unnamed classes.
PAPER = {
    "MG-S Emotive": (7.02, 0.075, 0.054, 1.79, 1.044),
    "MG-S Narrative": (5.22, 0.096, 0.045, 1.73, 1.032),
    "MG-S Lyrical": (5.06, 0.11, 0.046, 1.92, 1.031),
    "MG-S Optimized": (5.54, 0.13, 0.012, 1.75, 1.033),
}
PAIRS, MEANS = "pairs", "means"
THD_RATE_HZ = 32_000  # MusicGen's
FIGURE_SUFFIXES = (".png", ".svg")


class Embedder(Protocol):
    """A network: embeddings (windows, d) of mono samples at its own rate, and logits (windows, classes) or None."""

    name: str
    licence: str
    sample_rate_hz: int

    def embed(self, samples: Samples) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Embed one piece."""


EMBEDDINGS: dict[str, Callable[[], Embedder]] = {"musicnn": load_musicnn, "vggish": load_vggish, "clap": load_clap}


@dataclass(frozen=True, eq=False)
class SoundSet:
    """What a folder's pieces give: names, FAD's embeddings (windows, d), tags (pieces, 50), THD (pieces,)."""

    title: str
    names: tuple[str, ...]
    embeddings: Floats
    tags: Floats
    distortion: Floats


@dataclass(frozen=True)
class Figures:
    """The five figures of a set beside a reference; `clap` is nan without texts, `kl_of` is "pairs" or "means"."""

    fad: float
    clap: float
    kl: float
    thd: float
    inception: float
    kl_of: str

    @property
    def row(self) -> tuple[float, ...]:
        """In the order of :data:`COLUMNS`."""
        return self.fad, self.clap, self.kl, self.thd, self.inception


def measure(folder: Path, embedder: Embedder) -> SoundSet:
    """Read and embed a folder's sound.

    Raises:
        DataMissingError: there is none.
        SoundError: a file cannot be read or is too short.
        ModelMissingError: musicnn, whose tags are the classes, is not installed.
    """
    from tqdm import tqdm

    tagger, paths = load_musicnn(), sound_paths(folder)
    embeddings, tags, distortion = [], [], []
    for path in tqdm(paths, desc=folder.name, unit="file", leave=False):
        audio = read_sound(path)
        try:
            found, logits = tagger.embed(mono_at(audio, tagger.sample_rate_hz))
            other = embedder is not tagger
            embeddings.append(embedder.embed(mono_at(audio, embedder.sample_rate_hz))[0] if other else found)
        except SoundError as trouble:
            raise SoundError(f"{path.name}: {trouble}") from trouble
        tags.append(softmax(logits).mean(axis=0))
        distortion.append(total_harmonic_distortion(mono_at(audio, THD_RATE_HZ), THD_RATE_HZ))
    names = tuple(path.name for path in paths)
    return SoundSet(
        folder.name, names, np.concatenate(embeddings).astype(np.float64), np.stack(tags), np.array(distortion)
    )


def compare(reference: SoundSet, generated: SoundSet, *, clap: float = math.nan) -> Figures:
    """The figures of a generated set beside the reference's. Raises SettingsError for a set of one window."""
    at = {name: row for row, name in enumerate(reference.names)}
    paired = all(name in at for name in generated.names)
    kl = (
        kl_divergence(reference.tags[[at[name] for name in generated.names]], generated.tags)
        if paired
        else kl_of_means(reference.tags, generated.tags)
    )
    return Figures(
        fad=frechet_distance(reference.embeddings, generated.embeddings),
        clap=clap,
        kl=kl,
        thd=_median(generated.distortion),
        inception=inception_score(generated.tags),
        kl_of=PAIRS if paired else MEANS,
    )


def _median(values: Floats) -> float:
    clear = values[np.isfinite(values)]
    return float(np.median(clear)) if len(clear) else math.nan


def read_texts(path: Path, column: str) -> dict[str, str]:
    """Texts by file name, without folders.

    Raises:
        DataMissingError: the file is not there.
        SettingsError: it is no text, or a line is no JSON object with `file_name` and the column.
    """
    if not path.is_file():
        raise DataMissingError(f"There is no file {path}; give one JSON object a line with file_name and {column}.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as cause:
        raise SettingsError(f"{path.name} is no text in UTF-8; save it as such.") from cause
    texts = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            texts[Path(row["file_name"]).name] = str(row[column])
        except (ValueError, KeyError, TypeError) as cause:
            raise SettingsError(f"Line {number} of {path.name} has no file_name with a {column}; mend it.") from cause
    return texts


def clap_similarity(folder: Path, texts: Mapping[str, str], clap: Clap) -> float:
    """Mean cosine similarity of a folder's pieces with their texts, -1 to 1. Raises SettingsError for one without."""
    found = []
    for path in sound_paths(folder):
        if path.name not in texts:
            raise SettingsError(f"{path.name} has no text; give one for each generated file.")
        found.append(clap.similarity(mono_at(read_sound(path), clap.sample_rate_hz), texts[path.name]))
    return float(np.mean(found))


def table(rows: Mapping[str, Figures], *, embedding: str) -> str:
    """A Markdown table of the measured rows and, below, the paper's own. Where KL is not of one kind, each row says."""
    kinds = sorted({figures.kl_of for figures in rows.values()})
    titles = (f"FAD ({embedding})", "CLAP", f"KL (musicnn's tags, {'/'.join(kinds)})", "THD", "ISc (musicnn's tags)")
    lines = [f"| model | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for title, figures in rows.items():
        lines.append(_line(title if len(kinds) == 1 else f"{title} (KL of {figures.kl_of})", figures.row))
    lines += [_line(f"{title}, as printed (VGGish, other classes)", row) for title, row in PAPER.items()]
    return "\n".join(lines)


def _line(title: str, values: Sequence[float]) -> str:
    return f"| {title} | {' | '.join('–' if math.isnan(value) else f'{value:.4g}' for value in values)} |"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics.audio", description="Measure folders of sound.")
    parser.add_argument("reference", type=Path, help="folder of real music")
    parser.add_argument("generated", type=Path, nargs="+", help="folders to measure beside it, a row each")
    parser.add_argument("--embedding", choices=tuple(EMBEDDINGS), default="musicnn", help="network of FAD (musicnn)")
    parser.add_argument("--texts", type=Path, help="JSON lines with file_name and text, for CLAP's similarity")
    parser.add_argument("--column", default="text", help="name of the text in them (text)")
    parser.add_argument("--clap", default=HUB_ID, help=f"hub id or folder of CLAP ({HUB_ID})")
    parser.add_argument("--figure", type=Path, help="PNG or SVG file for the spectrograms of wanted beside generated")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> str:
    """Measure what the command line names; the table.

    Raises what :func:`measure` and :func:`read_texts` raise, SettingsError for a figure that is no PNG or SVG file.
    """
    if options.figure and options.figure.suffix.lower() not in FIGURE_SUFFIXES:
        raise SettingsError(f"The figure cannot be {options.figure.name}; name a file {' or '.join(FIGURE_SUFFIXES)}.")
    embedder = load_clap(options.clap) if options.embedding == "clap" else EMBEDDINGS[options.embedding]()
    texts = read_texts(options.texts, options.column) if options.texts else None
    clap = load_clap(options.clap) if texts is not None else None
    if options.figure:  # before the long work, which sound that cannot be drawn would lose
        from training.metrics.audio_figure import draw

        draw(options.reference, options.generated, options.figure)
    reference, least = measure(options.reference, embedder), math.inf
    rows = {}
    for folder, title in zip(options.generated, titles_of(options.generated), strict=True):
        similarity = clap_similarity(folder, texts, clap) if texts is not None and clap is not None else math.nan
        generated = measure(folder, embedder)
        rows[title] = compare(reference, generated, clap=similarity)
        least = min(least, len(reference.embeddings), len(generated.embeddings))
    return table(rows, embedding=embedder.name) + _caution(int(least), reference.embeddings.shape[1])


def _caution(windows: int, dimensions: int) -> str:
    if windows >= dimensions:
        return ""
    return f"\n\nA set has {windows} windows for {dimensions} dimensions; such a FAD is too high and only ranks."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    try:
        print(run(parse(arguments)))
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
