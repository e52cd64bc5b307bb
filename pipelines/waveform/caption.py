"""Picture and Emotion → Caption: what the picture shows, in a sentence or two.

In: :class:`pipelines.records.Picture` and :class:`pipelines.records.Emotion`. Out: :class:`pipelines.records.Caption`.

Two captioners: the paper's BLIP large (`caption_blip.py`), and the embedded one, which looks at the picture with
EfficientNet-lite, names what it may be sure of (`caption_things.py`), and measures colours (`caption_colours.py`),
light and composition (`caption_scene.py`). The emotion's label opens the caption of either (paper, section III-B).

Conventions
-----------
The same picture and emotion give the same caption. A mirrored picture is told to show the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled, never
from pipelines.models import compute_on_one_thread
from pipelines.records import Caption, Emotion, Picture
from pipelines.waveform.caption_blip import open_blip
from pipelines.waveform.caption_colours import oklab, palette, small
from pipelines.waveform.caption_scene import layout_of, light_of
from pipelines.waveform.caption_things import Knowledge, Thing, class_scores, load_knowledge
from pipelines.waveform.caption_words import describe


class Captioner(Protocol):
    """What captions a picture, with the name of who made the caption and the licence of the weights."""

    @property
    def made_by(self) -> str:
        """What the page shows beside the caption."""

    @property
    def licence(self) -> str:
        """Licence of the weights."""

    def caption(self, picture: Picture, emotion: Emotion, *, cancelled: Cancelled = never) -> Caption:
        """Say what the picture shows. Raises StoppedError once `cancelled` answers True."""


@dataclass(frozen=True, eq=False)
class EmbeddedCaptioner:
    """The captioner of classes, colours and light, loaded."""

    entry: ModelEntry
    knowledge: Knowledge

    @property
    def made_by(self) -> str:
        """What the page shows beside the caption."""
        return self.entry.made_by

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.entry.licence

    def caption(self, picture: Picture, emotion: Emotion, *, cancelled: Cancelled = never) -> Caption:
        """Describe the picture in 15 to 45 words; what it claims to see it is sure of, a guess is marked "perhaps".

        Raises:
            ModelMissingError: the packages that hold the networks are not installed.
            StoppedError: `cancelled` answered True; it is asked before each of the views.
        """
        compute_on_one_thread()
        lab = oklab(small(picture.rgb))
        colours = palette(lab)
        things = [] if colours.even else self._things(picture, cancelled)
        layout = layout_of(lab, sides=picture.width / picture.height)
        return Caption(describe(emotion, things, colours, light_of(lab), layout))

    def _things(self, picture: Picture, cancelled: Cancelled) -> list[Thing]:
        return self.knowledge.seen(class_scores(picture.rgb, cancelled=cancelled))


def open_captioner(entry: ModelEntry) -> Captioner:
    """Make ready the captioner that the entry names; loaded once per process, threads may call.

    Raises:
        WeightsError: the embedded captioner's weights are missing, damaged or of another version.
        ModelMissingError: the paper's model is not on this machine.
        ModelFailedError: the paper's model cannot be loaded.
    """
    return EmbeddedCaptioner(entry, load_knowledge()) if entry.embedded else open_blip(entry)
