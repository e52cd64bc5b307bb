"""The phrase writer where the form is planned beforehand, and what the network says of a header.

As :mod:`pipelines.symbolic.phrases`; imported only where something is composed, since it needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from pipelines.models import compute_on_one_thread
from pipelines.symbolic.composer_model import Cache, ComposerModel
from pipelines.symbolic.events import Header
from pipelines.symbolic.form import Form
from pipelines.symbolic.phrases import PhraseWriter, Wish


class PathWriter(PhraseWriter):
    """Draws the phrases of one place of a plan, whose form is given."""

    def __init__(
        self,
        model: ComposerModel,
        wish: Wish,
        rng: np.random.Generator,
        cancelled: Callable[[], bool],
        form: Form | None = None,
    ) -> None:
        super().__init__(model, wish, rng, cancelled)
        self.form = form

    def _plan(self, header: Header) -> Form:
        return super()._plan(header) if self.form is None else self.form

    def header_shares(self, given: Sequence[int]) -> list[np.ndarray]:
        """Probabilities of the header's fields metre, mode and tempo, each after the `given` ids of those before it."""
        compute_on_one_thread()
        shares: list[np.ndarray] = []
        with torch.inference_mode():
            condition = self._condition()
            state = self._read(condition[:, None], 0, np.zeros((2, 1), np.float32), Cache(self.model.config, 2, 1))
            heads = self.model.header_heads
            pre = heads.start(state)
            for i in range(len(heads.fields)):
                logits = self._guided(heads.read(pre, i))[0].astype(np.float64)
                weights = np.exp(logits - logits.max())
                shares.append(weights / weights.sum())
                if i < len(given):
                    pre = heads.tell(pre, i, torch.tensor([given[i]] * 2))
        return shares
