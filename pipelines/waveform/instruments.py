"""How each instrument of the vocabulary is played: its range, what it can do in an ensemble, how it speaks and rings.

Pitches are MIDI numbers; ranges are the comfortable ones of orchestration manuals (Adler, "The Study of
Orchestration"), the attack is the time to half the loudest level, measured on FluidR3's middle register.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAD, COMP, PAD, BASS, TIMPANI, KIT = "lead", "comp", "pad", "bass", "timpani", "kit"


@dataclass(frozen=True)
class Playing:
    """How an instrument is played.

    `low` to `high` is its range, `lead` the middle of the register in which it leads, `roles` what it can do, the
    most usual first. `attack_s` is how late it speaks, `shortest_s` the quickest repetition that suits it; one that
    `rings` dies away by itself, one that does not sounds as long as it is held. `pan` is -1 (left) to 1 (right).
    """

    low: int
    high: int
    lead: int
    roles: tuple[str, ...]
    attack_s: float = 0.0
    shortest_s: float = 0.09
    rings: bool = False
    pan: float = 0.0
    reverb: int = 40

    def folded(self, pitch: int) -> int:
        """The pitch moved by octaves into the range."""
        while pitch < self.low:
            pitch += 12
        while pitch > self.high:
            pitch -= 12
        return pitch

    def can(self, role: str) -> bool:
        """Whether it can take a role."""
        return role in self.roles


PLAYING = {
    "piano": Playing(28, 100, 73, (LEAD, COMP), rings=True, pan=-0.1),
    "electric piano": Playing(36, 96, 71, (LEAD, COMP), rings=True, pan=-0.15),
    "harpsichord": Playing(36, 86, 71, (LEAD, COMP), rings=True, pan=-0.2),
    "celesta": Playing(60, 103, 80, (LEAD, COMP), rings=True, pan=0.25, reverb=60),
    "glockenspiel": Playing(72, 103, 86, (LEAD, COMP), rings=True, pan=0.3, reverb=60),
    "music box": Playing(60, 100, 83, (LEAD, COMP), rings=True, pan=0.1, reverb=55),
    "vibraphone": Playing(53, 89, 72, (LEAD, COMP), rings=True, pan=0.25, reverb=50),
    "marimba": Playing(45, 91, 69, (LEAD, COMP), rings=True, pan=0.3),
    "organ": Playing(36, 88, 69, (LEAD, PAD, COMP), 0.10, 0.11, reverb=60),
    "accordion": Playing(48, 88, 71, (LEAD, COMP, PAD), 0.05, pan=0.15),
    "acoustic guitar": Playing(40, 83, 67, (COMP, LEAD), rings=True, pan=-0.25),
    "electric guitar": Playing(40, 86, 67, (COMP, LEAD), rings=True, pan=0.3),
    "distorted guitar": Playing(40, 84, 66, (COMP, LEAD), pan=-0.3, reverb=30),
    "double bass": Playing(28, 55, 43, (BASS,), rings=True, reverb=20),
    "electric bass": Playing(28, 55, 43, (BASS,), reverb=12),
    "synth bass": Playing(28, 52, 40, (BASS,), reverb=8),
    "violin": Playing(55, 95, 75, (LEAD,), 0.08, 0.11, pan=-0.25, reverb=60),
    "viola": Playing(48, 84, 66, (LEAD,), 0.08, 0.11, pan=0.2, reverb=60),
    "cello": Playing(36, 74, 57, (LEAD, BASS), 0.10, 0.13, pan=0.3, reverb=60),
    "pizzicato strings": Playing(40, 86, 70, (COMP, LEAD), 0.03, rings=True, pan=0.1, reverb=60),
    "harp": Playing(36, 96, 71, (COMP, LEAD), rings=True, pan=0.3, reverb=60),
    "timpani": Playing(40, 55, 45, (TIMPANI,), rings=True, pan=0.15, reverb=60),
    "strings": Playing(40, 93, 74, (LEAD, PAD, COMP), 0.08, 0.12, pan=-0.15, reverb=65),
    "choir": Playing(48, 79, 68, (PAD, LEAD), 0.15, 0.3, reverb=75),
    "trumpet": Playing(55, 82, 69, (LEAD,), 0.01, 0.1, pan=0.15, reverb=50),
    "trombone": Playing(42, 72, 58, (LEAD,), 0.06, 0.14, pan=0.25, reverb=50),
    "french horn": Playing(43, 77, 63, (LEAD, PAD), 0.07, 0.14, pan=-0.2, reverb=65),
    "brass": Playing(46, 80, 67, (LEAD, PAD), 0.03, 0.12, pan=0.2, reverb=45),
    "saxophone": Playing(50, 80, 66, (LEAD,), 0.01, 0.1, pan=0.1, reverb=45),
    "oboe": Playing(59, 88, 73, (LEAD,), 0.07, 0.11, pan=0.1, reverb=60),
    "bassoon": Playing(36, 70, 56, (LEAD, BASS), 0.05, 0.12, pan=0.2, reverb=60),
    "clarinet": Playing(51, 89, 70, (LEAD,), 0.04, 0.1, pan=0.15, reverb=50),
    "flute": Playing(60, 93, 77, (LEAD,), 0.07, 0.1, pan=0.2, reverb=60),
    "pan flute": Playing(60, 91, 75, (LEAD,), 0.06, 0.12, pan=-0.2, reverb=70),
    "synth lead": Playing(48, 93, 71, (LEAD, COMP), 0.01, reverb=35),
    "synth pad": Playing(40, 84, 69, (PAD, LEAD), 0.2, 0.4, reverb=75),
    "drums": Playing(27, 87, 60, (KIT,), rings=True, reverb=20),
}
