"""A stand-in for the model hub's HTTP interface on this machine, so that the real client library runs in tests."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

COMMIT = hashlib.sha1(b"stand-in").hexdigest()


@contextmanager
def serve_hub(repositories: dict[str, dict[str, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Serve models, by id the bytes of each file; yields the address and the growing list of requests."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            requests.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/"):
                self._tell_model(path.removeprefix("/api/models/").partition("/revision/")[0])
            elif "/resolve/" in path:
                model, _, rest = path[1:].partition("/resolve/")
                self._send_file(repositories.get(model, {}).get(rest.partition("/")[2]), body=body)
            else:
                self.send_error(404)

        def _tell_model(self, model: str) -> None:
            if model not in repositories:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            files = [{"rfilename": name, "size": len(data)} for name, data in repositories[model].items()]
            text = json.dumps({"id": model, "modelId": model, "sha": COMMIT, "siblings": files}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _send_file(self, data: bytes | None, *, body: bool) -> None:
            if data is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if begin else 200)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            if body:
                self.wfile.write(data[begin:])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
    finally:
        server.shutdown()
        server.server_close()


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Make `url` the hub of this process until the test ends."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


TOKEN = "hf_" + "standin" * 4
LFS_SUFFIXES = (".safetensors", ".png", ".jpg", ".woff2", ".parquet")


@dataclass
class StandInSpace:
    """A Space as the hub keeps it: files by path, what was set, and the stages that it will tell, the last for good."""

    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors filter=lfs\n"})
    variables: dict[str, str] = field(default_factory=dict)
    hardware: str = "cpu-basic"
    private: bool = False
    stages: list[str] = field(default_factory=lambda: ["BUILDING", "APP_STARTING", "RUNNING"])
    error: str | None = None
    sdk: str | None = None
    commits: list[str] = field(default_factory=lambda: [COMMIT])


@dataclass
class SpaceHub:
    """The hub's side of Spaces: who is asking, which Spaces there are, and what was asked, in order."""

    spaces: dict[str, StandInSpace] = field(default_factory=dict)
    user: str = "me"
    role: str = "write"
    asked: list[str] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)  # an HTTP status for each path's end
    xet: Path | None = None  # a folder in which the client keeps what it would send to Xet
    url: str = ""


