"""How long the losses take, a pair of true and predicted piece, measured beside each other in one run.

The paper's loss is timed twice: with files written and parsed by music21, the library that its tokens' chord names come
from and that code of its kind uses, and with this project's own, faster files.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.records import Score
from pipelines.symbolic.midi import read_midi
from pipelines.symbolic.tokens_grammar import Token, read_token
from training.paper.objective import VaLoss
from training.paper.va_bench import Bench, BenchSettings, like_a_model, named_losses
from training.paper.va_loss import predict_files


def speed(bench: Bench, settings: BenchSettings) -> list[tuple[str, ...]]:
    """A row for each way: median milliseconds a pair, and how many times faster than (a) by music21's and our files."""
    rows = bench.validation[: settings.pairs]
    logits, targets = like_a_model(bench.ids[rows], bench.vocabulary.size), tf.constant(bench.ids[rows])

    def through_music21() -> None:
        for ids in (bench.ids[rows], np.where(bench.ids[rows] != 0, logits.numpy().argmax(axis=2), 0)):
            names = [bench.vocabulary.names(row[row != 0]) for row in ids]
            predict_files(names, bench.midi, round_trip=write_and_read_by_music21)

    ways: list[tuple[str, Callable[[], Any], int]] = [("(a) as printed, files by music21", through_music21, 1)]
    for name, loss in named_losses(bench):
        ways.append((f"{name}, value", partial(tf.function(loss), logits, targets), settings.repeats))
        if name.startswith("(b)"):
            taught = partial(_with_gradient(loss), logits, targets)
            ways.append((f"{name}, value and gradient", taught, settings.repeats))
    times = [(name, 1000 * median_s(work, repeats) / len(rows)) for name, work, repeats in ways]
    return [(name, f"{ms:.3f}", *(f"{times[k][1] / ms:.1f}" for k in (0, 1))) for name, ms in times]


def _with_gradient(loss: VaLoss) -> Callable[[Any, Any], Any]:
    @tf.function
    def taught(logits: Any, targets: Any) -> Any:
        return tf.gradients(loss(logits, targets), logits)[0]

    return taught


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of a piece of work, after one run that does not count."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def write_and_read_by_music21(tokens: Sequence[str], folder: Path) -> Score:
    """Tokens to a MIDI file and back by music21, as code of the paper's kind does it: an element after another."""
    import music21

    piece: Any = music21.stream.Stream()
    for text in tokens:
        element = _element(read_token(text))
        if element is not None:
            piece.append(element)
    path = folder / "piece.mid"
    piece.write("midi", fp=str(path))
    music21.converter.parse(str(path), forceSource=True)
    return read_midi(path)


def _element(token: Token) -> Any:
    import music21

    if token.kind == "mark":
        return None
    if token.kind == "tempo":
        return music21.tempo.MetronomeMark(number=float(token.value))
    if token.kind == "time":
        return music21.meter.TimeSignature(f"{int(token.value)}/4")
    if token.kind == "rest":
        element: Any = music21.note.Rest()
    elif token.kind == "note":
        element = music21.note.Note(token.pitches[0])
    else:
        element = music21.chord.Chord(list(token.pitches))
    element.duration = music21.duration.Duration(token.value)
    return element
