"""The symbolic paper's models by name: build, load, and play from them token by token.

In: a name of :data:`MODELS` or a `.keras` file. Out: a Keras model, or the tokens that it plays for a picture's
features (`paper_images.py`). TensorFlow is imported only when a function here is called.

The names are those of the paper's tables 1 and 2. `Trans_enc3_dec3`, `Trans_enc3_dec3_VGG` and
`Trans_enc3_dec3_VA_Loss` are one and the same network: they differ in the epochs of the table they stand in and in the
loss that they are trained with. `Causal_enc3` is ours. What the paper leaves open is decided in `paper_networks.py`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError, WeightsError
from pipelines.symbolic.sampling import Temperature, draw

START, END, PAD = "<start>", "<end>", 0
BACKEND_VARIABLE, BACKEND = "KERAS_BACKEND", "tensorflow"
DRAWING = "choose a heat above 0, a nucleus above 0 up to 1, a top_k of 0 or more, a guidance that is a number"


@dataclass(frozen=True)
class ModelSpec:
    """A row of the paper's tables: its picture encoder and how many blocks; `va_loss` says how it is trained."""

    name: str
    image_encoder: str = "vgg16"
    encoder: str = "transformer"
    encoder_blocks: int = 3
    decoder_blocks: int = 3
    va_loss: bool = False
    causal: bool = False


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec("LSTM_enc2", encoder="lstm", encoder_blocks=2, decoder_blocks=0),
        ModelSpec("Trans_enc3_dec3_VGG"),
        ModelSpec("Trans_enc3_dec3_Inception", image_encoder="inceptionv3"),
        ModelSpec("Trans_enc4", encoder_blocks=4, decoder_blocks=0),
        ModelSpec("Trans_enc2_dec2", encoder_blocks=2, decoder_blocks=2),
        ModelSpec("Trans_enc3_dec3"),
        ModelSpec("Trans_enc3_dec3_VA_Loss", va_loss=True),
        ModelSpec("Causal_enc3", decoder_blocks=0, causal=True),
    )
}


@dataclass(frozen=True)
class Size:
    """What the paper does not print: width of the states, attention heads, dropout, and the longest piece in tokens."""

    width: int = 256
    heads: int = 4
    dropout: float = 0.1
    longest: int = 256


@dataclass(frozen=True)
class SampleSettings:
    """How to draw: `greedy` takes the likeliest token, as the paper does; else `heat`, `nucleus` and `top_k` (0: all).

    `guidance` above 1 leans on what the condition changes (causal model only); `longest` is a limit in tokens.
    """

    greedy: bool = False
    heat: float = 1.0
    nucleus: float = 0.95
    top_k: int = 0
    guidance: float = 1.0
    longest: int = 256

    def check(self) -> None:
        """Raise SettingsError for a value with which no token, or none that is meant, could be drawn."""
        fits = {
            "heat": 0 < self.heat < math.inf,
            "nucleus": 0 < self.nucleus <= 1,
            "top_k": self.top_k >= 0,
            "guidance": math.isfinite(self.guidance),
        }
        if wrong := [name for name, right in fits.items() if not right]:
            raise SettingsError(f"The {wrong[0]} of drawing cannot be {getattr(self, wrong[0])}; {DRAWING}.")


def model_spec(name: str) -> ModelSpec:
    """The row of a name. Raises SettingsError for one that is unknown."""
    if name not in MODELS:
        raise SettingsError(f"The model {name!r} is unknown; choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def build(
    spec: ModelSpec, vocabulary: Sequence[str], *, image_encoder: str, image_width: int, size: Size | None = None
) -> Any:
    """A new Keras model of a row. `vocabulary` are the tokens by their ids, padding first.

    `image_encoder` names where the features of `image_width` come from, which may be a stand-in for the row's own.
    """
    networks, size = _networks(), size or Size()
    shared = {
        "vocabulary": list(vocabulary),
        "image_encoder": image_encoder,
        "image_width": image_width,
        "width": size.width,
        "heads": size.heads,
        "dropout": size.dropout,
        "longest": size.longest,
        "name": spec.name,
    }
    if spec.causal:
        model = networks.CausalNetwork(blocks=spec.encoder_blocks, **shared)
    else:
        blocks = {"encoder_blocks": spec.encoder_blocks, "decoder_blocks": spec.decoder_blocks}
        model = networks.PrefixNetwork(encoder=spec.encoder, **blocks, **shared)
    model.build()
    return model


