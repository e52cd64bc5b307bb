"""What may be chosen: length, strength of the emotion, seed; and the buttons that start and stop."""

from __future__ import annotations

import random
from dataclasses import dataclass

import gradio as gr

from pipelines.symbolic import SymbolicSettings
from pipelines.symbolic.form import LONGEST_S, SHORTEST_S

LARGEST_SEED = 999_999
STRONGEST = 5


@dataclass(frozen=True)
class SettingsPanel:
    """The panel's components."""

    duration: gr.Slider
    strength: gr.Slider
    seed: gr.Number
    dice: gr.Button
    hear: gr.Button
    stop: gr.Button

    @property
    def values(self) -> list[gr.components.Component]:
        """The components that hold the settings, in the order of :func:`settings_from`."""
        return [self.duration, self.strength, self.seed]


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
                label="Length in seconds",
                elem_id="ek-duration",
                buttons=[],
            )
        with gr.Column(scale=4, min_width=180):
            strength = gr.Slider(
                0, STRONGEST, start.strength, step=0.5, label="Strength of feeling", elem_id="ek-strength", buttons=[]
            )
        with gr.Row(elem_id="ek-seeds"):
            seed = gr.Number(
                start.seed, label="Seed", precision=0, minimum=0, maximum=LARGEST_SEED, elem_id="ek-seed", min_width=80
            )
            dice = gr.Button("Another", elem_id="ek-dice", min_width=60, size="md")
        with gr.Row(elem_id="ek-go"):
            hear = gr.Button("Hear it", variant="primary", elem_id="ek-hear", min_width=130)
            stop = gr.Button("Stop", elem_id="ek-stop", interactive=False, min_width=70)
    dice.click(roll_dice, None, seed, queue=False, api_visibility="private", show_progress="hidden")
    return SettingsPanel(duration, strength, seed, dice, hear, stop)


def roll_dice() -> int:
    """Another seed."""
    return random.SystemRandom().randint(1, LARGEST_SEED)


def settings_from(duration: float | None, strength: float | None, seed: float | None) -> SymbolicSettings:
    """The chain's settings; an emptied field has its default. The chain checks their ranges."""
    start = SymbolicSettings()
    return SymbolicSettings(
        duration_s=start.duration_s if duration is None else float(duration),
        strength=start.strength if strength is None else float(strength),
        seed=start.seed if seed is None else max(0, int(seed)),
    )
