"""What the exports share: ffmpeg, fed through its standard input, and the tags that say what a file is.

In: pieces of raw sound or pictures, ffmpeg's arguments. Out: a file, whole or not at all. ffmpeg is started by an
argument list, gets no file name of a foreign file to guess a format from, and is ended on a time limit, on an error and
when the person asks for it to stop. Output is bit-exact: no date, no version, the same input gives the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.bundle import check_writable
from pipelines.chain import Cancelled, never
from pipelines.errors import SettingsError, SoundError, StoppedError

ARTIST = "Ekphonia"
CURE = "install it, on Debian and Ubuntu with `apt install ffmpeg`"
KINDS = {"symbolic": "piano", "waveform": "music from words"}
POLL_S = 0.05
FED_PART = 0.97  # of the progress, when all has been given to ffmpeg and it has yet to finish
QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y")
EXACT = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")

Progress = Callable[[float], None]


def untold(_: float) -> None:
    """Nobody is told how far it is."""


@dataclass(frozen=True)
class Tags:
    """What a file says of itself: a title, a comment on how it was made, the licence."""

    title: str
    comment: str = ""
    licence: str = ""

    def arguments(self) -> list[str]:
        """As ffmpeg's options."""
        named = {"title": self.title, "artist": ARTIST, "comment": self.comment, "copyright": self.licence}
        return [word for key, text in named.items() if text for word in ("-metadata", f"{key}={text}")]


def tags_of(record: Mapping[str, Any], chain: str) -> Tags:
    """Tags for the sound of a chain ("symbolic", "waveform") from a take's record, the content of take.json.

    The title is the picture's name, the comment holds emotion, seed and maker, the licence is that of what made the
    music. Raises SettingsError when the record has no such chain.
    """
    made = record.get("chains", {}).get(chain)
    if made is None:
        raise SettingsError(f"The take has no {chain} music; make it with --pipeline both, or choose another.")
    steps = {step["name"]: step for step in made["steps"]}
    makers = [steps[name] for name in ("score", "audio") if name in steps]
    wanted, seed = made.get("wanted"), made.get("settings", {}).get("seed")
    parts = [
        f"{wanted['label']}: valence {wanted['valence']:.2f}, arousal {wanted['arousal']:.2f}" if wanted else "",
        f"seed {seed}" if seed is not None else "",
        "made by " + ", ".join(step["made_by"] for step in makers) if makers else "",
    ]
    licences = dict.fromkeys(step["licence"] for step in makers if step.get("licence"))
    licence = "; ".join(licences)
    said = [part for part in (*parts, f"licence of the models: {licence}" if licence else "") if part]
    picture = (record.get("picture") or {}).get("name")
    title = f"{Path(picture).stem} ({KINDS[chain]})" if picture else KINDS[chain].capitalize()
    return Tags(title, "; ".join(said), licence)


def find_ffmpeg() -> str:
    """The program's path; raises SoundError with the cure when it is not on this machine."""
    found = shutil.which("ffmpeg")
    if found is None:
        raise SoundError(f"The program ffmpeg is not on this machine; {CURE}.")
    return found


def check_target(path: Path, suffixes: Sequence[str]) -> None:
    """Raise SettingsError when a file of that name cannot be written, or does not end in one of the suffixes."""
    if path.suffix.lower() not in suffixes:
        raise SettingsError(f"{path.name} does not end in {' or '.join(suffixes)}; give it another name.")
    if path.is_dir():
        raise SettingsError(f"{path.name} is a folder where a file must be; remove it or choose another name.")
    check_writable(path.parent)


def encode(
    arguments: Sequence[str],
    pieces: Iterable[bytes | memoryview],
    target: Path,
    *,
    total: int,
    timeout_s: float,
    progress: Progress = untold,
    cancelled: Cancelled = never,
) -> Path:
    """Feed `total` pieces to ffmpeg's standard input and put what it makes in place of `target`.

    `arguments` are all but the program and the output's name; the format must be among them (`-f mp4`). `progress` is
    told 0 to 1. Raises SoundError when ffmpeg is missing, fails or takes longer than `timeout_s`, StoppedError once
    `cancelled` answers True; in each case nothing is left behind and an older file stays.
    """
    program = find_ffmpeg()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as name:
        made = Path(name) / f"made{target.suffix}"
        with (Path(name) / "errors.txt").open("w+b") as errors:
            command = [program, *QUIET, *arguments, f"file:{made}"]
            run = _Run(command, errors, timeout_s=timeout_s, cancelled=cancelled)
            code = run.feed(pieces, total, progress)
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
        if code != 0 or not made.is_file():
            raise _failed(target, code, said)
        made.replace(target)
    progress(1.0)
    return target


def _failed(target: Path, code: int, said: str) -> SoundError:
    """What ffmpeg's failure is to a person; its own words are the cause."""
    cause = subprocess.CalledProcessError(code, "ffmpeg", stderr=said)
    if "Unknown encoder" in said:
        encoder = said.partition("Unknown encoder")[2].strip().strip("'").partition("'")[0]
        error = SoundError(f"This machine's ffmpeg has no encoder {encoder}; {CURE} as the distribution builds it.")
    else:
        last = said.splitlines()[-1].replace(str(target.parent), "…") if said else "it did not say why"
        error = SoundError(f"ffmpeg could not make {target.name} (code {code}: {last}); see whether the disk is full.")
    error.__cause__ = cause
    return error


class _Run:
    """One run of ffmpeg: fed, watched, and gone when :meth:`feed` returns or raises."""

    def __init__(self, command: Sequence[str], errors: Any, *, timeout_s: float, cancelled: Cancelled) -> None:
        self._command, self._errors = command, errors
        self._timeout_s, self._cancelled = timeout_s, cancelled

    def feed(self, pieces: Iterable[bytes | memoryview], total: int, progress: Progress) -> int:
        """Give ffmpeg all pieces and wait for its end; returns its exit code. Raises as :func:`encode`."""
        began = time.monotonic()
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors)
        # A write to a program that hangs never returns, hence a clock of its own.
        clock = threading.Timer(self._timeout_s, process.kill)
        clock.daemon = True
        clock.start()
        try:
            self._give(process, pieces, total, progress)
            while process.poll() is None:
                self._check()
                time.sleep(POLL_S)
        finally:
            clock.cancel()
            process.kill()
            process.wait()
            with suppress(OSError):  # what was not written yet has nobody to read it
                process.stdin.close()  # type: ignore[union-attr]
        if time.monotonic() - began >= self._timeout_s:
            raise SoundError(f"ffmpeg took longer than {self._timeout_s:.0f} seconds; make it shorter or smaller.")
        return process.returncode

    def _give(self, process: subprocess.Popen[bytes], pieces: Iterable[Any], total: int, progress: Progress) -> None:
        assert process.stdin is not None  # we asked for a pipe
        with suppress(BrokenPipeError):  # ffmpeg has ended early: its exit code and its words say why
            for number, piece in enumerate(pieces):
                self._check()
                process.stdin.write(piece)
                progress(FED_PART * min(1.0, (number + 1) / max(1, total)))
            process.stdin.close()

    def _check(self) -> None:
        if self._cancelled():
            raise StoppedError("The export was stopped.")
