"""Mikels' eight emotions in, points of the plane out: a published word norm's valence and arousal of each name.

The names are those of Mikels et al. ("Emotional category data on images from the International Affective Picture
System", Behavior Research Methods 37, 2005), by which EMID's pictures are tagged. The symbolic paper looks them up in
"an emotion-to-VA mapping dictionary" that it does not print; its reference (Rao et al. 2014) is on building such
dictionaries from news. Here the dictionary is that of Warriner, Kuperman and Brysbaert, "Norms of valence, arousal, and
dominance for 13,915 English lemmas", Behavior Research Methods 45 (2013) 1191-1207, doi 10.3758/s13428-012-0314-x:
means over about 20 raters each on 1 to 9. The rows below are the words' own, columns V.Mean.Sum, V.SD.Sum, A.Mean.Sum,
A.SD.Sum of its supplement (BRM-emot-submit.csv), read from a copy of it; compare them there. Licence of the norms: CC
BY-NC-ND 3.0.

Words are not pictures: the norm calls fear as arousing as excitement, and sadness calm (2.81), awe nearly so (3.83).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError
from training.data.oasis import to_plane


@dataclass(frozen=True)
class Norm:
    """Means and standard deviations over the raters of a word, on 1 to 9."""

    valence: float
    valence_sd: float
    arousal: float
    arousal_sd: float


NORMS = {
    "amusement": Norm(7.00, 1.56, 4.82, 2.70),
    "anger": Norm(2.50, 1.36, 5.93, 2.77),
    "awe": Norm(6.85, 1.79, 3.83, 2.85),
    "contentment": Norm(6.62, 2.27, 4.60, 2.87),
    "disgust": Norm(3.32, 2.40, 5.00, 2.35),
    "excitement": Norm(7.62, 1.38, 6.21, 2.50),
    "fear": Norm(2.93, 1.79, 6.14, 2.76),
    "sadness": Norm(2.40, 1.10, 2.81, 2.25),
}
EMOTIONS = tuple(NORMS)


def mikels_va(names: Iterable[str]) -> npt.NDArray[np.float64]:
    """Valence and arousal of emotions by name, (names, 2) float64, on 1 to 9 by min-max over the eight.

    Capitals and blanks around a name do not matter. Raises SettingsError for a name that is none of the eight.
    """
    plane = to_plane(np.array([(norm.valence, norm.arousal) for norm in NORMS.values()]))
    return np.array([plane[_number(name)] for name in names], np.float64).reshape(-1, 2)


def _number(name: str) -> int:
    wanted = name.strip().lower()
    if wanted not in EMOTIONS:
        raise SettingsError(f"{name!r} is none of Mikels' eight emotions; use {', '.join(EMOTIONS)}.")
    return EMOTIONS.index(wanted)
