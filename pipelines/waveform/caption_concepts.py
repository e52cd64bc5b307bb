"""What the embedded captioner can name: concepts, told by ImageNet's classes or by a pattern over all of them.

A concept with `spans` is told by the sum of the probabilities of its classes, ranges of ImageNet's 1,000 in their usual
order, both ends included: 118 of them are breeds of dogs, so that "a dog" can be sure where no breed is. What ImageNet
has no class for (a person, fire, the starry sky) is told by a pattern: a logistic regression on the 1,000 class scores,
fitted on OASIS. Which names a concept makes needless, because they say less, stands in `over`.

Source of the order of classes: ILSVRC 2012; checked by the tests against the list that comes with gradio (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Concept:
    """A thing that can be named: `phrase` as it stands in a sentence; `kind` life, thing, sky, place or ground."""

    name: str
    phrase: str
    kind: str
    spans: Spans = ()
    over: tuple[str, ...] = ()

    @property
    def is_pattern(self) -> bool:
        """Whether it is told by a fitted pattern rather than by its own classes."""
        return not self.spans

    @property
    def classes(self) -> list[int]:
        """Indices of its classes."""
        return [index for first, last in self.spans for index in range(first, last + 1)]


def _in(*spans: int | tuple[int, int]) -> Spans:
    return tuple((span, span) if isinstance(span, int) else span for span in spans)


_LIFE, _FURRY = ("animal",), ("animal", "furry animal")
_WATER, _LAND = ("water", "landscape"), ("landscape",)

CONCEPTS = (
    Concept("person", "one or more people", "life"),
    Concept("dog", "a dog", "life", _in((151, 268)), ("wolf", *_FURRY)),
    Concept("wolf", "a wolf", "life", _in((269, 271)), _FURRY),
    Concept("fox", "a fox", "life", _in((277, 280)), _FURRY),
    Concept("cat", "a cat", "life", _in((281, 285)), _FURRY),
    Concept("lion", "a lion", "life", _in(291), _FURRY),
    Concept("tiger", "a tiger", "life", _in(292), _FURRY),
    Concept("wild cat", "a big wild cat", "life", _in((286, 290), 293), _FURRY),
    Concept("bear", "a bear", "life", _in((294, 297)), _FURRY),
    Concept("panda", "a panda", "life", _in(387, 388), _FURRY),
    Concept("rabbit", "a rabbit or hare", "life", _in((330, 332)), _FURRY),
    Concept("horse", "a horse", "life", _in(339, 603), _FURRY),
    Concept("zebra", "a zebra", "life", _in(340), _FURRY),
    Concept("pig", "a pig", "life", _in((341, 343)), _FURRY),
    Concept("cattle", "cattle", "life", _in((345, 347)), _FURRY),
    Concept("sheep or goat", "a sheep or goat", "life", _in((348, 350)), _FURRY),
    Concept("antelope", "an antelope", "life", _in((351, 353)), _FURRY),
    Concept("camel", "a camel or llama", "life", _in(354, 355), _FURRY),
    Concept("elephant", "an elephant", "life", _in(101, 385, 386), _FURRY),
    Concept("monkey", "a monkey or ape", "life", _in((365, 382)), _FURRY),
    Concept("furry animal", "a small furry animal", "life", _in(298, 299, (330, 338), (356, 364)), _LIFE),
    Concept("penguin", "a penguin", "life", _in(145), ("bird", *_LIFE)),
    Concept("bird", "a bird", "life", _in((7, 24), (80, 100), (127, 146)), _LIFE),
    Concept("snake", "a snake", "life", _in((52, 68)), _LIFE),
    Concept("lizard", "a lizard", "life", _in((38, 48)), _LIFE),
    Concept("crocodile", "a crocodile", "life", _in(49, 50), _LIFE),
    Concept("frog", "a frog", "life", _in((30, 32)), _LIFE),
    Concept("turtle", "a turtle", "life", _in((33, 37)), _LIFE),
    Concept("spider", "a spider", "life", _in((70, 77)), ("insect", *_LIFE)),
    Concept("butterfly", "a butterfly", "life", _in((321, 326)), ("insect", *_LIFE)),
    Concept("insect", "an insect", "life", _in((300, 326)), _LIFE),
    Concept("shark", "a shark", "life", _in((2, 4)), ("fish", *_LIFE)),
    Concept("fish", "a fish", "life", _in((0, 6), (389, 397)), _LIFE),
    Concept("whale", "a whale", "life", _in(147, 148), _LIFE),
    Concept("seal", "a seal", "life", _in(149, 150), _LIFE),
    Concept("crab", "a crab or lobster", "life", _in((118, 125)), _LIFE),
    Concept("jellyfish", "a jellyfish", "life", _in(107), _LIFE),
    Concept("animal", "an animal", "life", _in((0, 106), (113, 114), (118, 388), (389, 397))),
    Concept("fruit", "fruit", "thing", _in((948, 957)), ("food",)),
    Concept("food", "food", "thing", _in((924, 965))),
    Concept("mushroom", "mushrooms", "thing", _in(947, (991, 993), (996, 997))),
    Concept("cup", "a cup", "thing", _in(504, 967, 968)),
    Concept("drink", "bottles or glasses", "thing", _in(440, 441, 503, 572, 737, 898, 901, 907, 966)),
    Concept("racing car", "a racing car", "thing", _in(751), ("car", "vehicle")),
    Concept("car", "a car", "thing", _in(436, 468, 479, 511, 581, 609, 627, 656, 661, 717, 751, 817), ("vehicle",)),
    Concept("train", "a train", "thing", _in(466, 547, 565, 705, 820), ("vehicle",)),
    Concept("bus", "a bus or tram", "thing", _in(654, 779, 829, 874), ("vehicle",)),
    Concept("bicycle", "a bicycle", "thing", _in(444, 671), ("vehicle",)),
    Concept("motorcycle", "a motorcycle", "thing", _in(665, 670), ("vehicle",)),
    Concept("plane", "an aeroplane", "thing", _in(404, 895), ("vehicle",)),
    Concept("parachute", "a parachute", "thing", _in(701)),
    Concept("balloon", "a balloon", "thing", _in(417)),
    Concept("sailing boat", "a sailing boat", "thing", _in(484, 780, 871, 914), ("boat", "vehicle", "water")),
    Concept("boat", "a boat", "thing",
            _in(472, 484, 554, 576, 625, 628, 693, 724, 780, 814, 871, 914), ("vehicle", "water")),
    Concept("vehicle", "a vehicle", "thing",
            _in((403, 405), 407, 408, 436, 444, 466, 468, 472, 484, 510, 511, 547, (554, 555), 565, 569, 573, 575, 576,
                586, 609, 625, (627, 628), 654, 656, 661, 665, 670, 671, 675, 705, 717, 724, 734, 751, 757, 779, 780,
                802, 803, 814, 817, 820, 829, 847, 864, 866, 867, 871, 874, 895, 914)),
    Concept("tent", "a tent", "thing", _in(672)),
    Concept("gun", "a gun", "thing", _in(413, 763, 764)),
    Concept("candle", "candles", "thing", _in(470)),
    Concept("instrument", "a musical instrument", "thing",
            _in(401, 402, 420, 432, 486, 513, 541, 546, 558, 566, 577, 579, 593, 594, 641, 642, 683, 684, 687, 699, 776,
                822, 875, 881, 889)),
    Concept("ball", "a ball", "thing", _in(429, 430, 522, 574, 722, 768, 805, 852, 890)),
    Concept("computer", "a computer or keyboard", "thing", _in(508, 527, 590, 620, 664, 673, 681, 810)),
    Concept("clock", "a clock", "thing", _in(409, 530, 604, 826, 892)),
    Concept("umbrella", "an umbrella", "thing", _in(879)),
    Concept("barrel", "barrels", "thing", _in(427, 756)),
    Concept("flower", "flowers", "thing"),
    Concept("fireworks", "fireworks", "sky", (), ("fire",)),
    Concept("fire", "fire", "sky"),
    Concept("lightning", "lightning", "sky"),
    Concept("space", "a starry sky", "sky"),
    Concept("sunset", "a sunset or sunrise", "sky"),
    Concept("sea", "the sea", "place", _in(978, 977), _WATER),
    Concept("lake", "a lake", "place", _in(975), _WATER),
    Concept("mountain", "mountains", "place", _in(970, 979), _LAND),
    Concept("cliff", "a rock face", "place", _in(972), _LAND),
    Concept("church", "a church or temple", "place", _in(442, 497, 663, 668, 832, 406), ("building",)),
    Concept("building", "a building", "place",
            _in(410, 425, 437, 442, 449, 483, 497, 500, 538, 580, 663, 668, 698, 832, 853, 858, 873, 900)),
    Concept("bridge", "a bridge", "place", _in(821, 839, 888)),
    Concept("fence", "a fence", "place", _in(489, 716, 912)),
    Concept("graves", "gravestones or crosses", "place"),
    Concept("water", "water", "place"),
    Concept("landscape", "open country", "place"),
    Concept("grass", "grass", "ground", (), _LAND),
    Concept("snow", "snow", "ground"),
)  # fmt: skip
NAMES = tuple(concept.name for concept in CONCEPTS)
PATTERNS = tuple(concept.name for concept in CONCEPTS if concept.is_pattern)
