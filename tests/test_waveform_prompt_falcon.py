"""The paper's prompt writer, with a tiny Falcon of the same class in the hub's own layout."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hub_models import put_in_cache, use_cache
from tiny_falcon import CAPTION, LIKE_RW_1B, save_falcon, save_tokenizer
from transformers import FalconConfig, FalconForCausalLM

from pipelines.catalogue import paper_entry
from pipelines.errors import ModelFailedError, ModelMissingError, StoppedError
from pipelines.models import forget
from pipelines.records import Emotion
from pipelines.waveform.prompt import open_prompter, parse_prompt
from pipelines.waveform.prompt_falcon import FalconPrompter
from pipelines.waveform.prompt_form import instruction
from pipelines.waveform.prompt_parts import misfits

SAD = Emotion.at(2.6, 3.0)


def agrees_or_is_refused(prompter: FalconPrompter, *, seed: int) -> bool:
    try:
        prompt = prompter.write(CAPTION, SAD, seed=seed)
    except ModelFailedError as failure:
        return "Falcon-RW-1B wrote no prompt" in str(failure)
    return misfits(prompt, SAD) == () and parse_prompt(prompt.text, emotion=SAD) == prompt


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path)
    torch.set_num_threads(1)  # tiny models gain nothing from more, and lose much on a busy machine
    return tmp_path


def opened(cache: Path, **options: Any) -> FalconPrompter:
    entry = paper_entry("prompt")
    put_in_cache(cache, entry.hub_id or "", lambda folder: save_falcon(folder, **options))
    prompter = open_prompter(entry)
    assert isinstance(prompter, FalconPrompter)
    return prompter


def test_the_form_is_the_papers() -> None:
    assert instruction(CAPTION.text) == (
        "Generate a musical theme description for the following image description: \"Sad man in a sailor's hat sitting "
        'at a table". Include details like mood, genre, tempo, and melody in 2 lines.'
    )
    assert len(instruction("x" * 9999)) == len(instruction("")) + 500
    assert '"' not in instruction('a "quoted" word').split('"', 1)[1].rsplit('"', 1)[0]


def test_random_weights_end_in_an_error_for_people_or_in_a_valid_prompt(cache: Path) -> None:
    prompter = opened(cache)
    assert (prompter.made_by, prompter.licence) == ("Falcon-RW-1B", "Apache-2.0")
    assert agrees_or_is_refused(prompter, seed=0)
    assert agrees_or_is_refused(prompter, seed=1)


def test_what_a_model_has_learnt_to_answer_becomes_the_prompt(cache: Path) -> None:
    prompter = opened(cache, learns=" The mood is sad and the genre is classical. The melody is played by a cello.")
    prompt = prompter.write(CAPTION, SAD)
    assert prompt.text.startswith("The mood is sad and the genre is classical. The melody is played by a cello.\n")
    assert (prompt.mood, prompt.genre, prompt.instruments) == ("sad", "classical", ("cello",))
    assert misfits(prompt, SAD) == ()
    assert parse_prompt(prompt.text, emotion=SAD) == prompt
    glad = Emotion.at(8.0, 7.5)
    other = prompter.write(CAPTION, glad)
    assert other.text.startswith("The melody is played by a cello.\n")
    assert misfits(other, glad) == ()


def test_the_seed_decides_and_the_process_generator_is_left_alone(cache: Path) -> None:
    prompter = opened(cache)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    answers = [prompter.respond("a cat", seed=seed) for seed in (1, 2, 1)]
    assert torch.equal(torch.get_rng_state(), before)
    assert answers[0] == answers[2] != answers[1]
    assert len(answers[0]) > 0


def test_it_can_be_stopped_at_each_word(cache: Path) -> None:
    prompter = opened(cache)
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 5

    with pytest.raises(StoppedError, match="Writing the prompt was stopped"):
        prompter.write(CAPTION, SAD, cancelled=stop)
    assert len(asked) == 5


def test_broken_and_missing_models(cache: Path) -> None:
    entry = paper_entry("prompt")
    with pytest.raises(ModelMissingError, match=r"Falcon-RW-1B .* is not on this machine"):
        open_prompter(entry)
    folder = put_in_cache(cache, entry.hub_id or "", save_falcon)
    (folder / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelFailedError, match=r"Falcon-RW-1B cannot be loaded .*fetch it again"):
        open_prompter(entry)


@pytest.mark.large
def test_a_full_size_random_falcon_answers(cache: Path) -> None:
    def save(folder: Path) -> None:
        save_tokenizer(folder)
        config = FalconConfig(
            vocab_size=50304, hidden_size=2048, num_hidden_layers=24, num_attention_heads=32, **LIKE_RW_1B
        )
        FalconForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)

    entry = paper_entry("prompt")
    folder = put_in_cache(cache, entry.hub_id or "", save)
    prompter = open_prompter(entry)
    assert isinstance(prompter, FalconPrompter)
    assert sum(p.numel() for p in prompter.model.parameters()) > 1.2e9
    assert agrees_or_is_refused(prompter, seed=0)
    forget(f"prompt:{folder}")
