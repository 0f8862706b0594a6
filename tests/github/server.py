"""GitHub on loopback: real HTTP, GraphQL and REST, over a made-up world; it can be told to fail in many ways."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.github import rest
from tests.github.answering import answer

Data = dict[str, Any]


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    status: int = 0
    kind: str = ""
    answered: Any = None
    """What came back, with its status and content type; nothing where a fault stood in its place."""


@dataclass
class Fault:
    """An answer that is given instead of the real one."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Hang up in the middle of the body."""


@dataclass
class GitHubServer:
    """What is served, what has been asked, and what goes wrong: `faults` may answer any request in its place."""

    pulls: list[Data] = field(default_factory=list)
    issues: list[Data] = field(default_factory=list)
    repository: str = "team/app"
    main: str = "main"
    permissions: dict[str, str] = field(default_factory=dict)
    diffs: dict[str, str] = field(default_factory=dict)
    faults: Callable[[Request], Fault | None] = lambda request: None
    remaining: int = 4000
    origin: Path | None = None
    """A bare repository that is fetched from and pushed to at REPOSITORY.git, by `git_password` alone."""
    git_password: str = ""
    git_requests: list[Request] = field(default_factory=list)
    schema: Any = None
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    more: dict[str, Callable[[Request, re.Match[str]], tuple[int, Any]]] = field(default_factory=dict)
    """The rest of the REST API: "METHOD /path/regex" to an answer."""

    @property
    def queries(self) -> list[Request]:
        return [r for r in self.requests if r.path.endswith("/graphql")]

    def root(self) -> Data:
        nodes = {node["id"]: node for node in [*self.pulls, *self.issues]}
        nodes |= {t["id"]: t for p in self.pulls for t in p["reviewThreads"]}

        def numbered(items: list[Data], number: int) -> Data | None:
            return next((item for item in items if item["number"] == number), None)

        repository = {
            "__typename": "Repository",
            "id": "R_1",
            "nameWithOwner": self.repository,
            "defaultBranchRef": {"name": self.main},
            "pullRequests": lambda **_: self.pulls,
            "pullRequest": lambda number, **_: numbered(self.pulls, number),
            "issue": lambda number, **_: numbered(self.issues, number),
            "issueOrPullRequest": lambda number, **_: numbered([*self.issues, *self.pulls], number),
        }
        return {
            "rateLimit": {"cost": 1, "remaining": self.remaining, "resetAt": "2026-03-01T10:00:00Z"},
            "repository": lambda owner, name, **_: repository if f"{owner}/{name}" == self.repository else None,
            "nodes": lambda ids: [nodes.get(i) for i in ids],
            "node": lambda id: nodes.get(id),
        }

    def answer(self, request: Request) -> tuple[int, Any, str]:
        """Status, body and content type."""
        if request.path.endswith("/graphql"):
            told = answer(request.body["query"], request.body.get("variables") or {}, self.root(), self.schema)
            if (told.get("data") or {}).get("repository", 0) is None:
                told["errors"] = [{"type": "NOT_FOUND", "message": "Could not resolve to a Repository", "path": []}]
            return 200, told, "application/json"
        path = request.path.removeprefix("/api/v3")
        if "diff" in request.headers.get("accept", "") and path in self.diffs:
            return 200, self.diffs[path], "application/vnd.github.diff"
        if found := re.fullmatch(rf"/repos/{self.repository}/collaborators/([^/]+)/permission", path):
            role = self.permissions.get(found[1], "none")
            return 200, rest.permission(self.url, found[1], role), "application/json"
        for pattern, handler in self.more.items():
            method, _, expression = pattern.partition(" ")
            if request.method == method and (match := re.fullmatch(expression, path)):
                return *handler(request, match), "application/json"
        return 404, rest.missing(), "application/json"


def _over_git(served: GitHubServer, request: Request, raw: bytes, query: str) -> Fault:
    """What `git http-backend` answers to somebody who signed in."""
    served.git_requests.append(request)
    wanted = base64.b64encode(f"x-access-token:{served.git_password}".encode()).decode()
    if served.origin is None or request.headers.get("authorization") != f"Basic {wanted}":
        return Fault(401, b"", {"WWW-Authenticate": "Basic"})
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(served.origin),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": "x-access-token",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": query,
        "PATH_INFO": request.path.removeprefix(f"/{served.repository}.git"),
        "CONTENT_LENGTH": str(len(raw)),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
    }
    done = subprocess.run(["git", "http-backend"], input=raw, env=environment, capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    return Fault(int(headers.pop("Status", "200")[:3]), body, headers)


@contextlib.contextmanager
def github(**world: Any) -> Iterator[GitHubServer]:
    """Serve a world until the block ends."""
    served = GitHubServer(**world)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for a delayed acknowledgement

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            if parts.path.startswith(f"/{served.repository}.git/"):
                given = _over_git(served, Request(self.command, parts.path, query, None, headers), raw, parts.query)
                self._reply(given.status, given.body, given.headers.pop("Content-Type", ""), given.headers, cut=False)
                return
            request = Request(self.command, parts.path, query, json.loads(raw) if raw else None, headers)
            served.requests.append(request)
            fault = served.faults(request)
            if fault:
                self._reply(fault.status, fault.body, "application/json", fault.headers, fault.cut)
                return
            request.status, request.answered, request.kind = served.answer(request)
            body = request.answered if isinstance(request.answered, str) else json.dumps(request.answered)
            self._reply(request.status, b"" if request.status == 204 else body.encode(), request.kind, {}, cut=False)

        def _reply(self, status: int, body: bytes, kind: str, headers: dict[str, str], cut: bool) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body) + (1000 if cut else 0)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if cut:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
