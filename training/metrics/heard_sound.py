"""Folders of sound made for pictures in, how well each agrees with its picture's emotion out.

    python -m training.metrics.heard_sound DATASET FOLDER … [--split test]

In: a paired data set (training.musicgen.pairs) and folders whose WAV files bear the names of a split's pairs, as
training.musicgen.generate writes them. Out: a Markdown table, a row a folder: correlation of the valence and of the
arousal that the listener for sound hears with the picture's, mean distance on the plane (0 to 8√2), what that would be
with the pictures dealt out at random, and 95 % intervals of a bootstrap over the pieces. The folder `reference`, which
holds the pairs' own music, is what can be reached: it was paired by label only.

The listener (pipelines.hearing_audio) learnt from EIMG's raters and clips, so for EIMG's own music it is no new ear.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.agreement import Floats
from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError
from pipelines.hearing_audio import hear_audio_point
from training.metrics.audio_files import read_sound, sound_paths, titles_of
from training.metrics.picture_music import AGREEMENT_HEAD, agreement_row
from training.musicgen.pairs import SPLITS, load_pairs


def heard_and_wanted(folder: Path, wanted: dict[str, tuple[float, float]]) -> tuple[Floats, Floats]:
    """What is heard in a folder's files and what their pictures feel like: two of (pieces, 2), 1 to 9.

    `wanted` is valence and arousal by file name. Raises DataMissingError for a folder without sound or with a file that
    belongs to no pair, SoundError for one that cannot be read.
    """
    paths = sound_paths(folder)
    strange = [path.name for path in paths if path.name not in wanted]
    if strange:
        raise DataMissingError(
            f"The file {strange[0]} in {folder} belongs to no pair of the split; name the split that it was made for."
        )
    heard = np.array([hear_audio_point(read_sound(path)) for path in paths])
    return heard, np.array([wanted[path.name] for path in paths])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics.heard_sound", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--split", choices=SPLITS, default="test")
    options = parser.parse_args(arguments)
    try:
        pairs = load_pairs(options.dataset, options.split)
        wanted = {pair.file_name: (pair.valence, pair.arousal) for pair in pairs}
        titled = zip(titles_of(options.folders), options.folders, strict=True)
        lines = [agreement_row(title, *heard_and_wanted(folder, wanted)) for title, folder in titled]
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    print("\n".join([*AGREEMENT_HEAD, *lines]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
