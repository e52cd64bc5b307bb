"""Ekphonia's errors: one root, a child for each kind of trouble.

The message is one sentence for a person: the value, the limit and the cure. The cause for an engineer is chained
(`raise … from`).
"""


class EkphoniaError(Exception):
    """Root of all errors that Ekphonia raises on purpose."""


class PictureError(EkphoniaError):
    """The file is not a picture that can be used."""


class EmptyPictureError(PictureError):
    """The file has no bytes."""


class NotAPictureError(PictureError):
    """The bytes are of no known picture format."""


class TruncatedPictureError(PictureError):
    """The picture's data ends early or is damaged."""


class PictureTooLargeError(PictureError):
    """The picture has more pixels than the limit."""


class PictureTooSmallError(PictureError):
    """The picture has fewer pixels on a side than the limit."""


class SettingsError(EkphoniaError):
    """A setting is outside its range."""


class ModelMissingError(EkphoniaError):
    """A model that was asked for is not on this machine."""


class HubError(EkphoniaError):
    """The model hub does not answer, or does not have what was asked of it."""


class ModelFailedError(EkphoniaError):
    """A model that is here cannot be loaded, or failed at its work: broken files, too little memory, no output."""


class WeightsError(EkphoniaError):
    """A weights file is missing, damaged or of another version."""


class SoundError(EkphoniaError):
    """Sound cannot be made."""


class SoundfontError(SoundError):
    """A soundfont is missing or damaged."""


class MidiError(EkphoniaError):
    """A MIDI file cannot be read or holds no notes."""


class DataMissingError(EkphoniaError):
    """A data set for training or evaluation is not on this machine."""


class StoppedError(EkphoniaError):
    """The person asked for it to stop."""
