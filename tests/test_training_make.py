"""What `make paper-waveform` and `make paper-symbolic` would run: every command is one, and reads what was written.

The recipes run with programs that only note how they were called, in a folder of their own; what they were called with
then goes through the commands' own parsers.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from training.data.splits import SPLITS
from training.emotion_classifier import CHECKPOINT as CLASSIFIER
from training.musicgen import finetune, generate
from training.musicgen.loop import BEST
from training.musicgen.pairs import METADATA, TEXTS
from training.musicgen.precompute import INDEX, Stored, StoreSettings
from training.musicgen.variants import VARIANTS

ROOT = Path(__file__).resolve().parent.parent
CONFIG, ROW = "config.json", "row.json"
PREDICTOR = Path("runs/paper/va/token_predictor.keras")
WAVEFORM = ("training.data.painting_music", "training.emotion_classifier", "training.musicgen.texts")
SOUND = ("training.musicgen.generate", "training.metrics.audio", "training.metrics.heard_sound")
SYMBOLIC = ("training.data.pairing", "training.paper.prepare", "training.paper.va_predictor", "training.paper.ablate")
NOTE = """#!/bin/sh
printf '%s\\t' "$(basename "$0")" "$@" >> "$CALLS"
echo >> "$CALLS"
"""
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="the program make is missing")


class OptionsReadError(Exception):
    """Carries what a parser made of a command line out of the command."""


class Call:
    """A call of a program: a module of the project's and its options, by its own parser."""

    def __init__(self, words: list[str]) -> None:
        assert words[:2] == ["python", "-m"] or words[:3] == ["accelerate", "launch", "-m"], words
        self.module, *self.words = words[words.index("-m") + 1 :]
        self.options: Any = None

    def parse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = argparse.ArgumentParser.parse_args

        def take(parser: Any, args: Any = None, namespace: Any = None) -> Any:
            raise OptionsReadError(real(parser, args, namespace))

        main = importlib.import_module(self.module).main
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", take)
            patch.setattr(sys, "argv", [self.module, *self.words])
            with pytest.raises(OptionsReadError) as taken:
                main()
        self.options = taken.value.args[0]

    def reads(self) -> Iterable[Path]:
        """Files without which the command cannot work, but for data sets and models that are fetched."""
        own = self.options
        match self.module.removeprefix("training."):
            case "musicgen.texts":
                return [own.dataset / split / METADATA for split in SPLITS]
            case "musicgen.codec":
                return [own.sounds / METADATA]
            case "musicgen.small":
                return [own.codec / CONFIG, own.texts / TEXTS]
            case "musicgen.precompute":
                return [own.dataset / TEXTS, *_base(own.base)]
            case "musicgen.finetune":
                return [own.dataset / TEXTS, *_base(own.base), *([own.stored / INDEX] if own.stored else [])]
            case "musicgen.export":
                return [own.run / BEST]
            case "musicgen.evaluate":
                return [own.stored / INDEX, *(run / BEST for run in own.runs)]
            case "musicgen.generate":
                return [own.dataset / TEXTS, *(model / generate.MODEL / CONFIG for model in own.models)]
            case "metrics.audio":
                return [own.reference, *own.generated]
            case "metrics.heard_sound":
                return [own.dataset / own.split / METADATA, *own.folders]
            case "paper.prepare":
                return [own.pairs]
            case "paper.ablate":
                return [own.material, PREDICTOR]
        return []

    def writes(self) -> Iterable[Path]:
        """The files, or folders of sound, that tell that the command has done its work."""
        own = self.options
        match self.module.removeprefix("training."):
            case "data.painting_music":
                return [own.out / split / METADATA for split in SPLITS]
            case "emotion_classifier":
                return [own.run / CLASSIFIER]
            case "musicgen.texts":
                return [own.dataset / TEXTS]
            case "musicgen.codec" | "musicgen.small" | "musicgen.export":
                return [own.out / CONFIG]
            case "musicgen.precompute":
                return [own.out / INDEX]
            case "musicgen.finetune":
                return [own.run / BEST, *([] if own.no_export else [own.run / "model" / CONFIG])]
            case "musicgen.generate":
                return [own.out / name for name in (generate.REFERENCE, *(model.name for model in own.models))]
            case "data.pairing" | "paper.prepare":
                return [own.out]
            case "paper.va_predictor":
                return [own.out / PREDICTOR.name]
        return []


def _base(base: str) -> list[Path]:
    """What a base needs on this machine: nothing where it is a hub's id."""
    return [Path(base) / CONFIG] if base.startswith("runs/") else []


