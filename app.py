"""The page's server: `python app.py [--host ADDRESS] [--port NUMBER] [--allow-fetch] [--mcp]`.

Builds the page, opens it to browsers, then loads the models in the background. The environment variables
GRADIO_SERVER_NAME and GRADIO_SERVER_PORT stand in for the arguments; a free port from 7860 on is taken when none is
given. Visitors may fetch models from the hub where the server is reached from this machine alone, elsewhere only with
--allow-fetch or EKPHONIA_FETCH=1. With --mcp or EKPHONIA_MCP=1 the endpoints for programs are also the tools of an MCP
server, at /gradio_api/mcp.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")  # visitors share the cores; threads that wait for each other cost more

if os.environ.get("SPACES_ZERO_GPU"):  # on such a Space it must come before whatever imports torch
    import spaces  # noqa: F401

from page.layout import build
from page.models_panel import FETCH_VARIABLE, HOST_VARIABLE, check_page_models
from page.texts import i18n
from page.theme import head, theme
from page.warm import warm_up_in_background
from pipelines.errors import SettingsError

if os.environ.get("SPACES_ZERO_GPU"):
    from pipelines.waveform.musicgen_zero_gpu import lent_gpu

    lent_gpu()  # ZeroGPU refuses a page on which nothing asks for it when it starts

LARGEST_UPLOAD = "64mb"
MCP_VARIABLE = "EKPHONIA_MCP"

demo = build()


def launch_options() -> dict[str, Any]:
    """What `demo.launch` is given, whoever calls it."""
    return {
        "theme": theme(),
        "head": head(),
        "i18n": i18n(),
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "max_file_size": LARGEST_UPLOAD,
        "ssr_mode": False,
        "share": False,
    }


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    options = argparse.ArgumentParser(prog="python app.py", description="Open Ekphonia's page.")
    options.add_argument("--host", default=None, help="address to listen on; 127.0.0.1 by default, 0.0.0.0 for all")
    options.add_argument("--port", type=int, default=None, help="port to listen on; a free one from 7860 by default")
    options.add_argument("--allow-fetch", action="store_true", help="let every visitor fetch models from the model hub")
    options.add_argument("--no-warm-up", action="store_true", help="load models only when the first visitor needs them")
    options.add_argument("--mcp", action="store_true", help="serve the endpoints as tools of an MCP server as well")
    return options


def check_mcp() -> None:
    """Raise SettingsError where the package that an MCP server needs is not installed."""
    if importlib.util.find_spec("mcp") is None:
        cure = "install it with `pip install 'mcp<2' -c constraints.txt`"
        raise SettingsError(f"The MCP server needs the package mcp, which is not installed; {cure}.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = parser().parse_args(arguments)
    mcp = options.mcp or os.environ.get(MCP_VARIABLE) == "1"
    try:
        check_page_models()
        if mcp:
            check_mcp()
    except SettingsError as error:
        sys.exit(f"ekphonia: {error}")
    if options.host:
        os.environ[HOST_VARIABLE] = options.host
    if options.allow_fetch:
        os.environ[FETCH_VARIABLE] = "1"
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        address = {"server_name": options.host, "server_port": options.port}
        demo.launch(**address, prevent_thread_lock=True, mcp_server=mcp, **launch_options())
    except OSError as error:
        logging.getLogger(__name__).debug("could not listen", exc_info=error)
        sys.exit(f"ekphonia: The page cannot listen on port {options.port or 7860}; choose another with --port.")
    if not options.no_warm_up:
        warm_up_in_background()
    demo.block_thread()


if __name__ == "__main__":
    main()
