"""What the settings of both chains have in common: their ranges, checked at the door."""

from __future__ import annotations

from pipelines.errors import SettingsError

SHORTEST_S, LONGEST_S = 10.0, 180.0
STRONGEST = 5.0
LARGEST_SEED = 999_999
DURATION_S, SEED, STRENGTH = 30.0, 0, 1.5  # where nothing else is asked for
LEAST_VA, MOST_VA = 1.0, 9.0


def check_duration(duration_s: float) -> None:
    """Raise SettingsError for a length that is not 10 to 180 seconds."""
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SettingsError(
            f"The music cannot last {duration_s:g} seconds; choose {SHORTEST_S:g} to {LONGEST_S:g} seconds."
        )


def check_seed(seed: int) -> None:
    """Raise SettingsError for what is no whole number from 0 to :data:`LARGEST_SEED`."""
    if not (isinstance(seed, int) and 0 <= seed <= LARGEST_SEED):
        raise SettingsError(f"The seed cannot be {seed}; choose a whole number from 0 on, at most {LARGEST_SEED}.")


def check_strength(strength: float) -> None:
    """Raise SettingsError for a strength of the emotion that is not 0 to 5."""
    if not 0 <= strength <= STRONGEST:
        raise SettingsError(f"The strength cannot be {strength:g}; choose 0 to {STRONGEST:g}.")


def check_emotion(valence: float, arousal: float) -> None:
    """Raise SettingsError for a valence or an arousal that is not on the scale from 1 to 9."""
    for name, value in (("valence", valence), ("arousal", arousal)):
        if not LEAST_VA <= value <= MOST_VA:
            raise SettingsError(f"The {name} cannot be {value:g}; choose {LEAST_VA:g} to {MOST_VA:g}.")
