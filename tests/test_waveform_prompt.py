"""Prompts agree with the emotion, read back as they were meant, and a user's own words are understood."""

import itertools
import re

import pytest

from pipelines.errors import SettingsError, StoppedError
from pipelines.records import Caption, Emotion, MusicPrompt
from pipelines.waveform.corrections import user_caption
from pipelines.waveform.prompt import TEMPLATE_MADE_BY, TemplatePrompter, emotion_in, parse_prompt, template_prompt
from pipelines.waveform.prompt_form import instruction
from pipelines.waveform.prompt_images import IMAGES, images_called_for
from pipelines.waveform.prompt_parts import arousal_at, choices_for, misfits, modes_at, tempo_at, tempo_range
from pipelines.waveform.vocabulary import INSTRUMENTS

CAPTIONS = (
    "",
    "A bare tree and an empty bench in grey evening rain.",
    "Balloons, bunting and confetti over striped tents and a big wheel on a bright day.",
    "Lightning strikes a red, heaving sea between black cliffs under a torn, burning sky.",
    "sad man in a sailor's hat sitting at a table",
)
GRID = [Emotion.at(v, a) for v, a in itertools.product((1.0, 2.5, 3.5, 4.5, 5.0, 5.5, 6.5, 7.5, 9.0), repeat=2)]
SPREAD = [
    Emotion.at(v, a, valence_sd=1.2, arousal_sd=1.6) for v, a in itertools.product((2.0, 4.4, 5.6, 8.0), repeat=2)
]


def test_every_part_of_a_template_agrees_with_its_emotion_and_reads_back() -> None:
    for emotion, caption, seed in itertools.product((*GRID, *SPREAD), CAPTIONS, range(3)):
        prompt = template_prompt(Caption(caption), emotion, seed=seed)
        assert misfits(prompt, emotion) == ()
        assert parse_prompt(prompt.text, emotion=emotion) == prompt
        assert emotion_in(prompt, near=emotion) is emotion
        first, second = prompt.text.split("\n")
        assert first.endswith(".")
        assert second.endswith(".")
        assert f"{prompt.tempo_bpm:.0f} BPM" in first
        assert f"{prompt.mode} key" in first
        assert all(name in second for name in prompt.instruments)


def test_known_places_on_the_plane() -> None:
    sad, furious, serene = Emotion.at(2.6, 3.0), Emotion.at(1.6, 8.4), Emotion.at(7.0, 2.2)
    assert tempo_range(2.6, 3.0) == pytest.approx((57.6, 71.9), abs=0.1)
    assert tempo_range(1.6, 8.4) == pytest.approx((133.9, 166.9), abs=0.1)
    assert choices_for(sad).modes == ("minor",)
    assert choices_for(sad).contours[0] == "falling"
    assert choices_for(sad).articulations[0] == "legato"
    assert choices_for(sad).registers == ("low register",)
    assert {"sad", "melancholic"} <= set(choices_for(sad).moods)
    assert "metal" not in choices_for(sad).genres
    assert "metal" in choices_for(furious).genres
    assert choices_for(furious).articulations == ("marcato",)
    assert choices_for(serene).modes == ("major",)
    assert choices_for(serene).moods[0] == "serene"


def test_a_sad_and_calm_picture_is_never_fast() -> None:
    for v, a in itertools.product((1.0, 2.0, 3.0, 4.0), (1.0, 2.0, 3.0, 3.5)):
        assert 50 <= tempo_range(v, a)[0] < tempo_range(v, a)[1] < 80
        for seed in range(5):
            assert template_prompt(Caption(CAPTIONS[2]), Emotion.at(v, a), seed=seed).tempo_bpm < 80


def test_tempo_follows_arousal_without_a_jump() -> None:
    for valence in (1.0, 5.0, 9.0):
        tempi = [tempo_at(valence, 1 + step / 20) for step in range(161)]
        rises = [later - earlier for earlier, later in itertools.pairwise(tempi)]
        assert min(rises) > 0
        assert max(rises) < 1.5
        assert arousal_at(tempo_at(valence, 6.3), valence) == pytest.approx(6.3, abs=0.05)
    assert modes_at(3.0) == ("minor",)
    assert modes_at(5.0) == ("minor", "major")
    assert modes_at(5.3) == ("major", "minor")
    assert modes_at(7.0) == ("major",)


def test_templates_vary_with_the_seed_and_repeat_with_it() -> None:
    emotion = Emotion.at(6.8, 7.6)
    texts = {template_prompt(Caption(CAPTIONS[2]), emotion, seed=seed).text for seed in range(8)}
    assert len(texts) >= 6
    assert TemplatePrompter().write(Caption(CAPTIONS[2]), emotion, seed=3).text in texts
    assert (TemplatePrompter().made_by, TemplatePrompter().licence) == (TEMPLATE_MADE_BY, "")


