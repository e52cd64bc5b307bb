import dataclasses
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from accelerate.state import AcceleratorState
from tiny_musicgen import CODEBOOK_SIZE, CODEBOOKS, save_tiny_musicgen, tiny_model
from transformers import get_cosine_schedule_with_warmup

from pipelines.catalogue import paper_entry
from pipelines.errors import DataMissingError, SettingsError, SoundError, WeightsError
from pipelines.records import MusicPrompt
from pipelines.waveform.musicgen import open_musicgen
from training.musicgen import finetune as finetune_command
from training.musicgen.batches import Batch, Draw
from training.musicgen.evaluate import evaluate
from training.musicgen.export import export_run, read_settings
from training.musicgen.finetune import finetune, open_sources
from training.musicgen.loop import BEST, CHECKPOINT, LOG, Finetuning
from training.musicgen.model import TunedMusicGen, TunedParts
from training.musicgen.pairs import load_pairs, load_texts, texts_of
from training.musicgen.precompute import Stored, StoreSettings, precompute
from training.musicgen.sources import RawSource, StoredSource
from training.musicgen.variants import FinetuneSettings
from training.run_folder import read_lines

WORDS = ("happy piano", "sad violin slow", "calm music", "angry fast drums")  # at most 8 tokens each
SETTINGS = FinetuneSettings(
    variant="emotive", base="", epochs=3, batch=4, part=2, learning_rate=1e-3, warmup_steps=2, clip_s=0.2
)


class Codes:
    """A source of fixed codes, with a text of its own for each pair."""

    def __init__(self, pairs: int, frames: int = 12) -> None:
        generator = torch.Generator().manual_seed(5)
        self.codes = torch.randint(CODEBOOK_SIZE, (pairs, CODEBOOKS, frames), generator=generator)
        self.states = torch.randn(pairs, 3, 24, generator=generator)

    def __len__(self) -> int:
        return len(self.codes)

    def batch(self, draws: list[Draw]) -> Batch:
        rows = [draw.pair for draw in draws]
        told = torch.tensor([draw.told for draw in draws])
        frames = torch.full((len(rows),), self.codes.shape[2])
        words = torch.ones(len(rows), 3, dtype=torch.bool)
        return Batch(frames, words, told, codes=self.codes[rows], states=self.states[rows])


def run_in(folder, settings=SETTINGS, *, pairs: int = 8, **model) -> Finetuning:
    return Finetuning(folder, TunedMusicGen(tiny_model(**model), settings.parts), settings, Codes(pairs), Codes(3))


def losses(folder) -> list[float]:
    return [row["loss"] for row in read_lines(folder / LOG) if "loss" in row]


def stop_after(steps: int):
    asked = iter([False] * steps + [True] * 100)
    return lambda: next(asked)


@pytest.mark.parametrize("parts", [TunedParts(), TunedParts(frozen_share=0.5, lora_rank=2)])
def test_a_run_that_was_killed_has_the_loss_curve_of_one_that_was_not(tmp_path, parts):
    settings = dataclasses.replace(SETTINGS, parts=parts, dropped_text=0.5)
    run_in(tmp_path / "whole", settings).fit()
    run_in(tmp_path / "halves", settings).fit(stop=stop_after(3))
    assert len(losses(tmp_path / "halves")) == 3
    with (tmp_path / "halves" / LOG).open("a") as file:  # a step that came after the last checkpoint
        file.write(json.dumps({"step": 4, "loss": 0.0}) + "\n")
    run_in(tmp_path / "halves", settings).fit()
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "whole")) == 6
    logs = [read_lines(tmp_path / name / LOG) for name in ("whole", "halves")]
    checks = [[row["validation"] for row in rows if "epoch" in row] for rows in logs]
    assert checks[0] == checks[1]
    assert len(checks[0]) == 4


def test_parts_of_a_step_add_up(tmp_path):
    found = []
    for part in (1, 4):
        settings = dataclasses.replace(SETTINGS, part=part, dropped_text=0.5, epochs=1)
        run = run_in(tmp_path / str(part), settings)
        for module in run.tuned.modules():  # its dice differ with the parts
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0
        run.fit()
        found.append(losses(tmp_path / str(part)))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_the_rate_is_that_of_transformers(tmp_path):
    run = run_in(tmp_path, dataclasses.replace(SETTINGS, epochs=40, warmup_steps=10))
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=SETTINGS.learning_rate)
    schedule = get_cosine_schedule_with_warmup(optimiser, 10, run.total_steps)
    assert run.total_steps == 80
    for step in range(80):
        assert run.rate(step) == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)
        optimiser.step()
        schedule.step()


