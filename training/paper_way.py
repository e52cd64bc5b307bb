"""The paper's way of generating, rebuilt to be timed: a Keras `predict` over the whole padded prefix for every token.

"Emotion-Guided Image to Music Generation", section 3.3, at its own sizes: 512 image features, a vocabulary of 977
tokens, sequences padded to the longest of its released ones (236), three encoder and three decoder blocks. The weights
are random, since only time is taken; "The symbolic paper itself" builds the model to be trained.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

VOCABULARY, LONGEST, IMAGE_FEATURES = 977, 236, 512
WIDTH, HEADS, BLOCKS = 256, 8, 3
# Notes an event of the paper's grammar sounds, counted over its released sequences: chords hold several, rests none.
NOTES_A_TOKEN = 1.06


def build() -> Any:
    """Build the model: image features (512,) and token ids (236,) to probabilities (977,)."""
    import keras
    from keras import layers

    image, tokens = keras.Input((IMAGE_FEATURES,)), keras.Input((LONGEST,))
    x = layers.Embedding(VOCABULARY, WIDTH)(tokens)
    for _ in range(BLOCKS):
        x = _block(layers, x)
    music = layers.GlobalAveragePooling1D()(x)
    both = layers.Concatenate()([layers.Dense(WIDTH, activation="relu")(image), music])
    y = layers.Reshape((1, 2 * WIDTH))(both)
    for _ in range(BLOCKS):
        y = _block(layers, y)
    return keras.Model([image, tokens], layers.Dense(VOCABULARY, activation="softmax")(layers.Flatten()(y)))


def _block(layers: Any, x: Any) -> Any:
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x))
    return layers.LayerNormalization()(x + layers.Dense(x.shape[-1], activation="relu")(x))


def notes_per_second(*, tokens: int = 30) -> float:
    """Notes a second over some tokens, the first few (compiling) left out."""
    model = build()
    rng = np.random.default_rng(0)
    image, prefix = rng.normal(size=(1, IMAGE_FEATURES)).astype("float32"), np.zeros((1, LONGEST), "int32")
    started = 0.0
    for i in range(tokens + 5):
        if i == 5:
            started = time.perf_counter()
        probabilities = model.predict([image, prefix], verbose=0)[0]
        prefix[0, i] = rng.choice(VOCABULARY, p=probabilities / probabilities.sum())
    return NOTES_A_TOKEN * tokens / (time.perf_counter() - started)
