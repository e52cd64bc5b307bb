"""A MusicGen from audiocraft's layout to transformers' and back: `python -m pipelines.waveform.musicgen_convert`.

In: a folder (or a hub's id in the cache) with a MusicGen in either layout. Out: a new folder with the other.
transformers' has safetensors, configuration, generation settings and the tokenizer, and loads with
`MusicgenForConditionalGeneration.from_pretrained`. audiocraft's has its two files, tensors and text only, for
`audiocraft.models.MusicGen.get_pretrained`, and beside them the T5 in a folder `t5`, which audiocraft itself takes by
name from the hub. The target is written whole or not at all. audiocraft need not be installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import EkphoniaError, SettingsError
from pipelines.hub import CONFIG, SAFE
from pipelines.waveform import musicgen_configs as configs
from pipelines.waveform import musicgen_tensors as names
from pipelines.waveform.musicgen_checkpoint import (
    CFG,
    CODEC_FILE,
    LAYOUTS,
    LM_FILE,
    STATE,
    T5_FOLDER,
    TOKENIZER_FILES,
    TRANSFORMERS,
    AudiocraftFiles,
    TextEncoder,
    TransformersFiles,
    checkpoint_folder,
    layouts_of,
    read_audiocraft,
    read_text_encoder,
    read_transformers,
    text_encoder_folder,
    to_audiocraft,
    to_transformers,
)

WRITTEN_FOR = "1.3.0"  # the version of audiocraft whose layout this is
TOKENIZER_PARTS = (*TOKENIZER_FILES, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# As facebook/musicgen-small comes: the paper's sampling (section 4.1), 30 s of 50 steps.
GENERATION = {"do_sample": True, "guidance_scale": 3.0, "top_k": 250, "max_length": 1500}
Progress = Callable[[str], None]


def convert(
    source: str | Path,
    target: Path,
    *,
    to: str | None = None,
    t5: Path | None = None,
    progress: Progress = lambda _: None,
) -> Path:
    """Write the MusicGen of `source` into the new folder `target` in the other layout, or in the one that `to` names.

    `t5` is a folder with the text encoder, where none is found by
    :func:`pipelines.waveform.musicgen_checkpoint.text_encoder_folder`. `progress` is told what is done, with sizes.

    Raises:
        SettingsError: the target exists, or the source has no model or both layouts and `to` does not choose.
        WeightsError: the source's files are damaged, incomplete, or of a form that the other library cannot play.
        OSError: the target cannot be written.
    """
    if target.exists():
        raise SettingsError(f"{target} exists, and nothing is overwritten; give a folder that does not exist yet.")
    folder = checkpoint_folder(str(source))
    if folder is None:
        raise SettingsError(f"{source} holds no MusicGen, neither {LM_FILE} nor {CONFIG} with weights; check the path.")
    layout = _other(folder, to)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as part:
        made = Path(part) / target.name
        made.mkdir()
        (_write_transformers if layout == TRANSFORMERS else _write_audiocraft)(folder, made, t5, progress)
        made.rename(target)
    progress(f"{target} is ready ({_size(sum(path.stat().st_size for path in target.rglob('*') if path.is_file()))})")
    return target


def _other(folder: Path, to: str | None) -> str:
    """The layout to write: the one asked for, else the one that the source does not have."""
    here = layouts_of(folder)
    if to is None and len(here) > 1:
        raise SettingsError(f"{folder} holds both layouts; say --to {' or --to '.join(LAYOUTS)}.")
    layout = to or next(each for each in LAYOUTS if each not in here)
    if len(here) == 1 and layout in here:
        raise SettingsError(f"{folder} is in the layout of {layout} already; copy it.")
    return layout


def _write_transformers(folder: Path, made: Path, t5: Path | None, progress: Progress) -> None:
    progress(f"reading {LM_FILE} ({_size_of(folder / LM_FILE)}) and {CODEC_FILE} ({_size_of(folder / CODEC_FILE)})")
    source = read_audiocraft(folder)
    name = configs.look_up(configs.read_cfg(source.lm_yaml), "conditioners.description.t5.name", "t5-base")
    text = read_text_encoder(t5 or text_encoder_folder(folder, str(name)), state=source.lm)
    progress(f"taking the tokenizer, and the T5 unless it was trained along, from {text.folder}")
    files = to_transformers(source, text)
    _save_safetensors(made / SAFE, files.tensors, progress)
    _save_json(made / CONFIG, files.config)
    end = files.config["decoder"]["pad_token_id"]
    tokens = {"pad_token_id": end, "bos_token_id": end, "decoder_start_token_id": end}
    top_k = min(int(GENERATION["top_k"]), end)
    _save_json(made / "generation_config.json", GENERATION | tokens | {"top_k": top_k})
    _save_json(made / "preprocessor_config.json", _feature_extractor(files))
    _copy_tokenizer(text.folder, made)


def _feature_extractor(files: TransformersFiles) -> dict[str, Any]:
    """What AutoProcessor makes MusicGen's processor of, together with the tokenizer."""
    codec = files.config[names.CODEC]
    return {
        "feature_extractor_type": "EncodecFeatureExtractor",
        "processor_class": "MusicgenProcessor",
        "feature_size": codec["audio_channels"],
        "sampling_rate": codec["sampling_rate"],
        "padding_side": "left",
        "padding_value": 0.0,
        "return_attention_mask": True,
    }


