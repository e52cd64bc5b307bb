"""The symbolic pipeline, after "Emotion-Guided Image to Music Generation"."""
