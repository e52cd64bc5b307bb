"""What the settings of both chains have in common: their ranges, checked at the door."""

from __future__ import annotations

from pipelines.errors import SettingsError

SHORTEST_S, LONGEST_S = 10.0, 180.0
STRONGEST = 5.0


def check_duration(duration_s: float) -> None:
    """Raise SettingsError for a length that is not 10 to 180 seconds."""
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SettingsError(
            f"The music cannot last {duration_s:g} seconds; choose {SHORTEST_S:g} to {LONGEST_S:g} seconds."
        )


def check_seed(seed: int) -> None:
    """Raise SettingsError for what is no whole number from 0 on."""
    if not (isinstance(seed, int) and seed >= 0):
        raise SettingsError(f"The seed cannot be {seed}; choose a whole number from 0 on.")


def check_strength(strength: float) -> None:
    """Raise SettingsError for a strength of the emotion that is not 0 to 5."""
    if not 0 <= strength <= STRONGEST:
        raise SettingsError(f"The strength cannot be {strength:g}; choose 0 to {STRONGEST:g}.")
