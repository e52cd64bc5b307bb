"""The endpoints as the tools of an MCP server, by MCP's own client; that it is there only where it is asked for."""

import base64
import importlib.util
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gradio_client import handle_file
from test_page_api import ENDPOINTS, PICTURE, client_of, folder_for_programs, page_for_programs

import app

WITH_MCP = importlib.util.find_spec("mcp") is not None
NO_MCP = "the pip package mcp is not installed"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with folder_for_programs(tmp_path_factory.mktemp("cache")), page_for_programs(mcp=True) as url:
        yield url


@pytest.mark.skipif(not WITH_MCP, reason=NO_MCP)
def test_the_mcp_server_has_the_endpoints_as_tools_and_reads_a_picture(address: str) -> None:
    import anyio
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    uploaded = client_of(address).predict(handle_file(str(PICTURE)), api_name="/emotion")

    async def talk() -> tuple[Any, Any, Any]:
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as (receiving, sending, _),
            ClientSession(receiving, sending) as session,
        ):
            await session.initialize()
            tools = await session.list_tools()
            read = await session.call_tool("emotion", {"picture": data_address(PICTURE)})
            bad = await session.call_tool("symbolic", {"valence": 2.0})
            return tools.tools, read, bad

    with ThreadPoolExecutor(1) as pool:  # the browser tests leave a loop running in this thread
        tools, read, bad = pool.submit(anyio.run, talk).result()
    by_name = {tool.name: tool for tool in tools}
    assert sorted(by_name) == ENDPOINTS
    assert by_name["emotion"].description.startswith("Read the emotion that people would feel")
    assert all(",," not in tool.description and "Returns: " in tool.description for tool in tools)
    length = by_name["symbolic"].inputSchema["properties"]["duration_s"]
    assert (length["minimum"], length["maximum"], length["description"]) == (10, 180, "Length in seconds, 10 to 180.")
    assert not read.isError
    assert f"'valence': {uploaded['valence']}" in read.content[0].text
    assert bad.isError
    assert "needs both valence and arousal" in bad.content[0].text


def data_address(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize(("words", "variable", "asked"), [([], "", False), (["--mcp"], "", True), ([], "1", True)])
def test_the_mcp_server_is_there_on_request(
    monkeypatch: pytest.MonkeyPatch, words: list[str], variable: str, asked: bool
) -> None:
    seen: list[bool] = []
    monkeypatch.setenv("EKPHONIA_MODELS", "auto")
    monkeypatch.setenv(app.MCP_VARIABLE, variable)
    monkeypatch.setattr(app, "check_mcp", lambda: None)
    monkeypatch.setattr(app.demo, "launch", lambda **options: seen.append(options["mcp_server"]))
    monkeypatch.setattr(app.demo, "block_thread", lambda: None)
    app.main([*words, "--no-warm-up"])
    assert seen == [asked]


def test_without_the_package_the_mcp_server_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("EKPHONIA_MODELS", "auto")
    with pytest.raises(SystemExit) as end:
        app.main(["--mcp"])
    assert "pip install 'mcp<2' -c constraints.txt" in str(end.value)
    assert json.dumps(str(end.value)).count("\\n") == 0
