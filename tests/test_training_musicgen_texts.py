import json
import os
import signal

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import DataMissingError
from pipelines.records import Caption, MusicPrompt
from pipelines.waveform.prompt import TEMPLATE_MADE_BY, TemplatePrompter
from training.musicgen import texts
from training.musicgen.pairs import load_pairs, load_texts
from training.musicgen.texts import LONGEST_TEXT, cleaned, enriched, write_texts

PROMPT = MusicPrompt(
    "A cheerful jazz tune.\nThe flute leads.", "cheerful", "jazz", 112.4, "major", "rising", ("flute", "piano")
)


class Captions:
    """A captioner that says the label, and counts."""

    made_by, licence = "counting captioner", ""

    def __init__(self) -> None:
        self.asked = 0

    def caption(self, picture, emotion, **_) -> Caption:
        self.asked += 1
        return Caption(f"A {emotion.label.lower()} picture, {picture.width} wide.")


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.full((40, 48, 3), 200, np.uint8)).save(tmp_path / "pictures" / "a.png")
    for split, labels in (("train", ["Sad", "Happy", "Angry"]), ("test", ["Fun"])):
        (tmp_path / split).mkdir()
        rows = [
            {"file_name": f"{n}.wav", "picture_file": "pictures/a.png", "label": label, "valence": 5.0, "arousal": 5.0}
            for n, label in enumerate(labels)
        ]
        (tmp_path / split / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def rows_of(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "texts.jsonl").read_text().splitlines()]


def test_every_pair_gets_the_four_texts_and_their_makers(dataset):
    assert write_texts(dataset, Captions(), TemplatePrompter()) == 4
    rows = rows_of(dataset)
    assert [(row["split"], row["file_name"]) for row in rows][-1] == ("test", "0.wav")
    assert rows[0]["emotive"] == "Sad"
    assert rows[0]["narrative"] == "A sad picture, 48 wide."
    assert rows[0]["lyrical"].count("\n") == 1
    assert rows[0]["optimized"].startswith("sad music, ")
    assert "\n" not in rows[0]["optimized"]
    assert rows[0]["makers"]["narrative"] == "counting captioner"
    assert rows[0]["makers"]["lyrical"] == TEMPLATE_MADE_BY
    assert load_texts(dataset, "emotive")["test/0.wav"] == "Fun"


def test_the_label_is_the_emotion_whatever_valence_and_arousal_say(dataset):
    assert [pair.emotion.label for pair in load_pairs(dataset, "train")] == ["Sad", "Happy", "Angry"]


def test_a_stopped_job_goes_on_with_what_is_missing(dataset):
    whole, first, second = Captions(), Captions(), Captions()
    write_texts(dataset, whole, TemplatePrompter(), seed=3)
    wanted = rows_of(dataset)
    (dataset / "texts.jsonl").unlink()
    answers = iter([False, True])
    assert write_texts(dataset, first, TemplatePrompter(), seed=3, stop=lambda: next(answers)) == 2
    assert len(rows_of(dataset)) == 2
    write_texts(dataset, second, TemplatePrompter(), seed=3)
    assert (first.asked, second.asked) == (2, 2)
    assert rows_of(dataset) == wanted


def test_texts_of_a_data_set_that_was_built_anew_are_made_anew(dataset):
    write_texts(dataset, Captions(), TemplatePrompter())
    lines = (dataset / "train" / "metadata.jsonl").read_text().splitlines()
    Image.fromarray(np.full((40, 64, 3), 90, np.uint8)).save(dataset / "pictures" / "b.png")
    lines = [lines[0].replace("Sad", "Fun"), lines[1].replace("a.png", "b.png"), lines[2]]
    (dataset / "train" / "metadata.jsonl").write_text("\n".join(lines))
    assert write_texts(dataset, Captions(), TemplatePrompter()) == 2
    told = [row["narrative"] for row in rows_of(dataset)]
    assert told[:3] == ["A fun picture, 48 wide.", "A happy picture, 64 wide.", "A angry picture, 48 wide."]


def test_what_was_made_before_a_failure_is_kept(dataset, monkeypatch):
    captions = Captions()
    real = captions.caption

    def failing(picture, emotion, **options):
        if captions.asked == 2:
            raise DataMissingError("The picture is gone.")
        return real(picture, emotion, **options)

    monkeypatch.setattr(captions, "caption", failing)
    with pytest.raises(DataMissingError, match="gone"):
        write_texts(dataset, captions, TemplatePrompter())
    assert len(rows_of(dataset)) == 2


def test_cleaning_makes_one_plain_line_of_whole_sentences():
    assert cleaned("A  “slow”\n tune – here… now.") == 'A "slow" tune - here... now.'
    assert cleaned("It rises. It falls. it rises. It ends.") == "It rises. It falls. It ends."
    assert cleaned("One two. Three four.", longest=12) == "One two."
    assert cleaned("abc def ghi", longest=9) == "abc def"


def test_the_optimized_text_names_the_parts_before_the_lyrical_one():
    text = enriched("Happy", PROMPT)
    parts = "happy music, cheerful jazz, 112 BPM, major key, rising melody, flute, piano."
    assert text == f"{parts} A cheerful jazz tune. The flute leads."
    assert len(text) <= LONGEST_TEXT


def test_a_command_that_was_stopped_says_so_and_ends_when_given_again(dataset, monkeypatch):
    class Interrupted(Captions):
        def caption(self, picture, emotion, **more) -> Caption:
            os.kill(os.getpid(), signal.SIGTERM)
            return super().caption(picture, emotion, **more)

    monkeypatch.setattr(texts, "open_prompter", lambda entry: TemplatePrompter())
    monkeypatch.setattr("sys.argv", ["texts", str(dataset), "--models", "embedded"])
    for captioner, code, made in ((Interrupted(), 130, 1), (Captions(), 0, 4)):
        monkeypatch.setattr(texts, "open_captioner", lambda entry, captioner=captioner: captioner)
        assert texts.main() == code
        assert len(rows_of(dataset)) == made


def test_the_command_says_in_a_line_where_pairs_come_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["texts", str(tmp_path)])
    assert texts.main() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "training.data.painting_music" in error