def _write_audiocraft(folder: Path, made: Path, t5: Path | None, progress: Progress) -> None:
    progress(f"reading the weights in {folder}")
    files = read_transformers(folder)
    source = to_audiocraft(files)
    _save_packages(made, source, progress)
    (made / T5_FOLDER).mkdir()
    tensors = names.part_of(names.TEXT_ENCODER, files.tensors)
    text = TextEncoder(tensors, files.config[names.TEXT_ENCODER], t5 or folder)
    _save_safetensors(made / T5_FOLDER / SAFE, text.tensors, progress)
    _save_json(made / T5_FOLDER / CONFIG, text.config | {"architectures": ["T5EncoderModel"]})
    _copy_tokenizer(text.folder, made / T5_FOLDER)


def _save_packages(made: Path, files: AudiocraftFiles, progress: Progress) -> None:
    import torch

    for name, state, cfg in (
        (LM_FILE, files.lm, files.lm_yaml),
        (CODEC_FILE, files.codec, files.codec_yaml),
    ):
        torch.save({STATE: state, CFG: cfg, "version": WRITTEN_FOR, "exported": True}, made / name)
        progress(f"wrote {name} ({_size_of(made / name)})")


def _save_safetensors(path: Path, tensors: dict[str, Any], progress: Progress) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors writes for the owner alone
    progress(f"wrote {path.name} ({_size_of(path)})")


def _save_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def _copy_tokenizer(source: Path, made: Path) -> None:
    for name in TOKENIZER_PARTS:
        if (source / name).is_file():
            shutil.copyfile(source / name, made / name)


def _size_of(path: Path) -> str:
    return _size(path.stat().st_size) if path.is_file() else "missing"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0, or 1 when nothing was written."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.waveform.musicgen_convert",
        description="Write a MusicGen in audiocraft's layout as transformers reads it, or the other way round.",
    )
    parser.add_argument("source", help="a folder with the model, or its id at the hub if it is in the cache")
    parser.add_argument("target", type=Path, help="the folder to write, which must not exist yet")
    parser.add_argument("--to", choices=LAYOUTS, help="needed where the source has both layouts")
    parser.add_argument("--t5", type=Path, help="a folder with the T5 and its tokenizer, where none is found")
    given = parser.parse_args(arguments)
    try:
        convert(given.source, given.target, to=given.to, t5=given.t5, progress=lambda line: print(line, flush=True))
    except (EkphoniaError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
