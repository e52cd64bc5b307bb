"""Both chains by name, for those who run one or the other: the page, the command line, programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from pipelines import symbolic, waveform
from pipelines.records import Picture, Step
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

ChainSettings = SymbolicSettings | WaveformSettings
CHAINS: dict[str, ModuleType] = {"symbolic": symbolic, "waveform": waveform}
STEPS_GIVEN = tuple(dict.fromkeys((*symbolic.STEPS_GIVEN, *waveform.STEPS_GIVEN)))


def run_chain(
    name: str,
    picture: Picture | None,
    settings: ChainSettings,
    given: Mapping[str, Any],
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Run the chain of that name with those of the given steps that it knows; yields and raises as its `run` does."""
    chain: Any = CHAINS[name]
    known = {step: given[step] for step in chain.STEPS_GIVEN if step in given}
    yield from chain.run(picture, settings, known, cancelled=cancelled)
