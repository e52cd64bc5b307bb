"""The pre-trained predictors that the valence and arousal loss asks (section 3.3.4): fitted, kept and loaded.

`python -m training.paper.va_predictor` fits both on EIMG's clips as the loss will meet them: as tokens of the paper's
grammar, and as MIDI files made from those tokens. It writes `midi_predictor.keras`, `token_predictor.keras` and
`va_predictor.json` (Pearson's r on pieces held out) into `runs/paper/va`.

The predictor of files reads the features of :mod:`pipelines.hearing_features`, since the paper and its source [29] name
none: they take milliseconds, are measured in seconds whatever the notation, and hold most of what ratings of these
clips can be told from. Those of velocity are left out, since tokens hold none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from pipelines.errors import EkphoniaError, ModelMissingError, WeightsError
from pipelines.hearing_features import feature_names, note_arrays, window_features
from pipelines.records import Score
from pipelines.symbolic.tokens import build_vocabulary, decode, encode
from training.data.eimg import load_clips, targets
from training.paper.va_fit import FitSettings, fit_midi_predictor, fit_token_predictor, pad
from training.paper.va_models import MidiPredictor, TokenPredictor, correlations

FOLDER = Path("runs/paper/va")
MIDI_WEIGHTS, TOKEN_WEIGHTS, REPORT, SEQUENCES = (
    "midi_predictor.keras",
    "token_predictor.keras",
    "va_predictor.json",
    "sequences.json",
)
OF_VELOCITY = ("loudness_rate", "velocity", "accent")
HELD_OUT, SPLIT_SEED = 300, 0
Floats = npt.NDArray[np.float32]


def midi_feature_names() -> tuple[str, ...]:
    """Names of the features that the predictor of files reads."""
    return tuple(name for name in feature_names() if not name.startswith(OF_VELOCITY))


def midi_features(score: Score) -> Floats:
    """Features of a score as one window, (features,) float32. Raises MidiError without notes."""
    keep = np.array([not name.startswith(OF_VELOCITY) for name in feature_names()])
    return window_features(note_arrays(score))[keep].astype(np.float32)


def load_midi_predictor(folder: Path = FOLDER) -> MidiPredictor:
    """The fitted predictor of files. Raises ModelMissingError or WeightsError."""
    return _load(folder / MIDI_WEIGHTS, MidiPredictor)


def load_token_predictor(folder: Path = FOLDER) -> TokenPredictor:
    """The fitted predictor of soft tokens, over its own vocabulary's ids; `.for_tokens(…)` sets another's.

    Raises ModelMissingError or WeightsError.
    """
    return _load(folder / TOKEN_WEIGHTS, TokenPredictor)


def _load(path: Path, kind: Any) -> Any:
    import keras

    if not path.is_file():
        raise ModelMissingError(f"{path} is not there; fit it with `python -m training.paper.va_predictor`.")
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as cause:  # a damaged archive raises errors of many libraries
        raise WeightsError(
            f"{path} cannot be read; fit it anew with `python -m training.paper.va_predictor`."
        ) from cause
    if not isinstance(model, kind):
        raise WeightsError(f"{path} holds another model than a {kind.__name__}; fit it anew.")
    return model


def load_sequences(folder: Path = FOLDER) -> tuple[list[list[str]], Floats]:
    """EIMG's clips as tokens, in the order of its table, with their ratings (clips, 2); kept in the folder.

    What is kept there of other clips, or damaged, is made anew.
    """
    clips = load_clips()
    names, kept = [clip.path.name for clip in clips], folder / SEQUENCES
    lines = _kept_lines(kept)
    if list(lines) != names:
        progress = tqdm(clips, desc="clips to tokens", file=sys.stderr)
        lines = dict(zip(names, (" ".join(encode(clip.score())) for clip in progress), strict=True))
        _write(kept, json.dumps(lines).encode())
    return [line.split() for line in lines.values()], targets(clips).astype(np.float32)


def _kept_lines(path: Path) -> dict[str, str]:
    """The tokens that are kept by the clip's name, none where they are missing or damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def split(pieces: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to fit on and rows held out, a tenth of the pieces and at most 300, by a fixed seed.

    It is the lot by which :mod:`training.data.pairing` splits by default: the test and validation pieces of its pairs
    are the first of those held out. Of a strict split, or of another seed, the predictors have seen test pieces.
    """
    order = np.random.default_rng(SPLIT_SEED).permutation(pieces)
    held = min(HELD_OUT, pieces // 10)
    return order[held:], order[:held]


def fit_both(folder: Path, *, folds: int, settings: FitSettings | None = None) -> dict[str, Any]:
    """Fit on all but the held-out pieces, write both models and the report; returns the report."""
    settings = settings or FitSettings()
    sequences, wanted = load_sequences(folder)
    vocabulary = build_vocabulary(sequences)
    ids = pad([vocabulary.ids(tokens) for tokens in sequences], settings.longest)
    progress = tqdm(sequences, desc="features of files", file=sys.stderr)
    features = np.stack([midi_features(decode(tokens)) for tokens in progress])
    fitted, held = split(len(ids))
    midi = fit_midi_predictor(features[fitted], wanted[fitted], settings)
    token = fit_token_predictor(vocabulary.tokens, ids[fitted], wanted[fitted], settings)
    report = {
        "clips": len(ids),
        "held_out": len(held),
        "r_midi_held_out": correlations(midi(features[held]), wanted[held]),
        "r_tokens_held_out": correlations(token.plain(ids[held]), wanted[held]),
        **_ten_fold(features, ids, wanted, vocabulary.tokens, folds=folds, settings=settings),
    }
    _save(midi, folder / MIDI_WEIGHTS)
    _save(token, folder / TOKEN_WEIGHTS)
    _write(folder / REPORT, json.dumps(report, indent=1).encode())
    return report


def _ten_fold(
    features: Floats, ids: Any, wanted: Floats, tokens: Sequence[str], *, folds: int, settings: FitSettings
) -> dict[str, Any]:
    """Pearson's r of either predictor over all pieces, each predicted by a fit on the other folds."""
    if folds < 2:
        return {}
    parts = np.array_split(np.random.default_rng(SPLIT_SEED).permutation(len(ids)), folds)
    midi, token = np.zeros_like(wanted), np.zeros_like(wanted)
    for number, part in enumerate(tqdm(parts, desc="folds", file=sys.stderr)):
        others = np.setdiff1d(np.arange(len(ids)), part)
        own = replace(settings, seed=settings.seed + number)
        midi[part] = fit_midi_predictor(features[others], wanted[others], own)(features[part])
        token[part] = fit_token_predictor(tokens, ids[others], wanted[others], own).plain(ids[part])
    return {"folds": folds, "r_midi_folds": correlations(midi, wanted), "r_tokens_folds": correlations(token, wanted)}


def _save(model: Any, path: Path) -> None:
    partial = path.with_name("part-" + path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(partial)
    partial.replace(path)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name("part-" + path.name)
    partial.write_bytes(content)
    partial.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m training.paper.va_predictor", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the models (default %(default)s)")
    parser.add_argument(
        "--folds", type=int, default=0, help="cross-validate with so many folds too (10: as the listener)"
    )
    parser.add_argument("--epochs", type=int, default=FitSettings.epochs)
    options = parser.parse_args(arguments)
    try:
        print(
            json.dumps(
                fit_both(options.out, folds=options.folds, settings=FitSettings(epochs=options.epochs)), indent=1
            )
        )
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
