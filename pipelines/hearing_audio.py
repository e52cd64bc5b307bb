"""What a listener would feel in sound: Audio in, Emotion heard out, in numpy and scipy.

Sound is heard in windows of about 15 s, which are averaged; its level does not matter. Valence and arousal lie on 1 to
9. The weights are fitted by `python -m training.hearing --audio` on EIMG's clips, played by FluidSynth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.hearing_audio_features import audio_features, feature_names, mono
from pipelines.models import load_once, weights_path
from pipelines.records import VA_MAX, VA_MIN, Audio, Emotion
from pipelines.regressor import Regressor, load_regressor

MADE_BY = "embedded audio listener"
WEIGHTS = "hearing_audio.safetensors"


def hear_audio(audio: Audio) -> Emotion:
    """Valence and arousal that listeners would report, with the standard deviation of such a guess.

    Raises:
        SoundError: there is under 1 s of sound.
        WeightsError: the weights are missing or damaged.
    """
    valence, arousal = hear_audio_point(audio)
    valence_sd, arousal_sd = _regressor().residual_sd
    return Emotion.at(valence, arousal, valence_sd=float(valence_sd), arousal_sd=float(arousal_sd))


def hear_audio_point(audio: Audio) -> npt.NDArray[np.float64]:
    """Valence and arousal, (2,) float64 on 1 to 9. Raises as :func:`hear_audio`."""
    rows = audio_features(mono(audio))
    heard = _regressor().predict(rows)
    point: npt.NDArray[np.float64] = np.clip(heard.mean(axis=0), VA_MIN, VA_MAX)
    return point


def _regressor() -> Regressor:
    return load_once("hearing_audio", lambda: load_regressor(weights_path(WEIGHTS), feature_names()))
