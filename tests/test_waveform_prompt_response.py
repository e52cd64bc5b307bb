"""What a language model answers becomes a prompt that agrees with the emotion, or is refused."""

import pytest

from pipelines.errors import ModelFailedError
from pipelines.records import Emotion
from pipelines.waveform.prompt import parse_prompt
from pipelines.waveform.prompt_parts import misfits
from pipelines.waveform.prompt_response import prompt_of, sentences

SAD, GLAD = Emotion.at(2.6, 3.0), Emotion.at(7.6, 7.0)
CAPTION = "sad man in a sailor's hat sitting at a table"


def test_an_answer_that_agrees_is_kept_word_for_word() -> None:
    said = " The mood of the theme is sad and lonely. The genre is classical, slow and played by a cello.\n\nIn"
    prompt = prompt_of(said, SAD, caption=CAPTION)
    first, second = prompt.text.split("\n")
    assert first == "The mood of the theme is sad and lonely. The genre is classical, slow and played by a cello."
    assert second == "A piece in a minor key at 66 BPM. It has a falling, legato melody in the low register."
    assert (prompt.mood, prompt.genre, prompt.instruments) == ("sad and lonely", "classical", ("cello",))
    assert misfits(prompt, SAD) == ()
    assert parse_prompt(prompt.text, emotion=SAD) == prompt


def test_a_whole_answer_needs_nothing_of_ours_but_a_second_line() -> None:
    said = (
        "Sad and slow, in a minor key, with a falling legato melody in the low register of the cello and a piano, this "
        "is a classical piece at 66 BPM."
    )
    assert prompt_of(said, SAD).text == f"{said}\nThe tempo is slow, 66 BPM."


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "A melancholic ballad in C major at 140 BPM for piano.",
            "A melancholic ballad in C minor at 65 BPM for piano.",
        ),
        ("The tempo is 180 and the mood is sad.", "The tempo is 65 BPM and the mood is sad."),
        ("The tempo is 180 BPM and the mood is sad.", "The tempo is 65 BPM and the mood is sad."),
        ("It is a sad song of 120 to 140 beats per minute.", "It is a sad song of 65 beats per minute."),
    ],
)
def test_tempo_and_mode_are_put_right_where_they_stand(said: str, kept: str) -> None:
    prompt = prompt_of(said, SAD)
    assert prompt.text.split("\n")[0] == kept
    assert (prompt.tempo_bpm, prompt.mode) == (65.0, "minor")
    assert misfits(prompt, SAD) == ()


def test_a_sentence_that_contradicts_the_emotion_goes() -> None:
    said = "This is an exuberant techno track. The strings play a quiet and lonely tune."
    prompt = prompt_of(said, SAD)
    assert prompt.text.startswith("The strings play a quiet and lonely tune.\n")
    assert "techno" not in prompt.text
    assert prompt_of(said, GLAD).text.startswith("This is an exuberant techno track.\n")


def test_a_list_is_put_in_sentences_of_ours() -> None:
    prompt = prompt_of("1. Mood: sad\n2. Genre: classical\n3. Tempo: 180 BPM\n4. Melody: falling\nLyrics: la la", SAD)
    assert (prompt.mood, prompt.genre, prompt.tempo_bpm) == ("sad", "classical", 65.0)
    assert prompt.text == (
        "A sad classical piece in a minor key at 65 BPM.\n"
        "A falling, legato melody in the low register comes from the strings, with piano and flute."
    )


def test_echoes_addresses_markup_and_halves_go() -> None:
    said = (
        'A "soft" piano plays on.\n- A cello joins it after a while.\n[Verse 1] I am a sailor on the sea.\n'
        "See http://songs.example for more of it. A cello joins it after a while. Sad man in a sailor's hat sitting.\n"
        "And then the tempo of\nInstruction: Generate a musical theme description for a harp."
    )
    assert sentences(said, caption=CAPTION) == ["A soft piano plays on.", "A cello joins it after a while."]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "   \n\n",
        "the the the the the the.",
        "He went to the shop and bought some bread for his family.",
        "Instruction: A sad song in a minor key for piano.",
        "sad piano sad piano sad piano sad piano.",
        "A sad man sits at a table in a sailor's hat.",
        "A furious metal song with distorted guitars.",
        "\x00\ufffd\ufffd 1 2 3 4 5.",
        "A slow and sad song that never",
    ],
)
def test_what_makes_no_sense_is_refused(said: str) -> None:
    with pytest.raises(ModelFailedError, match="language model's answer"):
        prompt_of(said, SAD, caption=CAPTION)


def test_a_long_answer_is_cut_between_sentences() -> None:
    said = " ".join(
        f"The {word} piano plays a sad tune for those who hear it." for word in ("old", "big", "low", "far", "red")
    )
    prompt = prompt_of(said, SAD)
    assert prompt.text.count("The ") <= 4
    assert len(prompt.text) <= 500
    assert all(line.endswith(".") for line in prompt.text.split("\n"))
