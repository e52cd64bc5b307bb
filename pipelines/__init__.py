"""Ekphonia's two chains from a picture to music.

::

    file - picture.py - Picture - emotion.py - Emotion (five labels, valence, arousal)
                           |                      |
           +---------------+----------+-----------+---------------+
      waveform/                       |          symbolic/
        caption.py   Caption          |            composer.py     Score, note by note
        prompt.py    MusicPrompt      |            piano_roll.py   picture of the Score
        musicgen.py  Audio, chunk by  |            synthesize.py   Audio, by FluidSynth
                     chunk            |
           +---------------+----------+-----------+---------------+
                     hearing.py  Emotion heard in the result

A chain is a generator of :class:`pipelines.records.Step`. Importing this package imports nothing else.
"""
