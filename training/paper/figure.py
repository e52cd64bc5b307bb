"""Loss against epoch for all rows, after the symbolic paper's figure 3: histories in, a PNG and an SVG out.

The paper draws the total loss of two rows; here it is the cross-entropy, by which rows with and without valence and
arousal loss compare. That of training is the mean over an epoch as the weights change, with dropout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.paper.checkpoint import Epoch

SIZE_INCHES = (9.0, 5.0)
DOTS_PER_INCH = 150


def loss_figure(histories: Mapping[str, Sequence[Epoch]], path: Path, *, title: str) -> tuple[Path, Path]:
    """Draw training (solid) and validation (dashed) losses, in nats a token, to `path` as .png and .svg."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=SIZE_INCHES, layout="constrained")
    for i, (name, history) in enumerate(histories.items()):
        epochs = [row.epoch for row in history]
        colour = f"C{i}"
        axes.plot(epochs, [row.train for row in history], color=colour, marker="o", markersize=3, label=name)
        axes.plot(epochs, [row.validation for row in history], color=colour, linestyle="--", linewidth=1)
    axes.set(xlabel="epoch", ylabel="cross-entropy, nats a token", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(title="solid: training, dashed: validation", fontsize=8, title_fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = (path.with_suffix(".png"), path.with_suffix(".svg"))
    for target in written:
        figure.savefig(target, dpi=DOTS_PER_INCH)
    plt.close(figure)
    return written
