"""A MusicGen's files on this machine, in audiocraft's layout or in transformers': finding and reading them.

In: a folder, or a hub's id whose cache has the files. Out: tensors on the CPU and configurations. Nothing is fetched.

Conventions
-----------
audiocraft's layout is `state_dict.bin` and `compression_state_dict.bin`, torch files each with the tensors
("best_state") and the configuration as YAML ("xp.cfg"); both are read with `weights_only=True`, so that no code in them
runs. A codec may instead be named ("pretrained") and lie in the cache. The T5 that reads the text is in neither file
unless it was trained along (:func:`text_encoder_folder` says where it comes from).
transformers' layout is `config.json` and safetensors, or older torch files.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.catalogue import MUSICGEN_SMALL
from pipelines.errors import WeightsError
from pipelines.hub import CONFIG, check_model_id
from pipelines.waveform import musicgen_configs as configs
from pipelines.waveform import musicgen_tensors as names

if TYPE_CHECKING:
    from torch import Tensor

LM_FILE, CODEC_FILE = "state_dict.bin", "compression_state_dict.bin"
STATE, CFG, PRETRAINED = "best_state", "xp.cfg", "pretrained"
T5_FOLDER = "t5"  # beside audiocraft's two files, where our converter writes the text encoder
AUDIOCRAFT, TRANSFORMERS = "audiocraft", "transformers"
LAYOUTS = (AUDIOCRAFT, TRANSFORMERS)
WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class AudiocraftFiles:
    """What audiocraft's two files hold: tensors by name, and the configurations as YAML."""

    lm: dict[str, Tensor]
    lm_yaml: str
    codec: dict[str, Tensor]
    codec_yaml: str


@dataclass(frozen=True, eq=False)
class TransformersFiles:
    """What a folder of transformers holds: tensors by name, and the whole configuration, defaults included."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """T5's encoder: tensors by its own names, its settings (a T5Config's), and the folder with its tokenizer."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    folder: Path


def layouts_of(folder: Path) -> list[str]:
    """The layouts, among :data:`LAYOUTS`, in which a folder holds a MusicGen or another model."""
    found = [AUDIOCRAFT] if (folder / LM_FILE).is_file() and (folder / CODEC_FILE).is_file() else []
    whole = (folder / CONFIG).is_file() and any(any(folder.glob(pattern)) for pattern in WEIGHT_FILES)
    return found + [TRANSFORMERS] * whole


def checkpoint_folder(model_id: str) -> Path | None:
    """The folder with a MusicGen in either layout, None where this machine has none. Never touches the network.

    `model_id` is a folder or a hub's id. Raises SettingsError for what is neither.
    """
    check_model_id(model_id)
    folders = [Path(model_id)] if Path(model_id).is_dir() else _cached(model_id)
    return next((folder for folder in folders if layouts_of(folder)), None)


def _cached(model_id: str) -> list[Path]:
    """The folders of a hub's cache that may hold a model."""
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(model_id, name) for name in (LM_FILE, CONFIG)]
    return [Path(path).parent for path in found if isinstance(path, str)]


def read_audiocraft(folder: Path) -> AudiocraftFiles:
    """Read audiocraft's layout.

    Raises:
        WeightsError: a file is missing, damaged, holds more than tensors and text, or names a codec that is not here.
    """
    lm, codec = (_read_package(folder / name) for name in (LM_FILE, CODEC_FILE))
    if PRETRAINED in codec:
        tensors, cfg = _named_codec(str(codec[PRETRAINED]))
        return AudiocraftFiles(lm[STATE], lm[CFG], tensors, cfg)
    return AudiocraftFiles(lm[STATE], lm[CFG], codec[STATE], codec[CFG])


def _read_package(path: Path) -> dict[str, Any]:
    package = _torch_file(path)
    known = isinstance(package, dict) and (PRETRAINED in package or isinstance(package.get(CFG), str))
    if not known or (PRETRAINED not in package and not isinstance(package.get(STATE), dict)):
        raise WeightsError(
            f"{path.name} is no exported checkpoint of audiocraft ({CFG} and {STATE}); export the one of the training "
            f"with audiocraft.utils.export first."
        )
    return dict(package)