def test_a_template_takes_up_the_picture() -> None:
    rain = template_prompt(Caption(CAPTIONS[1]), Emotion.at(2.6, 3.0))
    assert "like rain on an empty bench" in rain.text
    fair = template_prompt(Caption(CAPTIONS[2]), Emotion.at(6.8, 7.6))
    assert "like balloons let go over a fair" in fair.text
    church = template_prompt(Caption("the inside of a church"), Emotion.at(2.0, 7.0))
    assert {"organ", "choir"} & set(church.instruments)


def test_what_a_user_says_is_understood() -> None:
    prompt = parse_prompt("A joyful jazz waltz, 140 BPM, in B flat major, for trumpet and grand piano, no drums")
    assert (prompt.mood, prompt.genre, prompt.tempo_bpm, prompt.mode) == ("joyful", "jazz", 140.0, "major")
    assert prompt.instruments == ("trumpet", "piano")
    assert prompt.text.startswith("A joyful jazz waltz")


@pytest.mark.parametrize(
    ("text", "tempo_bpm"),
    [
        ("something at 72 BPM", 72.0),
        ("something at 72 beats per minute", 72.0),
        ("something, 60-70 bpm", 65.0),
        ("a tempo of 96", 96.0),
        ("Tempo: about 96.5", 96.5),
        ("♩ = 120", 120.0),
        ("adagio", 66.0),
        ("presto", 156.0),
        ("♩ = 96 bpm", 96.0),
        ("120bpm, slow", 120.0),
        ("at 96,5 BPM", 96.5),
        ("1.2e2 bpm", 120.0),
        ("a tempo of 60-70 BPM", 65.0),
        ("１２０ ＢＰＭ ｐｉａｎｏ", 120.0),
        ("very slow", 54.0),
        ("fast", 142.0),
        ("moderate", 96.0),
    ],
)
def test_tempi_by_number_and_by_word(text: str, tempo_bpm: float) -> None:
    assert parse_prompt(text, emotion=Emotion.at(5.0, 5.0)).tempo_bpm == tempo_bpm


@pytest.mark.parametrize(
    ("text", "mode"),
    [("in A minor", "minor"), ("a minor key", "minor"), ("C-sharp minor", "minor"), ("in D major", "major"),
     ("dorian", "minor"), ("Lydian mode", "major")],
)  # fmt: skip
def test_modes(text: str, mode: str) -> None:
    assert parse_prompt(text).mode == mode


def test_the_longest_word_counts_and_only_whole_words() -> None:
    assert parse_prompt("a warm pad and a bass guitar").instruments == ("synth pad", "electric bass")
    assert parse_prompt("a classical guitar").genre != "classical"
    assert parse_prompt("distorted guitars, heavy metal").instruments == ("distorted guitar",)
    assert parse_prompt("harpoons and organisers in a popular rocket").genre not in ("pop", "rock")
    assert "organ" not in parse_prompt("harpoons and organisers").instruments


def test_what_is_not_wanted_stays_away() -> None:
    for text in (
        "pop without drums",
        "pop, no drums",
        "a pop song without bass or drums",
        "pop, not too much percussion",
    ):
        prompt = parse_prompt(text)
        assert prompt.genre == "pop"
        assert "drums" not in prompt.instruments
        assert len(prompt.instruments) >= 2
    assert parse_prompt("not sad, rather cheerful").mood == "cheerful"
    assert parse_prompt("no piano but a cello").instruments == ("cello",)
    assert parse_prompt("anything but no jazz", emotion=Emotion.at(6.8, 7.6)).genre != "jazz"


def test_what_a_user_leaves_out_comes_from_the_picture() -> None:
    emotion = Emotion.at(2.6, 3.0)
    prompt = parse_prompt("A cello by the sea.", emotion=emotion)
    assert prompt.instruments == ("cello",)
    assert misfits(prompt, emotion) == ()
    assert emotion_in(prompt, near=emotion) is emotion


def test_a_changed_prompt_asks_for_another_emotion() -> None:
    sad = Emotion.at(2.6, 3.0)
    prompt = parse_prompt("A joyful folk tune in a major key at 140 BPM.", emotion=sad)
    asked = emotion_in(prompt, near=sad)
    assert (asked.valence, asked.arousal) == (8.0, 7.2)
    assert asked.label == "Happy"
    text = template_prompt(Caption(CAPTIONS[1]), sad).text
    faster = text.replace(" BPM", "").replace("key", "key, 150 BPM,")
    assert emotion_in(parse_prompt(faster, emotion=sad), near=sad).arousal > 4.5
    glad = emotion_in(parse_prompt("joyful", emotion=sad), near=sad)
    assert glad.valence == 8.0
    assert parse_prompt("joyful", emotion=sad).mode == "major"
    assert parse_prompt("joyful", emotion=sad).tempo_bpm >= 110


