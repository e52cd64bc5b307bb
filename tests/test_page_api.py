"""The endpoints for programs, by gradio_client against a server with the real weights."""

import os
import re
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import app
from page.api_music import symbolic, waveform
from page.api_parts import FOLDER, KEEP_FILES_S, programs_folder
from page.api_path import journey, slideshow
from page.api_steps import caption, emotion, hear, models, prompt
from page.layout import build
from pipelines.records import LABELS, Emotion
from pipelines.symbolic.midi import read_midi
from pipelines.waveform.prompt import TemplatePrompter

ROOT = Path(app.__file__).resolve().parent
EXAMPLES = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
PICTURE = next(path for path in EXAMPLES if path.name == "happy.jpg")
ENDPOINTS = ["caption", "emotion", "hear", "journey", "models", "prompt", "slideshow", "symbolic", "waveform"]
NO_FFMPEG = "ffmpeg is not installed"
PATIENCE_S = 180


@contextmanager
def folder_for_programs(folder: Path) -> Iterator[Path]:
    """Files go there, and the embedded models play."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.setenv("EKPHONIA_MODELS", "embedded")
        yield folder


@contextmanager
def page_for_programs(*, mcp: bool = False) -> Iterator[str]:
    """The address of the page, served by this process."""
    demo = build()
    options = {**app.launch_options(), "quiet": True, "prevent_thread_lock": True, "mcp_server": mcp}
    demo.launch(server_name="127.0.0.1", **options)
    yield demo.local_url.rstrip("/")
    demo.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with folder_for_programs(tmp_path_factory.mktemp("cache")) as folder:
        yield folder


@pytest.fixture(scope="module")
def address(cache: Path) -> Iterator[str]:
    with page_for_programs() as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return client_of(address)


def client_of(address: str) -> Client:
    return Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE_S})


def seconds(path: str | Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def frames(path: str | Path) -> int:
    with wave.open(str(path)) as file:
        return file.getnframes()


def refused(endpoint: Any, *values: Any) -> str:
    """What an endpoint says of what it cannot use; nothing may be left of the request."""
    before = set(programs_folder().glob("*"))
    with pytest.raises(gr.Error) as trouble:
        list(endpoint(*values))
    assert set(programs_folder().glob("*")) == before
    return str(trouble.value.message)


def test_the_public_endpoints_are_these_and_no_other() -> None:
    info = app.demo.get_api_info()
    assert sorted(info["named_endpoints"]) == [f"/{name}" for name in ENDPOINTS]
    assert not info["unnamed_endpoints"]
    names = {
        endpoint: [each["parameter_name"] for each in said["parameters"]]
        for endpoint, said in info["named_endpoints"].items()
    }
    assert names["/symbolic"] == ["picture", "duration_s", "strength", "seed", "valence", "arousal", "composer"]
    assert names["/waveform"] == [*names["/symbolic"][:4], "caption", "prompt", "valence", "arousal"]
    assert names["/slideshow"] == ["pictures", "seconds_a_picture", "total_s", "fade_s", "seed"]
    returns = {endpoint: len(said["returns"]) for endpoint, said in info["named_endpoints"].items()}
    assert (returns["/symbolic"], returns["/waveform"], returns["/slideshow"], returns["/journey"]) == (4, 2, 4, 3)


def test_each_endpoint_says_in_words_what_it_does_and_in_numbers_what_it_takes() -> None:
    endpoints = app.demo.get_api_info()["named_endpoints"]
    assert all(len(said["description"]) > 40 for said in endpoints.values())
    by_name = {each["parameter_name"]: each for each in endpoints["/symbolic"]["parameters"]}
    assert by_name["duration_s"]["type"] == {"type": "number", "minimum": 10.0, "maximum": 180.0}
    assert by_name["seed"]["type"] == {"type": "integer", "minimum": 0, "maximum": 999_999}
    assert by_name["composer"]["type"]["enum"] == ["composer", "paper", "causal"]
    assert by_name["valence"]["label"] == "Own valence, 1 to 9"
    assert (by_name["valence"]["parameter_has_default"], by_name["valence"]["parameter_default"]) == (True, None)


def test_what_cannot_be_used_is_refused_in_one_sentence(cache: Path, tmp_path: Path) -> None:
    text = tmp_path / "letter.mid"
    text.write_text("Dear friend")
    picture = str(PICTURE)
    assert refused(emotion, None) == "There is no picture; give one."
    assert refused(emotion, str(text)).startswith("letter.mid is not a picture;")
    assert refused(caption, picture, 2.0) == (
        "An emotion of your own needs both valence and arousal; give both, or neither."
    )
    assert refused(prompt) == "There is nothing to begin with; give a picture, an emotion or a prompt."
    assert refused(hear, None).startswith("There is no music to hear;")
    assert refused(hear, str(text)) == "letter.mid is neither MIDI nor WAV; give a MIDI file or a WAV of 16 bits."
    assert refused(symbolic) == "There is nothing to begin with; give a picture, an emotion or a score."
    assert refused(symbolic, picture, 500) == "The music cannot last 500 seconds; choose 10 to 180 seconds."
    assert refused(symbolic, None, 10, 1.5, 0, 12, 5) == "The valence cannot be 12; choose 1 to 9."
    assert refused(symbolic, picture, 10, 1.5, 0, None, None, "Bach").startswith("The composer 'Bach' is unknown;")
    assert refused(waveform, None, 10, 1.5, 0, "x" * 501) == "The caption has 501 characters; shorten it to 500."
    assert refused(slideshow, [picture]) == "A slideshow cannot have 1 picture; choose 2 to 20."
    assert refused(journey, 4, 6, 6.5, 3, 99) == "A journey cannot be 99 minutes; choose 1 to 15."
    assert refused(journey, 4, 6, 6.5, 3, 1, 7, 110, -20, 0, "flac").startswith("The sound format 'flac' is unknown;")


def test_a_program_is_told_the_same_sentence(client: Client) -> None:
    with pytest.raises(AppError, match=r"The music cannot last 500 seconds; choose 10 to 180 seconds\."):
        client.predict(duration_s=500, valence=5, arousal=5, api_name="/symbolic")
    with pytest.raises(AppError, match="'many' is not a number"):
        client.predict(seed="many", valence=5, arousal=5, api_name="/symbolic")


def test_a_request_that_is_left_takes_its_files_along(cache: Path) -> None:
    before = set(programs_folder().glob("*"))
    with closing(symbolic(None, 30, 1.5, 0, 2.5, 3.0)) as yields:  # type: ignore[type-var]
        said = next(each for each, *_ in yields if "sound" in each)
        assert Path(said["sound"]["file"]["path"]).is_file()
    assert set(programs_folder().glob("*")) == before


def test_files_of_requests_go_when_the_pages_files_go(cache: Path) -> None:
    old, new = (cache / FOLDER / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "take.json").write_text("{}")
    os.utime(old, (0, time.time() - KEEP_FILES_S - 60))
    programs_folder()
    assert not old.exists()
    assert new.exists()
    shutil.rmtree(new)


def test_the_models_say_who_plays(cache: Path) -> None:
    playing = {row["role"]: row["made_by"] for row in models() if row["plays"]}
    assert playing["emotion"] == "embedded EfficientNet-lite reader"
    assert set(playing) == {"emotion", "caption", "prompt", "audio", "composer", "hearing", "hearing_audio"}
    assert {row["name"] for row in models() if row["role"] == "audio"} == {"MusicGen-small", "ensemble"}


def test_emotion_and_caption_of_a_picture(client: Client) -> None:
    read = client.predict(handle_file(str(PICTURE)), api_name="/emotion")
    assert list(read["probabilities"]) == list(LABELS)
    assert sum(read["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert (read["label"], read["made_by"]) == ("Happy", "embedded EfficientNet-lite reader")
    assert 6 < read["valence"] < 8
    assert 0.5 < read["arousal_sd"] < 2
    sad = client.predict(handle_file(str(PICTURE)), valence=2, arousal=2, api_name="/caption")
    assert (sad["emotion"]["made_by"], sad["emotion"]["label"]) == ("you", "Sad")
    assert sad["text"].endswith(".")


def test_a_prompt_without_a_picture_follows_the_emotion(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.waveform.prompt.open_prompter", lambda entry: TemplatePrompter())
    found = client.predict(valence=2, arousal=2.5, seed=1, api_name="/prompt")
    assert (found["mode"], "caption" in found) == ("minor", False)
    assert found["tempo_bpm"] < 90
    assert found["text"].count("\n") == 1
    assert found["made_by"] == TemplatePrompter().made_by
    assert found["instruments"][0] in found["text"].lower()


def test_notes_for_an_emotion_come_piece_by_piece_and_are_heard_again(client: Client) -> None:
    yields = list(client.submit(duration_s=12, seed=3, valence=2.5, arousal=3, api_name="/symbolic"))
    pieces = [said["sound"] for said, *_ in yields if "sound" in said]
    take, midi, sound, roll = yields[-1]
    assert all(files == [None] * 3 for _, *files in yields[:-1])
    progress = [said["progress"] for said, *_ in yields[:-1]]
    assert progress == sorted(progress)
    assert yields[0][0]["emotion"]["made_by"] == "you"
    assert len(pieces) >= 2
    ends = [piece["start_s"] + seconds(piece["file"]) for piece in pieces]
    assert [piece["start_s"] for piece in pieces] == pytest.approx([0.0, *ends[:-1]], abs=1e-3)
    assert sum(frames(piece["file"]) for piece in pieces) == frames(sound)  # what was heard is what is kept
    assert take["picture"] is None
    assert take["chains"]["symbolic"]["settings"]["composer"] == "composer"
    assert len(read_midi(midi).notes) > 10
    assert Path(roll).read_bytes().startswith(b"\x89PNG")
    for music in (midi, sound):
        heard = client.predict(handle_file(music), api_name="/hear")
        assert Emotion.at(heard["valence"], heard["arousal"]).distance(Emotion.at(2.5, 3)) < 2.5
    assert take["chains"]["symbolic"]["heard"]["valence"] == pytest.approx(
        client.predict(handle_file(midi), api_name="/hear")["valence"], abs=0.05
    )


def test_words_of_ones_own_need_no_picture(client: Client) -> None:
    own = "A joyful ragtime piano, 140 BPM, major."
    yields = list(client.submit(duration_s=10, prompt=own, api_name="/waveform"))
    take, sound = yields[-1]
    steps = {step["name"]: step for step in take["chains"]["waveform"]["steps"]}
    assert (steps["prompt"]["value"]["text"], steps["prompt"]["made_by"]) == (own, "you")
    assert yields[0][0]["prompt"]["tempo_bpm"] == 140
    assert seconds(sound) == pytest.approx(
        sum(seconds(said["sound"]["file"]) for said, *_ in yields if "sound" in said)
    )


def test_a_cancelled_job_ends_on_the_server_and_leaves_nothing(client: Client, cache: Path) -> None:
    before = set((cache / FOLDER).glob("*"))
    job = client.submit(duration_s=180, valence=7, arousal=7, api_name="/symbolic")
    for said, *_ in job:
        if "sound" in said:
            break
    (folder,) = set((cache / FOLDER).glob("*")) - before
    assert folder.is_dir()
    job.cancel()
    end = time.monotonic() + PATIENCE_S
    while set((cache / FOLDER).glob("*")) != before and time.monotonic() < end:
        time.sleep(0.1)
    assert set((cache / FOLDER).glob("*")) == before


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason=NO_FFMPEG)
def test_a_slideshow_becomes_a_film(client: Client) -> None:
    pictures = [handle_file(str(path)) for path in EXAMPLES[:2]]
    yields = list(client.submit(pictures, total_s=10, fade_s=0.2, seed=1, api_name="/slideshow"))
    record, film, sound, midi = yields[-1]
    assert [slide["name"] for slide in record["slides"]] == [path.name for path in EXAMPLES[:2]]
    assert Path(film).read_bytes()[4:8] == b"ftyp"
    assert seconds(sound) == pytest.approx(10, abs=0.01)
    assert read_midi(midi).notes
    progress = [said["progress"] for said, *_ in yields[:-1]]
    assert progress == sorted(progress)
    assert len(progress) >= 2


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason=NO_FFMPEG)
def test_a_journey_comes_piece_by_piece_and_as_mp3(client: Client) -> None:
    yields = list(client.submit(3, 7, 7, 3, minutes=1, seed=2, sound_format="mp3", api_name="/journey"))
    plan, sound, midi = yields[-1]
    assert (plan["wanted"][0], plan["wanted"][-1]["second"]) == ({"second": 0.0, "valence": 3.0, "arousal": 7.0}, 60.0)
    assert plan["text"].endswith("This is no medical device.")
    assert len(plan["windows"]) == 4
    pieces = [said["sound"] for said, *_ in yields if "sound" in said]
    assert sum(frames(piece["file"]) for piece in pieces) == 60 * 44100
    assert Path(sound).suffix == ".mp3"
    assert 60 * 24_000 * 0.9 < Path(sound).stat().st_size < 60 * 24_000 * 1.1  # 192 kb/s
    assert read_midi(midi).notes


def test_the_readmes_examples_run_as_they_stand(address: str, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## For programs")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    shutil.copy(PICTURE, tmp_path / "picture.jpg")
    code = "".join(blocks)
    assert "http://127.0.0.1:7860" in code
    done = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:7860", address)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Happy" in done.stdout
    assert re.search(r"^0\.0 .*\.wav$", done.stdout, re.MULTILINE)
