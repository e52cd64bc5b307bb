"""How the symbolic paper's models are trained: the paper's own settings, and what two cores manage.

The paper (section 3.4) fixes Adam with β 0.9 and 0.999, a learning rate of 1e-5, and 2 epochs (table 1) or 15 (table
2). It prints no width, no batch size and no dropout; those here are ours (see `pipelines/symbolic/paper_networks.py`).

`laptop` trains narrow models on short pieces for a few epochs, as many for either table, at a hundred times the rate:
at 1e-5 an hour of two cores moves the weights hardly at all, and all rows would play the same noise. Its λ1 is 1, by
`va_loss_bench`; at the paper's 1e-5 the differentiable loss, which is about as large as the cross-entropy, leaves no
trace. `listen` is for the causal model that is shipped: all pieces, a decaying rate, stronger dropout.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pipelines.errors import SettingsError
from pipelines.symbolic.paper_model import ModelSpec, Size

BETA_1, BETA_2 = 0.9, 0.999
LAMBDA_VA, LAMBDA_CC = 1e-5, 1.0
TABLE_1 = ("LSTM_enc2", "Trans_enc3_dec3_VGG", "Trans_enc3_dec3_Inception", "Trans_enc4", "Trans_enc2_dec2")
TABLE_2 = ("Trans_enc3_dec3", "Trans_enc3_dec3_VA_Loss")
VA_LOSSES = ("none", "as-printed", "differentiable")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class FitSettings:
    """Everything a fit depends on besides the data; kept in its checkpoint.

    `epochs` holds for the rows of table 2, `table_1_epochs` for those of table 1. `pieces` is a limit on the pieces
    trained on (0: all); `size.longest` a limit on their length in tokens: longer ones are left out where
    `whole_pieces_only`, else cut. `decay` lets the rate fall to a twentieth along a cosine after `warmup_steps`.
    `patience` is in epochs without a lower validation loss (0: never stop early).
    """

    learning_rate: float = 1e-5
    epochs: int = 15
    table_1_epochs: int = 2
    batch_pieces: int = 4
    pieces: int = 0
    whole_pieces_only: bool = False
    size: Size = field(default_factory=Size)
    lambda_va: float = LAMBDA_VA
    decay: bool = False
    warmup_steps: int = 0
    weight_decay: float = 0.0
    average_decay: float = 0.0
    patience: int = 0
    precision: str = "float32"
    checkpoint_minutes: float = 10.0
    seed: int = 0

    def epochs_for(self, spec: ModelSpec) -> int:
        """Epochs of a row: those of the table that it stands in."""
        return self.table_1_epochs if spec.name in TABLE_1 else self.epochs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def kept_for(self, spec: ModelSpec, va_loss: str) -> dict[str, Any]:
        """What a row's run keeps and must find again: these values, its model, and of the row that has one the VA loss.

        `va_loss` is its kind; a run of that row that kept none was begun by version 0.3.0 or before, and may be of any.
        """
        return {**self.to_dict(), "model": spec.name} | ({"va_loss": va_loss} if spec.va_loss else {})


LAPTOP = FitSettings(
    learning_rate=1e-3,
    epochs=3,
    table_1_epochs=3,
    batch_pieces=2,
    pieces=400,
    whole_pieces_only=True,
    lambda_va=1.0,  # by va_loss_bench's small model, on 150 pieces among them the pairs' test; 1e-5 shows no effect
    size=Size(width=64, heads=4, dropout=0.1, longest=96),
)
LISTEN = FitSettings(
    learning_rate=1.5e-3,
    epochs=16,
    batch_pieces=16,
    size=Size(width=160, heads=5, dropout=0.2, longest=256),
    decay=True,
    warmup_steps=100,
    weight_decay=0.05,
    average_decay=0.99,
)
PRESETS = {"paper": FitSettings(), "laptop": LAPTOP, "listen": LISTEN}
LEAST = {"epochs": 1, "batch_pieces": 1, "pieces": 0, "patience": 0, "lambda_va": 0}


def preset(name: str, **changes: Any) -> FitSettings:
    """The settings of a name with some of them changed. Raises SettingsError for what does not exist or fit."""
    if name not in PRESETS:
        raise SettingsError(f"The preset {name!r} is unknown; choose one of {', '.join(PRESETS)}.")
    settings = replace(PRESETS[name], **changes)
    if settings.precision not in PRECISIONS:
        raise SettingsError(f"The precision {settings.precision!r} is unknown; choose one of {', '.join(PRECISIONS)}.")
    for label, least in LEAST.items():
        value = getattr(settings, label)
        if not value >= least:
            raise SettingsError(f"{label} cannot be {value}; choose {least} or more.")
    return settings