def test_an_emotion_without_a_picture() -> None:
    assert emotion_in(parse_prompt("a furious metal track at 170 BPM in a minor key")).label == "Angry"
    calm = emotion_in(parse_prompt("peaceful, very slow"))
    assert calm.valence == 7.0
    assert calm.arousal < 3
    both = emotion_in(MusicPrompt("", "sad and tense", "jazz", 80.0, "minor", "", ("piano",)))
    assert both.valence == pytest.approx(2.9)


def test_text_is_kept_as_it_was_written_but_for_what_cannot_be_seen() -> None:
    assert (
        parse_prompt("  Slow\tpiano \x00\u202eand\u200b cello.\r\nIn C major. ").text
        == "Slow piano and cello.\nIn C major."
    )


def test_joiners_stay_and_text_is_matched_in_any_shape_but_kept_as_written() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"
    assert parse_prompt(f"piano {family} {persian}").text == f"piano {family} {persian}"
    assert parse_prompt("a\u202eb\u2066c\u200ed\x07e\ud800f \u200d").text == "abcdef"
    assert parse_prompt("piano \U0001fa77").text == "piano \U0001fa77"  # newer than this Python's tables
    wide = parse_prompt("１２０ ＢＰＭ ｐｉａｎｏ")
    assert (wide.text, wide.tempo_bpm, wide.instruments) == ("１２０ ＢＰＭ ｐｉａｎｏ", 120.0, ("piano",))
    with pytest.raises(SettingsError, match="prompt is empty"):
        parse_prompt(" \u200d\u200c ")


@pytest.mark.parametrize(
    "text",
    [
        "A swing in the tempo of the 1920s",
        "in the tempo of the 20s",
        "tempo of 1920",
        "a tempo in 12/8",
        "tempo 900",
        "the tempo of 5 horses",
        "a tempo like the 80th time",
    ],
)
def test_a_bare_number_that_is_no_tempo_is_passed_over(text: str) -> None:
    assert parse_prompt(text).tempo_bpm == parse_prompt(re.sub(r"\d\S*", "", text)).tempo_bpm


@pytest.mark.parametrize(
    ("text", "bpm"), [("1e3 bpm", "1000"), ("1,000 BPM", "1000"), ("tempo of 900 bpm", "900"), ("♩=10", "10")]
)
def test_a_number_with_a_unit_is_read_whole(text: str, bpm: str) -> None:
    with pytest.raises(SettingsError, match=f"cannot be {bpm} BPM; choose 30 to 240"):
        parse_prompt(text)


def test_a_caption_is_read_as_far_as_it_may_be_long() -> None:
    longest = "x" * 500
    assert user_caption(longest).text == longest
    assert f'"{longest}"' in instruction(longest)
    with pytest.raises(SettingsError, match="501 characters; shorten it to 500"):
        user_caption("x" * 501)


def test_likenesses_are_those_that_the_caption_calls_for() -> None:
    rain = images_called_for("a bare tree in the rain", Emotion.at(2.6, 3.0))
    assert {image.text for image in rain} >= {"rain on an empty bench", "the last leaf on a bare tree"}
    assert all({"rain", "tree", "trees", "bare"} & image.pictured for image in rain)
    for emotion in GRID:
        general = images_called_for("A picture in greys. Small shapes fill the whole view; the light is red.", emotion)
        assert general
        assert all(not image.pictured for image in general)
    assert len([image for image in IMAGES if not image.pictured]) == 12


def test_a_template_can_be_stopped() -> None:
    with pytest.raises(StoppedError, match="Writing the prompt was stopped"):
        TemplatePrompter().write(Caption(""), Emotion.at(5.0, 5.0), cancelled=lambda: True)


def test_texts_that_are_refused_name_the_limit() -> None:
    with pytest.raises(SettingsError, match="prompt is empty"):
        parse_prompt(" \x00\n ")
    with pytest.raises(SettingsError, match="501 characters; shorten it to 500"):
        parse_prompt("a" * 501)
    with pytest.raises(SettingsError, match="cannot be 900 BPM; choose 30 to 240"):
        parse_prompt("900 BPM")


@pytest.mark.parametrize(
    "text", ["🎹", "ein trauriges Lied", "no", "not", "without", "a" * 500, "\n", "'\"\\{}%s", "BPM", "0 bpm"]
)
def test_any_text_gives_a_whole_prompt_or_a_refusal(text: str) -> None:
    try:
        prompt = parse_prompt(text)
    except SettingsError:
        assert text in ("\n", "0 bpm")
        return
    assert set(prompt.instruments) <= set(INSTRUMENTS)
    assert len(prompt.melody.split(", ")) == 3
    assert prompt.mode in ("major", "minor")
