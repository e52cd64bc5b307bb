"""The waveform pipeline, after "Bridging Paintings and Music"."""
