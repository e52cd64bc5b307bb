"""Loads what the first visitor would wait for, in the background once the page is up."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Run each chain once on a plain picture, ten seconds of music; whatever fails will be told when asked for."""
    import numpy as np

    from page.settings_panel import settings_from
    from pipelines.chains import run_chain
    from pipelines.records import Picture
    from pipelines.settings import SHORTEST_S

    grey = Picture(np.full((64, 64, 3), 128, np.uint8), "grey", "")
    for chain, settings in settings_from(duration=SHORTEST_S).items():
        try:
            for _ in run_chain(chain, grey, settings, {}):
                pass
        except Exception as error:
            log.warning("the %s chain is not ready: %s", chain, error)
        else:
            log.info("the %s chain is warm", chain)


def warm_up_in_background() -> threading.Thread:
    """Start :func:`warm_up`; the thread does not keep the program alive."""
    thread = threading.Thread(target=warm_up, name="warm-up", daemon=True)
    thread.start()
    return thread
