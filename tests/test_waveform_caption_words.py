import numpy as np
import pytest

from pipelines.records import Emotion
from pipelines.waveform.caption_colours import SIDE_PX, Hue, Palette, colour_phrase, oklab, palette, small
from pipelines.waveform.caption_concepts import CONCEPTS, NAMES
from pipelines.waveform.caption_scene import Layout, Light, layout_of, light_of
from pipelines.waveform.caption_things import Thing
from pipelines.waveform.caption_words import describe

MID = Light(0.55, 0.6, 0.0)
EVEN = Layout(0.04, (0.5, 0.5), 1.0, 0.0, None, None, None, None, "", "", 1.25)
BLUE_RED = Palette((Hue("blue", "blue", 0.5, 0.2), Hue("red", "red", 0.45, 0.2)), False, False)
NEUTRAL = Emotion(5.0, 5.0, 1.0, 1.0, (0.0, 0.0, 0.0, 0.0, 1.0))


def things(*names):
    return [Thing(CONCEPTS[NAMES.index(name.strip("?"))], not name.endswith("?")) for name in names]


def say(*names, emotion=NEUTRAL, colours=BLUE_RED, light=MID, layout=EVEN):
    return describe(emotion, things(*names), colours, light, layout)


def filled(*parts):
    """A small picture of flat parts: (colour, top, bottom, left, right) in fractions."""
    rgb = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    for colour, *edges in parts:
        top, bottom, left, right = (round(edge * SIDE_PX) for edge in edges)
        rgb[top:bottom, left:right] = colour
    return oklab(rgb)


def test_oklab_of_known_colours():
    lab = oklab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8))
    np.testing.assert_allclose(lab[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(lab[1], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(lab[2], [0.628, 0.2249, 0.1258], atol=1e-3)
    np.testing.assert_allclose(lab[3], [0.452, -0.0325, -0.3115], atol=1e-3)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0, 0, 0), "black"), ((255, 255, 255), "white"), ((128, 128, 128), "grey"), ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"), ((0, 128, 0), "green"), ((255, 255, 0), "yellow"), ((255, 165, 0), "orange"),
        ((128, 0, 128), "purple"), ((255, 192, 203), "pink"), ((139, 69, 19), "brown"), ((64, 224, 208), "turquoise"),
        ((135, 206, 235), "light blue"), ((0, 0, 60), "dark blue"), ((128, 0, 0), "dark red"), ((0, 100, 0), "green"),
        ((245, 222, 179), "cream"), ((0, 128, 128), "teal"), ((230, 230, 250), "white"), ((255, 0, 255), "magenta"),
    ],
)  # fmt: skip
def test_colours_bear_their_common_names(colour, name):
    found = palette(filled((colour, 0, 1, 0, 1))).hues
    assert len(found) == 1
    assert found[0].share == 1
    family = {"dark blue": "blue", "light blue": "blue", "dark red": "red", "brown": "brown"}.get(name)
    assert found[0].name == name or found[0].family == family


def test_shares_are_those_of_the_area_and_a_touch_is_told():
    lab = filled(((30, 90, 210), 0, 1, 0, 1), ((255, 140, 20), 0, 0.25, 0, 0.125))
    colours = palette(lab)
    assert [(hue.name, round(hue.share, 3)) for hue in colours.hues] == [("blue", 0.969), ("orange", 0.031)]
    assert colour_phrase(colours) == "mostly blue with a touch of orange"


def test_black_and_white_and_old_prints_are_known():
    ramp = np.repeat(np.linspace(0, 255, SIDE_PX)[None, :, None], SIDE_PX, axis=0)
    grey = palette(oklab(np.repeat(ramp, 3, axis=2).astype(np.uint8)))
    assert (grey.colourless, grey.sepia) == (True, False)
    sepia = palette(oklab(np.clip(ramp * [1.0, 0.86, 0.66], 0, 255).astype(np.uint8)))
    assert (sepia.colourless, sepia.sepia) == (False, True)
    assert say(colours=grey).startswith("A neutral picture in black and white.")
    assert "Its colours are the browns of an old print" in say("dog", colours=sepia)


def test_greys_are_told_from_black_and_white():
    ramp = np.repeat(np.linspace(70, 190, SIDE_PX)[None, :, None], SIDE_PX, axis=0)
    greys = palette(oklab(np.repeat(ramp, 3, axis=2).astype(np.uint8)))
    assert (greys.colourless, greys.even) == (True, False)
    assert say(colours=greys).startswith("A neutral picture in greys.")
    black = palette(filled(((3, 3, 3), 0, 1, 0, 1)))
    assert (black.colourless, black.even) == (True, True)
    assert say(colours=black, light=Light(0.1, 0.0, 0.0)) == (
        "A dark, neutral picture, all black. Nothing stands out from edge to edge, and little light falls in."
    )


def test_the_picture_is_squeezed():
    assert small(np.zeros((300, 50, 3), np.uint8)).shape == (SIDE_PX, SIDE_PX, 3)


def test_light_is_measured():
    dark, bright = light_of(filled(((20, 20, 30), 0, 1, 0, 1))), light_of(filled(((255, 250, 220), 0, 1, 0, 1)))
    assert (dark.word, dark.hardness) == ("dark", "soft")
    assert (bright.word, bright.hardness) == ("bright", "soft")
    split = light_of(filled(((255, 255, 255), 0, 1, 0, 0.5)))
    assert (split.hardness, round(split.contrast, 2)) == ("strong", 1.0)
    assert light_of(filled(((240, 140, 40), 0, 1, 0, 1))).temperature == "warm"
    assert light_of(filled(((40, 90, 220), 0, 1, 0, 1))).temperature == "cool"


