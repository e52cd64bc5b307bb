"""Loads what the first visitor would wait for, in the background once the page is up."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Run the whole chain once on a plain picture, ten seconds of music; whatever fails will be told when asked for."""
    import numpy as np

    from pipelines.records import Picture
    from pipelines.symbolic import SymbolicSettings, run
    from pipelines.symbolic.form import SHORTEST_S

    grey = Picture(np.full((64, 64, 3), 128, np.uint8), "grey", "")
    try:
        for _ in run(grey, SymbolicSettings(duration_s=SHORTEST_S)):
            pass
    except Exception as error:
        log.warning("not everything is ready: %s", error)
    else:
        log.info("the models are warm")


def warm_up_in_background() -> threading.Thread:
    """Start :func:`warm_up`; the thread does not keep the program alive."""
    thread = threading.Thread(target=warm_up, name="warm-up", daemon=True)
    thread.start()
    return thread