def load(path: Path) -> Any:
    """Read a model that was saved as `.keras`, for playing, not for training on; no code in the file is run.

    Raises:
        WeightsError: the file is missing, damaged or of something else.
    """
    networks = _networks()
    import keras

    if not path.is_file():
        raise WeightsError(
            f"The model {path.name} is not in {path.parent}; train it with python -m training.paper.fit."
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as cause:  # Keras raises many kinds for a file that is no model
        raise WeightsError(
            f"The model {path.name} cannot be read; train it with python -m training.paper.fit."
        ) from cause
    if not isinstance(model, networks.PrefixNetwork | networks.CausalNetwork):
        raise WeightsError(
            f"The model {path.name} is a {type(model).__name__}, none of the paper's; give another file."
        )
    return model


def is_causal(model: Any) -> bool:
    """Whether a loaded model is the causal variant, which also takes valence and arousal."""
    return isinstance(model, _networks().CausalNetwork)


def sample(
    model: Any,
    image_features: npt.NDArray[np.float32] | None,
    seed: int,
    *,
    va: tuple[float, float] | None = None,
    settings: SampleSettings | None = None,
) -> Iterator[str]:
    """The tokens of one piece as they are drawn, without <start> and <end>.

    `image_features` is (features,) of the model's own picture encoder; the causal model also takes `va`, valence and
    arousal on 1 to 9, and may do with either. Raises SettingsError where the picture's features do not fit.
    """
    image = None if image_features is None else image_features[None]
    emotion = None if va is None else np.array([va], np.float32)
    for (token,) in sample_rows(model, image, [seed], va=emotion, settings=settings):
        if token != END:
            yield token


def sample_rows(
    model: Any,
    images: npt.NDArray[np.float32] | None,
    seeds: Sequence[int],
    *,
    va: npt.NDArray[np.float32] | None = None,
    settings: SampleSettings | None = None,
) -> Iterator[list[str]]:
    """The tokens of several pieces at once, a list (one token a piece) at a time, <end> for those that have ended.

    `images` is (pieces, features), `va` (pieces, 2). It ends when all have ended or the limit is reached. Raises
    SettingsError for settings out of range and for features that do not fit.
    """
    settings, names = settings or SampleSettings(), model.vocabulary
    settings.check()
    start, end = names.index(START), names.index(END)
    player = _player(model, *_conditions(model, images, va, len(seeds)), settings)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    tokens, playing = np.full(len(seeds), start), np.arange(len(seeds))
    for position in range(min(settings.longest, model.longest) - 1):
        logits = np.array(player(tokens[playing], position), np.float32)
        logits[:, [PAD, start]] = -np.inf
        tokens[playing] = _choose(logits, [rngs[row] for row in playing], settings)
        going = tokens[playing] != end
        playing = playing[going]
        if not len(playing):
            return
        if not going.all():
            player.keep(going)
        yield [names[token] for token in tokens]


def _choose(
    logits: npt.NDArray[np.float32], rngs: Sequence[np.random.Generator], settings: SampleSettings
) -> npt.NDArray[np.int64]:
    """One token a row of logits (rows, vocabulary)."""
    if settings.greedy:
        return logits.argmax(axis=1)
    if 0 < settings.top_k < logits.shape[1]:
        kth = np.sort(logits, axis=1)[:, -settings.top_k, None]
        logits = np.where(logits < kth, -np.inf, logits)
    how = Temperature(settings.heat, settings.nucleus)
    return np.concatenate([draw(row[None], how, rng) for row, rng in zip(logits, rngs, strict=True)])


def _conditions(
    model: Any, images: npt.NDArray[np.float32] | None, va: npt.NDArray[np.float32] | None, rows: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Pictures and emotions of all rows, nan where unknown. Raises SettingsError for features of another width."""
    if images is None and not is_causal(model):
        raise SettingsError(f"{model.name} plays from a picture; give its {model.image_encoder} features.")
    images = np.full((rows, model.image_width), np.nan, np.float32) if images is None else images
    if images.shape != (rows, model.image_width):
        wanted = f"{model.image_width} features of {model.image_encoder}"
        raise SettingsError(f"{model.name} takes {wanted} a picture, not {images.shape[-1]}; use that encoder.")
    return images, np.full((rows, 2), np.nan, np.float32) if va is None else va.astype(np.float32)


def _networks() -> Any:
    """The module of the networks, TensorFlow being the backend unless the environment names another."""
    os.environ.setdefault(BACKEND_VARIABLE, BACKEND)
    from pipelines.symbolic import paper_networks

    return paper_networks


def _player(model: Any, images: Any, va: Any, settings: SampleSettings) -> Any:
    """A function (tokens (rows,), position) -> logits (rows, vocabulary), called for one position after another.

    Its `keep` leaves out rows that have ended.
    """
    from pipelines.symbolic import paper_players

    return (paper_players.CausalPlayer if is_causal(model) else paper_players.PrefixPlayer)(model, images, va, settings)
