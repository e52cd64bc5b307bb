"""Plug-and-play picture encoders of the symbolic paper (section 3.3.1): RGB in, one feature vector a picture out.

| name | features | from |
|---|---|---|
| vgg16 | 512 | VGG16 without its dense layers: 7 × 7 × 512, pooled by kernel 3 to 1 × 1 × 512 |
| inceptionv3 | 2,048 | InceptionV3 without its dense layer, average-pooled |
| lite0, lite2 | 1,280 | the embedded EfficientNet-lite networks, the square root of the pooled features |

The first two are Keras's, ImageNet-trained. Their weights come from the folder that Keras keeps its downloads in
(`KERAS_HOME`, else `~/.keras`, and in it `models/`) or from a file that is given; nothing is fetched. The embedded two
stand in for them where they are not at hand, and whoever uses them says so.

The paper pools 7 × 7 to 1 × 1 by "a kernel size of 3". One such pooling does not reach 1 × 1 unless most of the map is
left out; two do with stride 2 (7 to 3 to 1), so that every cell is read. They are maximum poolings, as VGG's own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelMissingError, SettingsError
from pipelines.models import load_once

HOME_VARIABLE = "KERAS_HOME"
POOL_KERNEL, POOL_STRIDE = 3, 2


@dataclass(frozen=True)
class ImageEncoder:
    """An encoder: the width of its features, the picture's side in pixels, its weights' file, and its stand-in."""

    name: str
    width: int
    side_px: int
    file: str = ""
    stand_in: str = ""


IMAGE_ENCODERS = {
    encoder.name: encoder
    for encoder in (
        ImageEncoder("vgg16", 512, 224, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "lite0"),
        ImageEncoder("inceptionv3", 2048, 299, "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5", "lite2"),
        ImageEncoder("lite0", 1280, 224),
        ImageEncoder("lite2", 1280, 260),
    )
}


def image_encoder(name: str) -> ImageEncoder:
    """The encoder of a name. Raises SettingsError for one that is unknown."""
    if name not in IMAGE_ENCODERS:
        raise SettingsError(f"The picture encoder {name!r} is unknown; choose one of {', '.join(IMAGE_ENCODERS)}.")
    return IMAGE_ENCODERS[name]


def weights_file(encoder: ImageEncoder) -> Path:
    """Where Keras would keep the weights of an encoder, there or not."""
    home = Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".keras")
    return home / "models" / encoder.file


def at_hand(name: str) -> str:
    """The encoder itself where its weights are on this machine, else the embedded one that stands in for it."""
    encoder = image_encoder(name)
    return name if not encoder.file or weights_file(encoder).is_file() else encoder.stand_in


def image_features(
    name: str, pictures: Sequence[npt.NDArray[np.uint8]], *, weights: Path | None = None
) -> npt.NDArray[np.float32]:
    """Features of RGB pictures (height, width, 3) uint8 each: (pictures, width of the encoder) float32.

    `weights` names a file for vgg16 or inceptionv3 in place of Keras's own folder.

    Raises:
        SettingsError: the encoder is unknown.
        ModelMissingError: its weights are not on this machine.
    """
    encoder = image_encoder(name)
    if not pictures:
        return np.zeros((0, encoder.width), np.float32)
    if not encoder.file:
        return np.stack([_embedded(encoder, rgb) for rgb in pictures])
    path = weights or weights_file(encoder)
    network = load_once(f"{name} {path}", lambda: _network(encoder, path))
    rows = [network.predict(_pixels(encoder, rgb)[None], verbose=0).reshape(-1) for rgb in pictures]
    return np.stack(rows).astype(np.float32)


def _embedded(encoder: ImageEncoder, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    from pipelines.emotion_features import POOLED_STAGES, View, extract

    features: npt.NDArray[np.float32] = extract(rgb, views=(View(int(encoder.name[-1]), encoder.side_px),)).parts[
        POOLED_STAGES
    ]
    return features


def _pixels(encoder: ImageEncoder, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The picture squeezed to the encoder's side and scaled as it was trained."""
    from keras.applications import inception_v3, vgg16
    from PIL import Image

    side = (encoder.side_px, encoder.side_px)
    pixels = np.array(Image.fromarray(rgb).resize(side, Image.Resampling.BICUBIC), dtype=np.float32)
    prepare = vgg16.preprocess_input if encoder.name == "vgg16" else inception_v3.preprocess_input
    scaled: npt.NDArray[np.float32] = prepare(pixels)
    return scaled


def _network(encoder: ImageEncoder, path: Path) -> Any:
    """The Keras network with its pooling and weights. Raises ModelMissingError."""
    if not path.is_file():
        cure = f"put Keras's own {encoder.file} there"
        raise ModelMissingError(f"The weights of {encoder.name} are not at {path}; {cure}.")
    network = bare_network(encoder)
    try:
        network.load_weights(path)
    except (OSError, ValueError) as cause:
        raise ModelMissingError(f"{path.name} holds no weights of {encoder.name}; restore Keras's own file.") from cause
    return network


def bare_network(encoder: ImageEncoder) -> Any:
    """The Keras network of vgg16 or inceptionv3 with its pooling, its weights random."""
    import keras

    if encoder.name == "inceptionv3":
        return keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    body = keras.applications.VGG16(include_top=False, weights=None, input_shape=(encoder.side_px, encoder.side_px, 3))
    pooled = body.output
    for _ in range(2):
        pooled = keras.layers.MaxPooling2D(POOL_KERNEL, strides=POOL_STRIDE)(pooled)
    return keras.Model(body.input, keras.layers.Flatten()(pooled), name=encoder.name)