def made(folder: Path, target: str, preset: str, monkeypatch: pytest.MonkeyPatch, *, program: str = NOTE) -> list[Call]:
    """The calls that `make` makes in a folder, parsed; `program` is what it calls."""
    programs = folder / "venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("python", "accelerate"):
        (programs / name).write_text(program)
        (programs / name).chmod(0o755)
    shutil.copy(ROOT / "packages.txt", folder)
    calls = folder / "calls"
    calls.write_text("")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {"CALLS": str(calls)}
    told = [f"VENV={folder / 'venv'}", f"PRESET={preset}", f"PYTHON={sys.executable}"]
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", "setup-dev", *told, target]
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = [Call(line.rstrip("\t").split("\t")) for line in calls.read_text().splitlines()]
    for call in found:
        call.parse(monkeypatch)
    return found


def write(folder: Path, calls: Iterable[Call]) -> None:
    for path in (folder / path for call in calls for path in call.writes()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@needs_make
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_the_waveform_papers_commands_read_what_those_before_them_write(tmp_path, monkeypatch, preset):
    calls = made(tmp_path, "paper-waveform", preset, monkeypatch)
    assert tuple(call.module for call in calls[:3]) == WAVEFORM
    assert tuple(call.module for call in calls[-3:]) == SOUND
    check_order(calls)
    check_stored(calls)
    played = calls[-3].options
    assert [generate.condition_of(path / generate.MODEL, None) for path in played.models] == list(VARIANTS)
    assert calls[-2].options.generated == [played.out / name for name in VARIANTS]
    assert calls[-1].options.folders == [calls[-2].options.reference, *calls[-2].options.generated]


@needs_make
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_the_symbolic_papers_commands_read_what_those_before_them_write(tmp_path, monkeypatch, preset):
    pytest.importorskip("tensorflow", reason="the pip package tensorflow-cpu is not installed")
    from training.paper.va_predictor import FOLDER, TOKEN_WEIGHTS

    assert FOLDER / TOKEN_WEIGHTS == PREDICTOR
    calls = made(tmp_path, "paper-symbolic", preset, monkeypatch)
    assert tuple(call.module for call in calls) == SYMBOLIC
    check_order(calls)
    assert calls[-1].options.preset == preset
    write(tmp_path, calls)
    assert [call.module for call in made(tmp_path, "paper-symbolic", preset, monkeypatch)] == [SYMBOLIC[1], SYMBOLIC[3]]


def check_order(calls: list[Call]) -> None:
    """Every file that a command needs is written by one before it."""
    there: set[Path] = set()
    for call in calls:
        missing = set(call.reads()) - there
        assert not missing, f"{call.module} reads what no command before it writes: {missing}"
        there |= set(call.writes())


def check_stored(calls: list[Call]) -> None:
    """Every fine-tuning's settings can be, and suit what was encoded beforehand where it reads that."""
    stores = {call.options.out: call.options for call in calls if call.module == "training.musicgen.precompute"}
    tunings = [call.options for call in calls if call.module == "training.musicgen.finetune"]
    assert [own.variant for own in tunings][-len(VARIANTS) :] == list(VARIANTS)
    for own in tunings:
        settings = finetune._settings(own)
        settings.check()
        assert own.stored or not VARIANTS[own.variant].stored
        if own.stored:
            store = stores[own.stored]
            assert VARIANTS[own.variant].condition in store.conditions
            kept = StoreSettings(store.base, clip_s=store.clip_s, frozen_share=store.frozen_share)
            finetune._check_stored(Stored(own.stored, kept, {}, "digest"), settings, "digest")


# What of the waveform paper's commands a second run leaves out by the Makefile; the others pass over what is done.
LEFT_OUT = {
    "laptop": {
        "training.data.painting_music",
        "training.musicgen.codec",
        "training.musicgen.small",
        "training.musicgen.export",
    },
    "paper": {"training.data.painting_music"},
}


@needs_make
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_a_second_run_of_the_waveform_paper_makes_nothing_anew(tmp_path, monkeypatch, preset):
    first = made(tmp_path, "paper-waveform", preset, monkeypatch)
    write(tmp_path, first)
    again = made(tmp_path, "paper-waveform", preset, monkeypatch)
    assert [call.words for call in again] == [call.words for call in first if call.module not in LEFT_OUT[preset]]


@needs_make
def test_a_command_that_fails_or_was_stopped_ends_the_run(tmp_path, monkeypatch):
    whole = made(tmp_path, "paper-waveform", "laptop", monkeypatch)
    seen = [call.module for call in whole]
    tuning = len(seen) - 1 - seen[::-1].index("training.musicgen.finetune")
    for number in (2, tuning):
        stopped = NOTE + f'[ "$(wc -l < "$CALLS")" -le {number} ] || exit 130\n'
        with pytest.raises(AssertionError, match=r"paper-waveform-laptop\] Error"):
            made(tmp_path, "paper-waveform", "laptop", monkeypatch, program=stopped)
        assert len((tmp_path / "calls").read_text().splitlines()) == number + 1