def test_eight_pairs_are_learned_by_heart(tmp_path):
    settings = dataclasses.replace(
        SETTINGS, batch=8, part=8, epochs=220, patience=220, learning_rate=1e-2, dropped_text=0.0, warmup_steps=10
    )
    run = run_in(tmp_path, settings)
    first = run.learn()
    for step in range(1, 220):
        run.progress.step = step
        last = run.learn()
    assert first > 4.0
    assert last < 0.1


def test_mixed_precision_learns_the_same_within_its_rounding(tmp_path):
    found = []
    for precision in ("no", "bf16"):
        AcceleratorState._reset_state(reset_partial_state=True)  # a process has one precision
        settings = dataclasses.replace(SETTINGS, mixed_precision=precision, epochs=1)
        run_in(tmp_path / precision, settings).fit()
        found.append(losses(tmp_path / precision))
    AcceleratorState._reset_state(reset_partial_state=True)
    assert found[0] != found[1]
    assert found[0] == pytest.approx(found[1], rel=0.02)


def test_patience_ends_a_run(tmp_path):
    settings = dataclasses.replace(SETTINGS, learning_rate=0.0, epochs=30, patience=2)
    run = run_in(tmp_path, settings)
    run.fit()
    assert run.progress.step == 4  # two epochs of two steps, neither better than the beginning
    assert run.ended()


def test_a_loss_that_is_no_number_is_not_kept_for_the_lowest(tmp_path, monkeypatch):
    found = iter([2.0, 9.0, float("nan"), 9.0, 1.0, 9.0])  # with and without text, before and after two epochs
    monkeypatch.setattr(Finetuning, "validate", lambda *_, **__: next(found))
    run = run_in(tmp_path, dataclasses.replace(SETTINGS, epochs=2))
    run.fit()
    assert (run.progress.best, run.progress.waited) == (1.0, 0)


def test_a_run_stops_when_its_minutes_are_spent(tmp_path):
    run = run_in(tmp_path, dataclasses.replace(SETTINGS, minutes=1e-9))
    run.fit()
    assert run.progress.step == 1
    assert run.ended()


def test_what_was_logged_before_the_first_checkpoint_comes_again(tmp_path):
    (tmp_path / LOG).write_text('{"step": 0, "epoch": 0, "validation": 0.0}\n{"step": 1, "loss": 0.0}\n')
    run_in(tmp_path).fit(stop=stop_after(0))
    run_in(tmp_path).fit(stop=stop_after(1))
    rows = read_lines(tmp_path / LOG)
    assert [row["step"] for row in rows] == [0, 1]
    assert rows[0]["validation"] > 4.0
    assert rows[1]["loss"] > 4.0


def test_the_gradient_scale_of_half_precision_is_gone_on_with(tmp_path):
    run = run_in(tmp_path)
    run.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=512.0)
    run.fit(stop=stop_after(1))
    again = run_in(tmp_path)
    assert again.progress.scaler["scale"] == 512.0
    again.accelerator.scaler = torch.amp.GradScaler("cpu")
    again._resume()
    assert again.accelerator.scaler.get_scale() == 512.0


def test_a_precision_that_this_machine_lacks_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    AcceleratorState._reset_state(reset_partial_state=True)
    with pytest.raises(SettingsError, match="precision fp16 cannot be had"):
        run_in(tmp_path, dataclasses.replace(SETTINGS, mixed_precision="fp16"))
    AcceleratorState._reset_state(reset_partial_state=True)


def test_a_source_without_pairs_is_told(tmp_path):
    with pytest.raises(DataMissingError, match="0 pairs to learn from and 3"):
        run_in(tmp_path, pairs=0)


def test_a_folder_of_other_settings_is_refused(tmp_path):
    run_in(tmp_path).fit(stop=stop_after(1))
    with pytest.raises(SettingsError, match=r"learning_rate 0\.001, not 0\.5"):
        run_in(tmp_path, dataclasses.replace(SETTINGS, learning_rate=0.5))
    run_in(tmp_path, dataclasses.replace(SETTINGS, epochs=9))  # more of the same may be asked for