def _torch_file(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as cause:
        raise WeightsError(f"{path.name} is not in {path.parent}; give a folder that has it.") from cause
    except Exception as cause:  # torch raises errors of many families for what is no file of its own
        raise WeightsError(
            f"{path.name} is damaged, or holds more than tensors and text and could run code; take another copy."
        ) from cause


def _named_codec(name: str) -> tuple[dict[str, Tensor], str]:
    """A codec that audiocraft's file only names, such as facebook/encodec_32khz, in audiocraft's layout."""
    folder = checkpoint_folder(name.removeprefix("//pretrained/"))
    if folder is None or TRANSFORMERS not in layouts_of(folder):
        raise WeightsError(f"The checkpoint plays through the codec {name}, which is not on this machine; fetch it.")
    from transformers import EncodecConfig

    config = EncodecConfig.from_pretrained(folder, local_files_only=True).to_dict()
    tensors = names.as_transformers_writes_now(names.under(names.CODEC, read_tensors(folder)))
    upsampling = configs.upsampling_layers(config)
    state = names.codec_to_audiocraft(names.part_of(names.CODEC, tensors), transposed=upsampling)
    return state, configs.write_cfg(configs.codec_cfg(config))


def read_transformers(folder: Path) -> TransformersFiles:
    """Read transformers' layout of a MusicGen, of any version, under today's names.

    Raises:
        WeightsError: a file is missing or damaged, or this is another model.
    """
    from transformers import MusicgenConfig

    try:
        config = MusicgenConfig.from_pretrained(folder, local_files_only=True).to_dict()
    except (OSError, ValueError, TypeError, KeyError) as cause:
        raise WeightsError(f"{folder / CONFIG} is no configuration of a MusicGen; give another folder.") from cause
    files = TransformersFiles(names.as_transformers_writes_now(read_tensors(folder)), config)
    check_whole(files)
    return files


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors in a folder of transformers: those of safetensors where there are any, else of torch files.

    Raises:
        WeightsError: there are none, or a file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    paths = next((found for pattern in WEIGHT_FILES if (found := sorted(folder.glob(pattern)))), [])
    if not paths:
        raise WeightsError(f"{folder} holds no weights ({' or '.join(WEIGHT_FILES)}); give another folder.")
    tensors: dict[str, Tensor] = {}
    for path in paths:
        try:
            tensors |= load_file(path) if path.suffix == ".safetensors" else _torch_file(path)
        except (SafetensorError, OSError) as cause:
            raise WeightsError(f"{path.name} is damaged; take another copy.") from cause
    return tensors


def check_whole(files: TransformersFiles) -> None:
    """Raise WeightsError unless the tensors are, by name and shape, those of the model that the configuration says.

    transformers itself only warns of what is missing, and plays noise.
    """
    import torch
    from transformers import MusicgenConfig, MusicgenForConditionalGeneration

    try:
        with torch.device("meta"):
            model = MusicgenForConditionalGeneration(MusicgenConfig.from_dict(files.config))
    except Exception as cause:  # its configurations check themselves with errors of several families
        raise WeightsError("transformers can make no MusicGen of this configuration; take another copy.") from cause
    model_state = names.as_transformers_writes_now(model.state_dict())
    wanted = {name: tuple(tensor.shape) for name, tensor in model_state.items()}
    given = {name: tuple(tensor.shape) for name, tensor in files.tensors.items()}
    wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
    if wrong:
        raise WeightsError(
            f"The checkpoint's tensors do not fit its configuration ({len(wrong)}, {wrong[0]} first: shape "
            f"{given.get(wrong[0], 'missing')}, wanted {wanted.get(wrong[0], 'none')}); take another copy."
        )


def text_encoder_folder(folder: Path, name: str) -> Path | None:
    """Where the T5 of a checkpoint in `folder` lies, called `name` in its `xp.cfg`, such as "t5-base"; None if nowhere.

    Looked for in this order: the folder `t5` in it; the folder itself, where it also has transformers' layout; the
    cache of the hub for google-t5's model and under the bare name that audiocraft asks for; the cached MusicGen-small,
    whose T5-base is the same, never having been trained along.
    """
    ids = [name if "/" in name else f"google-t5/{name}", name, *([MUSICGEN_SMALL] if name == "t5-base" else [])]
    places = [folder / T5_FOLDER, folder, *(place for model_id in ids for place in _cached(model_id))]
    return next((place for place in places if TRANSFORMERS in layouts_of(place) and _has_tokenizer(place)), None)


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def read_text_encoder(folder: Path | None, *, state: dict[str, Tensor] | None = None) -> TextEncoder:
    """Read T5's encoder from a folder of its own or of a MusicGen; a `state` of audiocraft's that holds one goes first.

    Raises:
        WeightsError: no folder, or no T5 with its tokenizer in it.
    """
    if folder is None:
        raise WeightsError(
            "The T5 that reads the prompt is not on this machine; fetch google-t5/t5-base or facebook/musicgen-small, "
            "or say with --t5 where it lies."
        )
    if TRANSFORMERS not in layouts_of(folder) or not _has_tokenizer(folder):
        raise WeightsError(f"{folder} holds no T5 with its tokenizer; give a folder with both.")
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).to_dict()
    inside = config.get("model_type") == "musicgen"
    trained = names.text_encoder_in(state or {}, f"{names.DESCRIPTION}.t5.")
    tensors = trained or names.text_encoder_in(read_tensors(folder), f"{names.TEXT_ENCODER}." if inside else "")
    log.info("text encoder of %s, tokenizer in %s", "the checkpoint" if trained else folder, folder)
    return TextEncoder(tensors, config[names.TEXT_ENCODER] if inside else config, folder)


