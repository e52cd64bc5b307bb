"""A stand-in for the model hub's side of uploads of models and data sets, beside that of Spaces in hub_server."""

import json
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

import yaml
from hub_server import SpaceHub, StandInSpace, _oid, _SpaceHandler, serve_spaces


class _RepositoryHandler(_SpaceHandler):
    def routes(self) -> dict[str, dict[str, str]]:
        return REPOSITORY_ROUTES

    def address(self, name: str) -> str:
        return f"{self.hub.url}/{name.removeprefix('models/')}"

    def do_HEAD(self) -> None:  # noqa: N802 (http.server names it so)
        self._route("HEAD")

    def _create(self) -> None:
        said = json.loads(self.body)
        kind = said.get("type") or "model"
        name = f"{kind}s/{said.get('organization') or self.hub.user}/{said['name']}"
        url = self.address(name)
        if name in self.hub.spaces:
            return self._answer({"error": "You already created it", "url": url}, 409)
        private = said.get("visibility") == "private" or bool(said.get("private"))
        self.hub.spaces[name] = StandInSpace(private=private, files={})
        return self._answer({"url": url, "name": name})

    def _info(self, name: str) -> None:
        if repository := self._space(name):
            files = [{"rfilename": path} for path in repository.files]
            told = {"sha": repository.commits[-1], "private": repository.private, "siblings": files}
            self._answer({"id": name.partition("/")[2]} | told)

    def _validate(self) -> None:
        header = yaml.safe_load(json.loads(self.body)["content"].split("---\n")[1])
        errors = [] if isinstance(header.get("license"), str) else [{"message": '"license" is required'}]
        self._answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def _model_batch(self, name: str) -> None:
        self._batch(f"models/{name}")

    def _paths_info(self, name: str) -> None:
        if repository := self._space(name):
            asked = json.loads(self.body)["paths"]
            self._answer([_entry(path, repository.files[path]) for path in asked if path in repository.files])

    def _tree(self, name: str, folder: str | None) -> None:
        if repository := self._space(name):
            begin = f"{unquote(folder)}/" if folder else ""
            own = {path: data for path, data in repository.files.items() if path.startswith(begin)}
            if not own and begin:
                return self._nothing("EntryNotFound")
            files = [_entry(path, data) for path, data in own.items() if "/" not in path[len(begin) :]]
            folders = {begin + path[len(begin) :].partition("/")[0] for path in own if "/" in path[len(begin) :]}
            self._answer(files + [{"type": "directory", "path": path, "oid": "0" * 40} for path in sorted(folders)])
        return None

    def _file(self, name: str, path: str) -> None:
        if repository := self._space(name):
            data = repository.files.get(unquote(path))
            if data is None:
                return self._nothing("EntryNotFound")
            self.send_response(200)
            self.send_header("ETag", f'"{_oid(data, large=False)}"')
            self.send_header("X-Repo-Commit", repository.commits[-1])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)
        return None


def _entry(path: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(data), "oid": _oid(data, large=False)}


NAME = r"[\w.-]+/[\w.-]+"
REPOSITORY = rf"/api/((?:datasets|models)/{NAME})"
REPOSITORY_ROUTES = {
    "GET": {
        "/api/whoami-v2": "_whoami",
        rf"{REPOSITORY}(?:/revision/\w+)?": "_info",
        rf"{REPOSITORY}/tree/\w+(?:/(.+))?": "_tree",
        rf"/(datasets/{NAME})/resolve/\w+/(.+)": "_file",
    },
    "HEAD": {rf"/(datasets/{NAME})/resolve/\w+/(.+)": "_file"},
    "POST": {
        "/api/repos/create": "_create",
        "/api/validate-yaml": "_validate",
        rf"{REPOSITORY}/preupload/main": "_preupload",
        rf"{REPOSITORY}/commit/main": "_commit",
        rf"{REPOSITORY}/paths-info/\w+": "_paths_info",
        rf"/(datasets/{NAME})\.git/info/lfs/objects/batch": "_batch",
        rf"/({NAME})\.git/info/lfs/objects/batch": "_model_batch",
    },
    "PUT": {},
}


def serve_repositories(hub: SpaceHub) -> AbstractContextManager[SpaceHub]:
    """Serve what the clients need to fill repositories, which stand in `hub.spaces` as "datasets/me/name"."""
    return serve_spaces(hub, _RepositoryHandler)
