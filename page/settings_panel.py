"""What may be chosen: length, strength of the emotion, seed, lanes, models; and the buttons that start and stop."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from page.job import Job
from page.texts import text
from pipelines.chains import CHAINS, ChainSettings
from pipelines.settings import LARGEST_SEED, LONGEST_S, SHORTEST_S, STRONGEST
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

BOTH = "Both"
PIANO, FROM_WORDS = "Piano", "From words"
LANES = {BOTH: tuple(CHAINS), PIANO: ("symbolic",), FROM_WORDS: ("waveform",)}
LANE_TEXTS = {BOTH: "settings.both", PIANO: "lane.piano", FROM_WORDS: "settings.from_words"}


@dataclass(frozen=True)
class SettingsPanel:
    """The panel's components."""

    duration: gr.Slider
    strength: gr.Slider
    seed: gr.Number
    dice: gr.Button
    lanes: gr.Radio
    hear: gr.Button
    stop: gr.Button

    @property
    def values(self) -> list[gr.components.Component]:
        """The components that hold the settings, in the order of :func:`settings_from`, the models left out."""
        return [self.duration, self.strength, self.seed, self.lanes]


def settings_panel() -> SettingsPanel:
    """Build the panel; the defaults are the chain's."""
    start = SymbolicSettings()
    with gr.Row(elem_id="ek-settings", equal_height=False):
        with gr.Column(scale=4, min_width=180):
            duration = gr.Slider(
                SHORTEST_S,
                LONGEST_S,
                start.duration_s,
                step=1,
                label=text("settings.length"),
                elem_id="ek-duration",
                buttons=[],
            )
        with gr.Column(scale=4, min_width=180):
            strength = gr.Slider(
                0,
                STRONGEST,
                start.strength,
                step=0.5,
                label=text("settings.strength"),
                elem_id="ek-strength",
                buttons=[],
            )
        with gr.Row(elem_id="ek-seeds"):
            seed = gr.Number(start.seed, label=text("settings.seed"), precision=0, elem_id="ek-seed", min_width=80)
            dice = gr.Button(text("settings.another"), elem_id="ek-dice", min_width=60, size="md")
    with gr.Row(elem_id="ek-start", equal_height=False):
        lanes = gr.Radio(
            lane_choices(), value=BOTH, label=text("settings.make"), elem_id="ek-lanes-choice", min_width=200
        )
        with gr.Row(elem_id="ek-go"):
            hear = gr.Button(text("settings.hear"), variant="primary", elem_id="ek-hear", min_width=130)
            stop = gr.Button(text("settings.stop"), elem_id="ek-stop", interactive=False, min_width=70)
    dice.click(roll_dice, None, seed, queue=False, api_visibility="private", show_progress="hidden")
    return SettingsPanel(duration, strength, seed, dice, lanes, hear, stop)


def lane_choices(names: Iterable[str] = tuple(LANES)) -> list[tuple[str, str]]:
    """The names of :data:`LANES` as a radio button offers them: what is read and what it stands for."""
    return [(str(text(LANE_TEXTS[name])), name) for name in names]


def roll_dice() -> int:
    """Another seed."""
    return random.SystemRandom().randint(1, LARGEST_SEED)


def settings_from(
    duration: float | None = None,
    strength: float | None = None,
    seed: float | None = None,
    lanes: str | None = None,
    models: str | None = None,
    composer: str | None = None,
) -> dict[str, ChainSettings]:
    """The settings of each chain to run; an emptied field has its default. The chains check their ranges."""
    start = SymbolicSettings()
    common: dict[str, Any] = {
        "duration_s": start.duration_s if duration is None else float(duration),
        "strength": start.strength if strength is None else float(strength),
        "seed": start.seed if seed is None else max(0, int(seed)),
        "models": models or start.models,
    }
    chosen = LANES.get(lanes or BOTH, tuple(CHAINS))
    made: dict[str, ChainSettings] = {
        "symbolic": SymbolicSettings(**common, composer=composer or start.composer),
        "waveform": WaveformSettings(**common),
    }
    return {chain: made[chain] for chain in chosen}


def settings_for(job: Job, *values: Any) -> dict[str, ChainSettings]:
    """The settings of the chains that a request runs: those it names, else those that the panel names."""
    if job.chains is None:
        return settings_from(*values)
    duration, strength, seed, _, *models = values
    both = settings_from(duration, strength, seed, BOTH, *models)
    return {chain: both[chain] for chain in job.chains}


def settings_shown(settings: Mapping[str, Any], chains: Collection[str]) -> dict[str, Any]:
    """The values of this panel and of the models', by their names, for a take's settings and the chains that it has."""
    lanes = next((lanes for lanes, names in LANES.items() if set(names) == set(chains)), BOTH)
    composer = settings["composer"] or SymbolicSettings.composer
    return {"lanes": lanes, "duration": settings["duration_s"], "composer": composer} | {
        name: settings[name] for name in ("strength", "seed", "models")
    }
