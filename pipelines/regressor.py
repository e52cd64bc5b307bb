"""A regressor in plain numpy: half a kernel machine, half boosted trees, several outputs at once.

Comes in: (rows, features) float64. Goes out: (rows, outputs) float64. Fitted by `training.regressor`, kept as
safetensors. The two halves err differently (the kernel half is smooth and falls back to the mean far from the data,
the trees are bounded by the leaves), so that their mean is harder to fool than either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import WeightsError
from pipelines.models import CONFIG_KEY

Floats = npt.NDArray[np.float64]
CLIP_SD = 3.5  # a feature stranger than this is taken as this strange: nothing to gain by extremes


@dataclass(frozen=True, eq=False)
class Regressor:
    """Weights of a kernel machine and boosted trees over F features, K outputs.

    Kernel: `mean`, `scale` (F,) standardise; `centres` (N, F) standardised training rows; `dual` (N, K);
    `intercept` (K,); `gamma` (K,). Trees: T trees of at most M nodes for each output; `feature`, `left`, `right`
    (K, T, M) int16, a leaf pointing to itself; `threshold` (K, T, M), rows at or under it go left; `value` (K, T, M);
    `baseline` (K,). `residual_sd` (K,) is the cross-validated error's standard deviation.
    """

    mean: Floats
    scale: Floats
    centres: npt.NDArray[np.float32]
    dual: Floats
    intercept: Floats
    gamma: Floats
    feature: npt.NDArray[np.int16]
    threshold: Floats
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: Floats
    baseline: Floats
    residual_sd: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict (rows, K) from (rows, F): the mean of the two halves."""
        return 0.5 * (self.predict_kernel(X) + self.predict_trees(X))

    def predict_kernel(self, X: Floats) -> Floats:
        """Predict (rows, K) by the kernel half, exp(-gamma d²) over the clipped, standardised rows."""
        Z = np.clip((X - self.mean) / self.scale, -CLIP_SD, CLIP_SD).astype(np.float32)
        squared = (Z**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1) - 2.0 * Z @ self.centres.T
        outputs = [np.exp(-gamma * squared) @ dual for gamma, dual in zip(self.gamma, self.dual.T, strict=True)]
        result: Floats = np.stack(outputs, axis=1) + self.intercept
        return result

    def predict_trees(self, X: Floats) -> Floats:
        """Predict (rows, K) by the boosted trees."""
        outputs = [self._grove(X, output) + self.baseline[output] for output in range(len(self.baseline))]
        return np.stack(outputs, axis=1)

    def _grove(self, X: Floats, output: int) -> Floats:
        feature, threshold = self.feature[output], self.threshold[output]
        trees = np.arange(len(feature))[None]
        rows = np.arange(len(X))[:, None]
        node = np.zeros((len(X), len(feature)), dtype=np.intp)
        while True:
            goes_left = X[rows, feature[trees, node]] <= threshold[trees, node]
            following = np.where(goes_left, self.left[output][trees, node], self.right[output][trees, node])
            if np.array_equal(following, node):
                total: Floats = self.value[output][trees, node].sum(axis=1)
                return total
            node = following.astype(np.intp)


def save_regressor(regressor: Regressor, path: Path, config: dict[str, Any]) -> None:
    """Write weights and a JSON configuration as safetensors; centres as float16. Raises OSError if it cannot."""
    from safetensors.numpy import save_file

    arrays = {field.name: np.ascontiguousarray(getattr(regressor, field.name)) for field in fields(Regressor)}
    arrays["centres"] = arrays["centres"].astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path, metadata={CONFIG_KEY: json.dumps(config, sort_keys=True)})


def load_regressor(path: Path, feature_names: tuple[str, ...]) -> Regressor:
    """Read weights fitted on these features. Raises WeightsError if missing, damaged or fitted on others."""
    arrays, config = load_arrays(path)
    if config.get("features") != list(feature_names):
        cure = "train it again as its model card says"
        raise WeightsError(f"{path.name} was fitted on other features than these {len(feature_names)}; {cure}.")
    arrays["centres"] = arrays["centres"].astype(np.float32)
    return Regressor(**arrays)


def load_arrays(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read a safetensors file's arrays and its JSON configuration. Raises WeightsError if missing or damaged."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"The weights {path.name} are not in {path.parent}; train them as their model card says.")
    try:
        with safe_open(path, framework="np") as file:
            config = json.loads((file.metadata() or {}).get(CONFIG_KEY, "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, config  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"The weights {path.name} are damaged; restore the file with `git checkout`.") from error
