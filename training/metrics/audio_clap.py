"""Sound and words in, embeddings in one space out, by CLAP (Wu et al. 2023), where its weights lie on this machine.

The model is `laion/clap-htsat-unfused` (Apache-2.0), read by transformers from the hub's cache or from a folder with
the same files; nothing is fetched here (`python -m pipelines fetch laion/clap-htsat-unfused` does that). Sound: mono at
48,000 Hz, in pieces of 10 s.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelMissingError
from pipelines.hub import local_folder

Floats = npt.NDArray[np.float32]
NAME = "CLAP"
LICENCE = "Apache-2.0"
HUB_ID = "laion/clap-htsat-unfused"
SAMPLE_RATE_HZ = 48_000
PIECE_S = 10
LEAST_S = 1.0  # of a last piece, to count
AT_ONCE = 8


class Clap:
    """The model with its processor."""

    name, licence, sample_rate_hz = NAME, LICENCE, SAMPLE_RATE_HZ

    def __init__(self, folder: Path) -> None:
        from transformers import ClapModel, ClapProcessor

        self.processor = ClapProcessor.from_pretrained(folder, local_files_only=True)
        self.model = ClapModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def embed(self, samples: Floats) -> tuple[Floats, None]:
        """Embeddings of a sound's pieces of 10 s, (pieces, d) float32 of length 1; CLAP has no classes, hence None."""
        size = PIECE_S * SAMPLE_RATE_HZ
        pieces = [samples[start : start + size] for start in range(0, max(1, len(samples)), size)]
        kept = [piece for piece in pieces if len(piece) >= LEAST_S * SAMPLE_RATE_HZ] or pieces[:1]
        groups = [kept[i : i + AT_ONCE] for i in range(0, len(kept), AT_ONCE)]
        return np.concatenate([self._of_sound(group) for group in groups]), None

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Embeddings of texts, (texts, d) float32 of length 1."""
        import torch

        inputs = self.processor(text=list(texts), return_tensors="pt", padding=True, truncation=True)
        with torch.inference_mode():
            return _unit(self.model.get_text_features(**inputs))

    def similarity(self, samples: Floats, text: str) -> float:
        """Cosine similarity of a sound (the mean of its pieces) and a text, -1 to 1."""
        mean = self.embed(samples)[0].mean(axis=0)
        return float(mean @ self.embed_texts([text])[0] / max(1e-12, float(np.linalg.norm(mean))))

    def _of_sound(self, pieces: Sequence[Floats]) -> Floats:
        import torch

        inputs = self.processor(audio=list(pieces), sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            return _unit(self.model.get_audio_features(**inputs))


def _unit(output: Any) -> Floats:
    """The projected features as rows of length 1; transformers gives them bare or within an output, by its version."""
    rows = getattr(output, "pooler_output", output).float().numpy()
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


@functools.cache
def load_clap(model: str = HUB_ID) -> Clap:
    """CLAP from the hub's cache or a folder, loaded once a process.

    Raises:
        ModelMissingError: it does not lie on this machine, or its files are not CLAP's.
    """
    folder = local_folder(model)
    if folder is None:
        cure = f"`python -m pipelines fetch {model}`"
        raise ModelMissingError(f"CLAP ({model}) is not on this machine; fetch it with {cure}, or do without.")
    try:
        return Clap(folder)
    except (OSError, ValueError, KeyError) as cause:
        raise ModelMissingError(f"The files of {model} are not those of CLAP; fetch them anew.") from cause