@pytest.mark.parametrize(
    ("edges", "place"),
    [
        ((0.4, 0.6, 0.4, 0.6), "middle"),
        ((0.4, 0.6, 0.1, 0.3), "left"),
        ((0.4, 0.6, 0.7, 0.9), "right"),
        ((0.1, 0.3, 0.4, 0.6), "top"),
        ((0.7, 0.9, 0.4, 0.6), "bottom"),
    ],
)
def test_the_main_shape_is_found(edges, place):
    layout = layout_of(filled(((90, 90, 90), 0, 1, 0, 1), ((250, 60, 30), *edges)), sides=1.25)
    assert layout.place == place
    assert layout.fullness == "empty"


def test_bands_core_and_mirror_are_found():
    bands = layout_of(filled(((90, 170, 240), 0, 0.5, 0, 1), ((60, 150, 50), 0.5, 1, 0, 1)), sides=1.25)
    assert bands.bands in (("sky blue", "green"), ("light blue", "green"))
    assert bands.symmetric
    core = layout_of(filled(((20, 20, 20), 0, 1, 0, 1), ((220, 30, 30), 0.25, 0.75, 0.25, 0.75)), sides=1.25)
    assert core.core == ("red", "black")
    noise = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    busy = layout_of(oklab(noise), sides=1.25)
    assert (busy.fullness, busy.symmetric, busy.bands, busy.place) == ("busy", False, None, "")


def test_the_brightest_and_darkest_ninths_are_found():
    layout = layout_of(filled(((90, 90, 90), 0, 1, 0, 1), ((255, 255, 255), 0, 0.3, 0.7, 1)), sides=1.25)
    assert layout.brightest == "at the upper right"
    layout = layout_of(filled(((200, 200, 200), 0, 1, 0, 1), ((0, 0, 0), 0.7, 1, 0, 0.3)), sides=1.25)
    assert layout.darkest == "at the lower left"


def test_a_flat_picture_has_no_place():
    layout = layout_of(filled(((90, 90, 90), 0, 1, 0, 1)), sides=1.25)
    assert (layout.place, layout.symmetric, layout.bands, layout.brightest) == ("", False, None, "")
    assert layout.centre == (0.5, 0.5)


@pytest.mark.parametrize(
    ("names", "start"),
    [
        ((), "A neutral picture in blue and red."),
        (("dog",), "A neutral picture of a dog."),
        (("dog?",), "A neutral picture, perhaps of a dog."),
        (("animal", "dog?"), "A neutral picture of an animal (perhaps a dog)."),
        (("dog", "fence?"), "A neutral picture of a dog and perhaps a fence."),
        (("person", "dog", "sea"), "A neutral picture of one or more people and a dog with the sea in view."),
        (
            ("person", "sea", "boat?"),
            "A neutral picture of one or more people with the sea and perhaps a boat in view.",
        ),
        (("lake", "mountain"), "A neutral view of a lake and mountains."),
    ],
)
def test_what_is_seen_is_said(names, start):
    text = say(*names)
    assert text.startswith(start)
    assert ("Its colours are blue and red" in text) is bool(names)


@pytest.mark.parametrize(
    ("label", "arousal", "words"),
    [
        (0, 2.0, "calm, happy"),
        (1, 8.0, "fierce, angry"),
        (2, 2.0, "quiet, sad"),
        (3, 8.0, "lively, fun"),
        (4, 5.0, "neutral"),
    ],
)
def test_the_mood_opens_the_caption(label, arousal, words):
    emotion = Emotion(5.0, arousal, 1.0, 1.0, tuple(float(index == label) for index in range(5)))
    assert say(emotion=emotion).startswith(f"A {words} picture")


def test_an_opening_vowel_takes_an():
    angry = Emotion(2.0, 5.0, 1.0, 1.0, (0.0, 1.0, 0.0, 0.0, 0.0))
    assert say(emotion=angry).startswith("An angry picture in")


def test_what_is_more_striking_comes_first():
    banded = Layout(0.04, (0.5, 0.5), 1.0, 0.0, BLUE_RED.hues[0], BLUE_RED.hues[1], None, None, "", "", 1.25)
    assert say(layout=banded).endswith("Blue lies above red, and light and dark are in balance.")
    glaring = Light(0.3, 0.8, 0.06)
    assert say(light=glaring).endswith("The light is warm, with strong contrasts; no single shape stands out.")
    assert say(light=glaring).startswith("A dark, neutral picture")


def test_every_combination_is_15_to_45_words_and_ends_well():
    lights = [Light(level, contrast, warmth) for level in (0.3, 0.45, 0.55, 0.65, 0.8) for contrast in (0.3, 0.6, 0.9)
              for warmth in (-0.05, 0, 0.08)]  # fmt: skip
    layouts = [EVEN, Layout(0.1, (0.3, 0.5), 1.0, 0.0, None, None, None, None, "", "", 0.5),
               Layout(0.01, (0.5, 0.5), 1.0, 0.9, None, None, None, None, "", "", 2.0),
               Layout(0.1, (0.5, 0.5), 1.0, 0.0, None, None, None, None, "at the top", "", 1.0)]  # fmt: skip
    for light in lights:
        for layout in layouts:
            for names in ((), ("dog",), ("person", "dog", "sunset")):
                text = say(*names, light=light, layout=layout)
                assert 15 <= len(text.split()) <= 45
                assert text.count(".") == 2
                assert "  " not in text
                assert ",," not in text