def to_transformers(files: AudiocraftFiles, text: TextEncoder) -> TransformersFiles:
    """A MusicGen in audiocraft's layout, with its T5, as transformers holds it.

    Raises:
        WeightsError: transformers cannot play it, or a tensor is missing.
    """
    lm, codec = configs.read_cfg(files.lm_yaml), configs.read_cfg(files.codec_yaml)
    decoder = configs.decoder_config(lm)
    if decoder["hidden_size"] == text.config["d_model"]:
        raise WeightsError(
            f"Decoder and T5 are both {decoder['hidden_size']} wide, where transformers has no projection between them."
        )
    config = {
        "model_type": "musicgen",
        "architectures": ["MusicgenForConditionalGeneration"],
        "dtype": "float32",
        names.TEXT_ENCODER: text.config | {"model_type": "t5", "is_encoder_decoder": False, "use_cache": False},
        names.CODEC: configs.codec_config(codec),
        "decoder": decoder,
    }
    tensors = names.lm_to_transformers(files.lm)
    tensors |= names.under(names.CODEC, names.codec_to_transformers(files.codec))
    tensors |= names.under(names.TEXT_ENCODER, text.tensors)
    result = TransformersFiles(tensors, config)
    check_whole(result)
    return result


def to_audiocraft(files: TransformersFiles) -> AudiocraftFiles:
    """A MusicGen of transformers in audiocraft's layout, its T5 left out, as audiocraft does.

    Raises:
        WeightsError: audiocraft cannot play it.
    """
    lm, codec = configs.lm_cfg(files.config), configs.codec_cfg(files.config[names.CODEC])
    state = names.lm_to_audiocraft(files.tensors)
    upsampling = configs.upsampling_layers(files.config[names.CODEC])
    codec_state = names.codec_to_audiocraft(names.part_of(names.CODEC, files.tensors), transposed=upsampling)
    return AudiocraftFiles(state, configs.write_cfg(lm), codec_state, configs.write_cfg(codec))