@contextmanager
def serve_spaces(hub: SpaceHub, handler: "type[_SpaceHandler] | None" = None) -> Iterator[SpaceHub]:
    """Serve what the client needs to make and fill a Space; `hub` changes with it and is yielded with its address.

    Another `handler` serves other repositories.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler or _SpaceHandler,), {"hub": hub}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _SpaceHandler(BaseHTTPRequestHandler):
    hub: SpaceHub

    def routes(self) -> dict[str, dict[str, str]]:
        """The method that answers a pattern of addresses, by the verb."""
        return ROUTES

    def address(self, name: str) -> str:
        """Where a repository stands on the web."""
        return f"{self.hub.url}/spaces/{name}"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_PUT(self) -> None:
        self._route("PUT")

    def _route(self, method: str) -> None:
        path = self.path.partition("?")[0]
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.asked.append(f"{method} {path}")
        refused = next((status for end, status in self.hub.refuse.items() if path.endswith(end)), None)
        if refused is not None:
            return self._answer({"error": "not today"}, refused)
        if method == "PUT" and path.startswith("/lfs/"):  # a storage of its own, which asks for no token
            self.hub.blobs[path.removeprefix("/lfs/")] = self.body
            return self._answer({})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer({"error": "Invalid username or password."}, 401)
        for pattern, name in self.routes()[method].items():
            if found := re.fullmatch(pattern, path):
                return getattr(self, name)(*found.groups())
        return self._answer({"error": "no such address"}, 404)

    def _answer(self, what: object, status: int = 200) -> None:
        text = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _whoami(self) -> None:
        self._answer({"type": "user", "name": self.hub.user, "auth": {"accessToken": {"role": self.hub.role}}})

    def _create(self) -> None:
        said = json.loads(self.body)
        owner = said["organization"] or self.hub.user
        name = f"{owner}/{said['name']}"
        if name in self.hub.spaces:
            return self._answer({"error": "You already created it", "url": f"{self.hub.url}/spaces/{name}"}, 409)
        if owner != self.hub.user:
            return self._answer({"error": "You don't have the rights to create a space under this namespace"}, 403)
        private = said.get("visibility") == "private" or bool(said.get("private"))
        self.hub.spaces[name] = StandInSpace(private=private, sdk=said["sdk"])
        return self._answer({"url": f"{self.hub.url}/spaces/{name}", "name": name})

    def _space(self, name: str) -> StandInSpace | None:
        if name not in self.hub.spaces:
            self._nothing("RepoNotFound")
        return self.hub.spaces.get(name)

    def _nothing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _info(self, name: str) -> None:
        if space := self._space(name):
            files = [{"rfilename": path} for path in space.files]
            self._answer({"id": name, "sha": space.commits[-1], "private": space.private, "siblings": files})

    def _variables(self, name: str) -> None:
        if space := self._space(name):
            if self.body:
                said = json.loads(self.body)
                space.variables[said["key"]] = said["value"]
            self._answer({key: {"key": key, "value": value} for key, value in space.variables.items()})

    def _hardware(self, name: str) -> None:
        if space := self._space(name):
            space.hardware = json.loads(self.body)["flavor"]
            self._tell_runtime(space, "BUILDING")

    def _runtime(self, name: str) -> None:
        if space := self._space(name):
            uploaded = len(space.commits) > 1
            stage = (space.stages.pop(0) if len(space.stages) > 1 else space.stages[0]) if uploaded else "NO_APP_FILE"
            self._tell_runtime(space, stage)

    def _tell_runtime(self, space: StandInSpace, stage: str) -> None:
        hardware = {"current": space.hardware, "requested": space.hardware}
        told = {"stage": stage, "hardware": hardware, "sha": space.commits[-1], "errorMessage": space.error}
        self._answer(told)

    def _validate(self) -> None:
        readme = json.loads(self.body)["content"]
        try:
            header = yaml.safe_load(readme.split("---\n")[1])
            errors = [] if isinstance(header, dict) and header.get("sdk") else [{"message": '"sdk" is required'}]
        except (IndexError, yaml.YAMLError) as error:
            errors = [{"message": str(error)}]
        self._answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def _preupload(self, name: str) -> None:
        if space := self._space(name):
            answers = []
            for file in json.loads(self.body)["files"]:
                path = file["path"]
                large = path.endswith(LFS_SUFFIXES)
                oid = _oid(space.files[path], large=large) if path in space.files else None
                mode = "lfs" if large else "regular"
                answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            self._answer({"files": answers})

    def _batch(self, name: str) -> None:
        if self._space(name):
            objects = []
            for wanted in json.loads(self.body)["objects"]:
                action = {"upload": {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}}
                there = wanted["oid"] in self.hub.blobs
                objects.append(wanted if there else wanted | {"actions": action})
            self._answer({"transfer": "basic", "objects": objects})

    def _xet(self, name: str) -> None:
        """Xet's own client, in Rust, takes a folder for its storage; the hub gets the files' SHA-256."""
        if self._space(name):
            self._answer({"casUrl": f"local://{self.hub.xet}", "accessToken": "xet", "exp": int(time.time()) + 3600})

    def _commit(self, name: str) -> None:
        if space := self._space(name):
            lines = [json.loads(line) for line in self.body.splitlines()]
            if lines[0]["value"].get("parentCommit") not in (None, space.commits[-1]):
                return self._answer({"error": "A commit has happened since"}, 412)
            for line in lines[1:]:
                self._apply(space, line["key"], line["value"])
            space.commits.append(hashlib.sha1(space.commits[-1].encode() + self.body).hexdigest())
            url = f"{self.address(name)}/commit/{space.commits[-1]}"
            return self._answer({"commitUrl": url, "commitOid": space.commits[-1]})
        return None

    def _apply(self, space: StandInSpace, kind: str, value: dict[str, Any]) -> None:
        if kind == "file":
            space.files[value["path"]] = base64.b64decode(value["content"])
        elif kind == "lfsFile":
            space.files[value["path"]] = self.hub.blobs.get(value["oid"], value["oid"].encode())
        elif kind == "deletedFile":
            del space.files[value["path"]]
        else:
            raise ValueError(kind)


SPACE = r"/api/spaces/([\w.-]+/[\w.-]+)"
ROUTES = {
    "GET": {
        "/api/whoami-v2": "_whoami",
        f"{SPACE}(?:/revision/main)?": "_info",
        f"{SPACE}/variables": "_variables",
        f"{SPACE}/runtime": "_runtime",
        f"{SPACE}/xet-write-token/main": "_xet",
    },
    "POST": {
        "/api/repos/create": "_create",
        "/api/validate-yaml": "_validate",
        f"{SPACE}/variables": "_variables",
        f"{SPACE}/hardware": "_hardware",
        f"{SPACE}/preupload/main": "_preupload",
        f"{SPACE}/commit/main": "_commit",
        r"/spaces/([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch": "_batch",
    },
    "PUT": {},
}


def _oid(data: bytes, *, large: bool) -> str:
    """As git names a file, or as its large-file storage does."""
    return hashlib.sha256(data).hexdigest() if large else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