def test_a_damaged_checkpoint_is_told(tmp_path):
    run_in(tmp_path).fit(stop=stop_after(1))
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="begin anew"):
        run_in(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variant": "x"}, "variant 'x'"),
        ({"batch": 0}, "batch cannot be 0"),
        ({"dropped_text": 2.0}, "0 to 1"),
        ({"learning_rate": float("nan")}, "learning_rate cannot be nan"),
        ({"minutes": -1.0}, "minutes cannot be -1"),
        ({"largest_gradient": 0.0}, "more than 0"),
        ({"mixed_precision": "int8"}, "int8"),
        ({"use_lower": True}, "frozen share"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"clip_s": float("nan")}, "cannot last nan seconds"),
        ({"clip_s": 0.01}, r"cannot last 0\.01 seconds; choose 0\.02"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, words):
    with pytest.raises(SettingsError, match=words):
        dataclasses.replace(SETTINGS, **change).check()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_tiny_musicgen(tmp_path_factory.mktemp("base") / "musicgen", layers=4)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(2)
    lines = []
    for split, count in (("train", 4), ("validation", 2), ("test", 2)):
        (folder / split).mkdir()
        rows = []
        for number in range(count):
            name = f"{number}.wav"
            soundfile.write(folder / split / name, 0.1 * rng.standard_normal(16_000), 32_000, subtype="PCM_16")
            rows.append({"file_name": name, "picture_file": "p.png", "label": "Happy", "valence": 7.0, "arousal": 6.0})
            lines.append({"split": split, "file_name": name, "emotive": "Happy", "optimized": WORDS[number]})
        (folder / split / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(scope="module")
def stored(dataset, base, tmp_path_factory):
    out = tmp_path_factory.mktemp("stored")
    settings = StoreSettings(str(base), clip_s=0.4, shard=3, frozen_share=0.5)
    return precompute(dataset, out, settings, conditions=("optimized", "emotive"))


def raw(dataset, base, *, clip_s: float) -> RawSource:
    from transformers import AutoTokenizer

    pairs = load_pairs(dataset, "train")
    texts = texts_of(pairs, load_texts(dataset, "optimized"), dataset)
    return RawSource(pairs, texts, AutoTokenizer.from_pretrained(base), clip_s)


def test_what_is_stored_gives_the_loss_of_what_is_encoded_in_the_step(dataset, base, stored):
    from training.musicgen.model import load_base

    model = TunedMusicGen(load_base(str(base)).model, TunedParts(frozen_share=0.5)).eval()
    draws = [Draw(3), Draw(0, told=False), Draw(2)]
    wanted = model(raw(dataset, base, clip_s=0.4).batch(draws))
    for use_lower, close in ((False, 1e-5), (True, 2e-3)):  # lower states are kept in half precision
        source = StoredSource(stored, "train", "optimized", clip_s=0.4, use_lower=use_lower)
        batch = source.batch(draws)
        assert (batch.lower is not None) == use_lower
        sums, counts = model(batch)
        assert counts.tolist() == wanted[1].tolist() == [60] * 4
        torch.testing.assert_close(sums, wanted[0], rtol=close, atol=close)


def test_stored_inputs_have_one_shape_and_a_cut_lies_within(stored):
    source = StoredSource(stored, "train", "optimized", clip_s=0.2)
    whole = stored.codes("train").row(1)["codes"].long()
    places = set()
    for seed in range(20):
        batch = source.batch([Draw(1, dice=np.random.default_rng(seed))])
        assert batch.codes.shape == (1, 4, 10)
        assert batch.states.shape == (1, 8, 24)
        places |= {at for at in range(11) if torch.equal(whole[:, at : at + 10], batch.codes[0])}
    assert len(places) > 4


def test_shards_are_not_made_twice_and_not_mixed(stored, dataset, tmp_path):
    path = stored.folder / "codes-train-00001.safetensors"
    before = path.stat().st_mtime_ns
    again = precompute(dataset, stored.folder, stored.settings, conditions=("optimized",))
    assert path.stat().st_mtime_ns == before
    assert again.pairs == Stored.open(stored.folder).pairs == {"train": 4, "validation": 2, "test": 2}
    with pytest.raises(SettingsError, match="name another folder"):
        precompute(dataset, stored.folder, dataclasses.replace(stored.settings, clip_s=0.2))
    other = shutil.copytree(dataset, tmp_path / "other")
    texts = (other / "texts.jsonl").read_text()
    (other / "texts.jsonl").write_text(texts.replace("sad violin", "calm violin"))
    with pytest.raises(SettingsError, match=r"texts-optimized-train-00000\.safetensors was made of other"):
        precompute(other, stored.folder, stored.settings)
    (other / "texts.jsonl").write_text(texts)
    shutil.copyfile(other / "train" / "0.wav", other / "train" / "3.wav")
    with pytest.raises(SettingsError, match=r"codes-train-00001\.safetensors was made of other"):
        precompute(other, stored.folder, stored.settings)


def test_sound_shorter_than_the_clip_is_padded_and_not_counted(dataset, base):
    batch = raw(dataset, base, clip_s=1.0).batch([Draw(0)])
    assert batch.sound.shape == (1, 1, 32_000)
    assert batch.frames.tolist() == [25]
    assert batch.sound[0, 0, 16_000:].abs().max() == 0


def test_sound_of_another_rate_is_refused(dataset, base, tmp_path):
    source = raw(dataset, base, clip_s=0.2)
    soundfile.write(tmp_path / "a.wav", np.zeros(9_000), 22_050)
    other = dataclasses.replace(source, pairs=[dataclasses.replace(source.pairs[0], sound=tmp_path / "a.wav")])
    with pytest.raises(SoundError, match="22050 Hz"):
        other.batch([Draw(0)])


@pytest.mark.parametrize(("ended", "code"), [(True, 0), (False, 130)])
def test_only_a_run_that_has_ended_is_exported_and_passes_for_done(tmp_path, monkeypatch, ended, code):
    exported = []
    run = SimpleNamespace(ended=lambda: ended, accelerator=SimpleNamespace(is_main_process=True))
    monkeypatch.setattr(finetune_command, "finetune", lambda *args, **options: run)
    monkeypatch.setattr(finetune_command, "export_run", lambda *args, **options: exported.append(args))
    monkeypatch.setattr("sys.argv", ["finetune", "data", "--out", str(tmp_path)])
    assert finetune_command.main() == code
    assert exported == ([(tmp_path, tmp_path / "model")] if ended else [])


def test_optimized_without_anything_stored_is_refused(dataset, base):
    settings = dataclasses.replace(SETTINGS, variant="optimized", base=str(base))
    with pytest.raises(SettingsError, match="--stored"):
        open_sources(dataset, None, settings, TunedMusicGen(tiny_model()), None)


def test_missing_pairs_and_texts_are_told(tmp_path, dataset):
    with pytest.raises(DataMissingError, match="painting_music"):
        load_pairs(tmp_path, "train")
    with pytest.raises(DataMissingError, match=r"training\.musicgen\.texts"):
        load_texts(tmp_path, "lyrical")
    pairs = load_pairs(dataset, "train")
    with pytest.raises(DataMissingError, match="3 of 4 pairs"):
        texts_of(pairs, {pairs[0].key: "a"}, dataset)
    assert load_texts(dataset, "narrative") == {}
    (tmp_path / "texts.jsonl").write_text('{"file_name": "a.wav", "lyrical": "slow"}\n')
    with pytest.raises(DataMissingError, match="lacks a split or a file_name"):
        load_texts(tmp_path, "lyrical")


def test_a_label_that_is_none_of_the_five_is_told(tmp_path):
    (tmp_path / "train").mkdir()
    row = {"file_name": "a.wav", "picture_file": "p.png", "label": "happy", "valence": 7.0, "arousal": 6.0}
    (tmp_path / "train" / "metadata.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataMissingError, match="Happy, Angry, Sad, Fun, Neutral"):
        load_pairs(tmp_path, "train")


@pytest.mark.slow
def test_two_processes_learn_what_one_does(dataset, base, stored, tmp_path):
    command = ["-m", "training.musicgen.finetune", str(dataset), "--variant", "optimized", "--base", str(base)]
    command += ["--stored", str(stored.folder), "--clip-s", "0.4", "--batch", "4", "--part", "2", "--epochs", "2"]
    command += ["--warmup-steps", "1", "--learning-rate", "1e-3", "--frozen-share", "0.5"]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    for count in ("1", "2"):  # as `accelerate launch` starts them on GPUs
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", count]
        done = subprocess.run(
            [*launch, *command, "--no-export", "--out", str(tmp_path / count)],
            capture_output=True,
            text=True,
            timeout=600,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
    first, second = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(first) == len(second) == 2
    assert first == pytest.approx(second, rel=0.02)  # dropout's dice are each process's own


OPTIMIZED = dataclasses.replace(
    SETTINGS, variant="optimized", epochs=1, clip_s=0.4, parts=TunedParts(frozen_share=0.5, lora_rank=2)
)


@pytest.mark.parametrize(("use_lower", "close"), [(False, 1e-5), (True, 2e-3)])  # lower states in half precision
def test_the_best_weights_have_the_loss_that_was_told(dataset, base, stored, tmp_path, use_lower, close):
    settings = dataclasses.replace(OPTIMIZED, base=str(base), use_lower=use_lower)
    run = finetune(dataset, tmp_path / "run", settings, stored=stored.folder)
    assert (tmp_path / "run" / BEST).is_file()
    assert read_settings(tmp_path / "run") == settings
    found = evaluate(tmp_path / "run", stored, "validation")
    assert found.told.mean() == pytest.approx(run.progress.best, rel=close)
    rows = [row for row in read_lines(tmp_path / "run" / LOG) if "untold" in row]
    assert found.untold.mean() == pytest.approx(min(rows, key=lambda row: row["validation"])["untold"], rel=close)
    assert found.base.mean() == pytest.approx(rows[0]["untold"], rel=close)
    with pytest.raises(SettingsError, match="encoded in clips as long"):
        evaluate(tmp_path / "run", dataclasses.replace(stored, digest="0"), "validation")
    with pytest.raises(DataMissingError, match="split train"):
        evaluate(tmp_path / "run", dataclasses.replace(stored, pairs={}), "train")


def test_an_exported_run_plays_in_the_app_and_loads_as_the_hub_has_it(dataset, base, stored, tmp_path):
    from transformers import AutoProcessor, MusicgenForConditionalGeneration

    run = finetune(dataset, tmp_path / "run", dataclasses.replace(OPTIMIZED, base=str(base)), stored=stored.folder)
    out = export_run(tmp_path / "run", tmp_path / "model", data="four pairs")
    model = MusicgenForConditionalGeneration.from_pretrained(out).eval()
    batch = run.validation.batch([Draw(0), Draw(1)])
    sums, counts = TunedMusicGen(model).eval()(batch)
    assert float(sums.detach().sum() / counts.sum()) == pytest.approx(run.progress.best, rel=1e-5)
    encoded = AutoProcessor.from_pretrained(out)(text=["happy piano"], return_tensors="pt")
    assert encoded.input_ids.shape[0] == 1
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-nc-4.0\npipeline_tag: ")  # its base has no id of the hub's
    assert "four pairs" in card
    assert f"{run.progress.best:.4f}" in card
    assert "not for commercial use" in card
    assert "The decoder above the first 50% of its layers learned by LoRA of rank 2, merged." in card
    entry = dataclasses.replace(paper_entry("audio"), hub_id=str(out))
    prompt = MusicPrompt("happy piano", "happy", "jazz", 120.0, "major", "lively", ("piano",))
    chunks = list(open_musicgen(entry).generate(prompt, duration_s=1.0, seed=0))
    assert sum(len(chunk.samples) for chunk in chunks) == 32_000
    export_run(tmp_path / "run", out, data="four pairs", licence="other")
    assert "not for commercial use" not in (out / "README.md").read_text()
    with pytest.raises(SettingsError, match="holds no generation_config"):
        export_run(tmp_path / "run", dataset, data="four pairs")
    assert (dataset / "texts.jsonl").is_file()
    (tmp_path / "run" / LOG).unlink()
    with pytest.raises(DataMissingError, match="no validation losses"):
        export_run(tmp_path / "run", tmp_path / "other", data="four pairs")
    assert not list(tmp_path.glob("other*"))
