"""Each genre's way of playing, as tables: accompaniment and bass patterns, swing, sevenths, who plays what is missing.

A pattern is a row of sixteenths, 16 for a bar of four beats and 12 for one of three; several bars follow one another
with " | ". A dash holds, a dot rests. Signs of the accompaniment:

* `x` a chord, `X` accented, `s` soft; `d` a strum downwards, `D` accented, `u` upwards
* `0` to `7` a tone of the chord, counted from below, left to ring until the chord changes
* `p` root and fifth, `P` accented, `m` muted; `b` the root far below, `B` the fifth

and of the bass: `R` root, `F` fifth, `O` the octave, `T` the third, `A` a step into the next chord's root, `N` that
root itself; small letters are soft.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[str, str]  # a thin and a full pattern


@dataclass(frozen=True)
class Style:
    """A genre's way of playing; patterns are (thin, full) pairs, in four and in three.

    `lead_by`, `comp_by`, `pad_by`, `bass_by` name who plays what the prompt gives nobody for, "" for nobody.
    `swing` is where an eighth off the beat falls (0.5 straight); `swing_beats` 1 swings eighths, 0.5 sixteenths.
    `written` lets the composer's own inner voices accompany. `beats_per_bar` is wished for where a genre has one metre.
    `laid_back_s` is how late the accompaniment is; `comp_db`, `pad_db` and `kit_db` are added to the usual levels.
    `programs` names instruments of which the genre plays another kind than the usual one, such as folk's guitar with
    steel strings, by their General MIDI programs.
    """

    comp: Pair
    comp3: Pair
    bass: Pair
    bass3: Pair
    lead_by: str = "piano"
    comp_by: str = "piano"
    pad_by: str = ""
    bass_by: str = "double bass"
    pad: Pair = ("", "")
    kit: int = 0
    swing: float = 0.5
    swing_beats: float = 1.0
    sevenths: bool = False
    written: bool = False
    beats_per_bar: int | None = None
    laid_back_s: float = 0.0
    comp_db: float = 0.0
    pad_db: float = 0.0
    kit_db: float = 0.0
    programs: tuple[tuple[str, int], ...] = ()

    def program(self, instrument: str, usual: int) -> int:
        """The General MIDI program of an instrument in this genre."""
        return dict(self.programs).get(instrument, usual)


WALTZ: Pair = ("....x---x---", "..0-1-2-1-2-")
WALTZ_BASS: Pair = ("R-----------", "R-------F---")
HELD_BASS: Pair = ("R---------------", "R-------R---F---")

STYLES = {
    "classical": Style(
        ("0---2---1---2---", "0-2-1-2-0-2-1-2-"), ("0---1---2---", "0-1-2-3-2-1-"),
        ("R---------------", "R-------F-------"), WALTZ_BASS,
        lead_by="strings", pad_by="strings", bass_by="cello", written=True,
    ),
    "chamber music": Style(
        ("0---1---2---1---", "0-1-2-1-0-1-2-1-"), ("0---1---2---", "0-1-2-1-2-1-"),
        HELD_BASS, WALTZ_BASS, lead_by="violin", bass_by="cello", written=True,
    ),
    "cinematic": Style(
        ("0-0-0-0-0-0-0-0-", "0-0010-0200-1020"), ("0-0-1-0-2-0-", "000-100-2010"),
        ("R---------------", "R-r-R-r-R-r-R-R-"), ("R-----------", "R-r-R-r-R-R-"),
        lead_by="french horn", comp_by="strings", pad_by="strings", bass_by="cello",
        kit=48, beats_per_bar=4,
    ),
    "ambient": Style(
        ("0-----2-----3---", "0---1---3---2---"), ("0---1---3---", "0---1---3---"),
        ("R---------------", "R---------------"), ("R-----------", "R-----------"),
        comp_by="harp", pad_by="synth pad", bass_by="synth pad", sevenths=True,
    ),
    "lullaby": Style(
        ("0-2-1-2-0-2-1-2-", "0-1-2-3-2-1-2-1-"), ("0-1-2-1-2-1-", "0-1-2-3-2-1-"),
        ("R---------------", "R-------F-------"), ("R-----------", "R-----------"),
        lead_by="music box", comp_by="harp", pad_by="strings", bass_by="harp", beats_per_bar=3,
    ),
    "folk": Style(
        ("d-------d---u---", "D---d-u---u-d-u-"), ("d---d---d---", "D---d-u-d-u-"),
        ("R-------F-------", "R-----R-F-----A-"), WALTZ_BASS,
        lead_by="flute", comp_by="acoustic guitar", programs=(("acoustic guitar", 25),),
    ),
    "bossa nova": Style(
        ("x-----x---x-----", "x--x--x---x--x-- | x-x---x--x--x---"), ("x-----x-x---", "x--x--x-x-x-"),
        ("R-----F-F-----N-", "R-----R-F-----N-"), ("R-----F-F---", "R-----R-F-N-"),
        lead_by="flute", comp_by="acoustic guitar", sevenths=True, beats_per_bar=4,
    ),
    "jazz": Style(
        ("x-....x-........ | ......x-....x-..", "x-....x-......x- | ....x-....x-..x- | ..x-....x-......"),
        ("....x-..x-..", "x-....x-..x-"),
        ("R-------F-----A- | R-------T-----A-", "R---T---F---A--- | R---F---O---A--- | R---O---T---A---"),
        ("R-------A---", "R---T---A---"),
        lead_by="saxophone", kit=32, swing=0.64, sevenths=True, laid_back_s=0.008, programs=(("electric guitar", 26),),
    ),
    "lo-fi": Style(
        ("x---------x-----", "x-----x---x--x-- | x---------x-x---"), ("x-----x-----", "x-----x-x---"),
        ("R---------R-----", "R------r..R---A-"), ("R-----------", "R-------R-A-"),
        lead_by="electric piano", comp_by="electric piano", bass_by="electric bass",
        kit=25, swing=0.58, swing_beats=0.5, sevenths=True, beats_per_bar=4, laid_back_s=0.018,
    ),
    "pop": Style(
        ("X-------x-------", "X-x-x-x-X-x-x-x-"), ("X---x---x---", "X-x-x-x-x-x-"),
        ("R-------R-----R-", "R-----R-R-R---A-"), ("R-------R---", "R---R---R-A-"),
        pad_by="synth pad", bass_by="electric bass", beats_per_bar=4, programs=(("acoustic guitar", 25),),
    ),
    "funk": Style(
        ("..x...x...x...x.", "..x..x.x..x..xx. | x..x..x...x.x..x"), ("..x...x...x.", "..x..x.x..x."),
        ("R.....R...O...A.", "R..R..O.R..R.OA. | R..R..O...RrF.A."), ("R.....O...A.", "R..R..O...A."),
        lead_by="electric piano", comp_by="electric piano", bass_by="electric bass", sevenths=True, beats_per_bar=4,
        pad=("x-......x-......", "X-.x-.....x-x-.."), pad_db=2, programs=(("electric guitar", 28),),
    ),
    "ragtime": Style(
        ("b-..x-..B-..x-..", "b-..X-..B-..X-.. | b-..X-..B-x-X-.."), ("b-..x-..x-..", "b-..X-..X-.."),
        ("R-......F-......", "R---....F---..A-"), ("R-----------", "R---....A---"),
        beats_per_bar=4, swing=0.53,
    ),
    "rock": Style(
        ("p-m-m-m-p-m-m-m-", "P-p-p-P-p-p-P-p-"), ("p-m-m-m-m-m-", "P-p-p-P-p-p-"),
        ("R-R-R-R-R-R-R-R-", "R-R-R-R-R-R-R-A-"), ("R-R-R-R-R-R-", "R-R-R-R-R-A-"),
        lead_by="electric guitar", comp_by="distorted guitar", bass_by="electric bass",
        kit=16, beats_per_bar=4, comp_db=-1, programs=(("distorted guitar", 29),),
    ),
    "metal": Style(
        ("m-mmm-mmm-mmm-mm", "P-mmP-mmP-mmmmmm | P--mm-P--mm-P-mm"), ("m-mmm-mmm-mm", "P-mmP-mmP-mm"),
        ("R-RRR-RRR-RRR-RR", "R-RRR-RRR-RRRRRR | R--RR-R--RR-R-RR"), ("R-RRR-RRR-RR", "R-RRR-RRR-RR"),
        lead_by="distorted guitar", comp_by="distorted guitar", bass_by="electric bass",
        kit=16, beats_per_bar=4, comp_db=-2, kit_db=-3,
    ),
    "electronic": Style(
        ("0.1.2.3.0.1.2.3.", "012302130123021."), ("0.1.2.3.2.1.", "012301230123"),
        ("..R-..R-..R-..R-", "..R-..RR..R-..RO"), ("..R-..R-..R-", "..R-..R-..O-"),
        lead_by="synth lead", comp_by="synth lead", pad_by="synth pad", bass_by="synth bass",
        pad=("x---------------", "..x-..x-..x-..x-"), kit=25, beats_per_bar=4, pad_db=4,
    ),
}  # fmt: skip
DEFAULT_STYLE = "classical"


def style_of(genre: str) -> Style:
    """The style of a genre; an unknown genre is played in the classical way."""
    return STYLES.get(genre, STYLES[DEFAULT_STYLE])


def bar_of(pattern: str, index: int) -> str:
    """The row of a pattern that a bar has, `index` counting the bars of a section."""
    rows = pattern.split(" | ")
    return rows[index % len(rows)]
