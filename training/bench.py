"""Speed and memory of both lanes with the embedded models: `python -m training.bench` (or `make bench`).

Every figure is the median of several runs after a warm-up, in this process but for the page's start. The composer is
timed beside the paper's way (:mod:`training.paper_way`) in the same run, which needs TensorFlow; the page's start needs
gradio.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipelines.chains import ChainSettings, run_chain
from pipelines.picture import read_picture
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("happy", "angry", "sad", "fun", "neutral")
START_PATIENCE_S = 60.0


def chain_times(chain: str, path: Path, seed: int) -> tuple[float, float]:
    """Seconds from the picture's file to a chain's first sound, and to its whole take of 30 s."""
    started = time.perf_counter()
    first = 0.0
    for step in run_chain(chain, read_picture(path), settings_of(chain, seed), {}):
        if step.name == "audio" and not first:
            first = time.perf_counter() - started
    return first, time.perf_counter() - started


def settings_of(chain: str, seed: int) -> ChainSettings:
    """30 s of music by the embedded models."""
    made = SymbolicSettings if chain == "symbolic" else WaveformSettings
    return made(duration_s=30.0, seed=seed, models="embedded")


def chain_rows(chain: str, runs: int) -> list[tuple[str, str]]:
    """What a chain takes: once in a new process, then as it is on a page that is up."""
    pictures = [ROOT / "assets" / "examples" / f"{name}.jpg" for name in EXAMPLES]
    cold_s = chain_times(chain, pictures[0], 0)[1]
    for picture in pictures:  # each region of the plane has words that are weighed once
        chain_times(chain, picture, 0)
    times = np.array([chain_times(chain, pictures[i % len(pictures)], i) for i in range(runs)])
    return [
        (f"{chain}: first take, models loaded on the way", f"{cold_s:.2f} s"),
        (f"{chain}: picture to first sound, warm", f"{np.median(times[:, 0]):.2f} s (slowest {times[:, 0].max():.2f})"),
        (f"{chain}: 30 s made and heard, warm", f"{np.median(times[:, 1]):.2f} s (slowest {times[:, 1].max():.2f})"),
    ]


def composer_notes_per_second(*, duration_s: float = 30.0) -> float:
    """Delivered notes a second over the four corners of the plane; candidates that were not chosen do not count."""
    from pipelines.symbolic.composer import ComposerSettings, load_composer

    notes, started = 0, time.perf_counter()
    for seed, (valence, arousal) in enumerate(((2.0, 2.0), (2.0, 8.0), (8.0, 8.0), (8.0, 3.0))):
        for growing in load_composer().compose(valence, arousal, ComposerSettings(duration_s=duration_s, seed=seed)):
            score = growing
        notes += len(score.notes)
    return notes / (time.perf_counter() - started)


def hearing_ms() -> float:
    """Milliseconds to hear 30 s of music."""
    from pipelines.hearing import hear
    from pipelines.symbolic.composer import load_composer

    for growing in load_composer().compose(5.0, 5.0):
        score = growing
    return 1000 * median_time(lambda: hear(score), runs=20)


def median_time(work: Callable[[], object], *, runs: int = 5) -> float:
    """Median seconds of some runs after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def page_start_s() -> float:
    """Seconds from the command to the page's answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.perf_counter()
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - started < START_PATIENCE_S:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).read()
                return time.perf_counter() - started
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"The page did not answer within {START_PATIENCE_S:g} s.")
    finally:
        server.terminate()
        server.wait()


def resident_mb() -> float:
    """Memory of this process now, in megabytes."""
    import psutil

    return psutil.Process(os.getpid()).memory_info().rss / 1e6


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m training.bench", description="Time both lanes.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--without-paper-way", action="store_true", help="leave out what needs TensorFlow")
    options = parser.parse_args()
    rows = [
        *chain_rows("symbolic", options.runs),
        *chain_rows("waveform", options.runs),
        ("hearing 30 s of notes", f"{hearing_ms():.1f} ms"),
        ("resident memory after these", f"{resident_mb():.0f} MB"),
        ("page up after the command", f"{median_time(page_start_s, runs=3):.2f} s"),
    ]
    ours = [composer_notes_per_second() for _ in range(options.runs)]
    rows.append(("composer, delivered notes a second", f"{statistics.median(ours):.0f}"))
    if not options.without_paper_way:
        from training.paper_way import notes_per_second

        theirs = [notes_per_second() for _ in range(3)]
        rows.append(("the paper's way, notes a second", f"{statistics.median(theirs):.1f}"))
        rows.append(("ratio", f"{statistics.median(ours) / statistics.median(theirs):.0f}"))
    print("| figure | value |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
