"""A package index on loopback that asks for a password, and the little wheels that it serves."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "ada", "pass-w0rd"


def make_wheel(name: str, files: Mapping[str, str], version: str = "1.0") -> bytes:
    """Return a wheel with these files."""
    about = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(path, text)
    return stream.getvalue()


@dataclass
class IndexServer:
    """What the index has, and what it was asked for."""

    port: int
    password: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Below `/files/`, by name."""
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    """By project: each file's name and link."""
    moved: dict[str, str] = field(default_factory=dict)
    """Paths that are answered with another place."""
    as_html: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each request's path, with the password that came with it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    @property
    def url_with_password(self) -> str:
        return self.url.replace("//", f"//{USER}:{PASSWORD}@")

    def add(self, name: str, files: Mapping[str, str] | None = None, version: str = "1.0") -> None:
        """Publish a wheel."""
        file = f"{name}-{version}-py3-none-any.whl"
        self.files[file] = make_wheel(name, files or {f"{name}.py": f"VERSION = {version!r}\n"}, version)
        self.links.setdefault(name, {})[file] = f"../../files/{file}"

    def add_sdist(self, name: str, files: Mapping[str, str], version: str = "1.0") -> None:
        """Publish sources that must be built."""
        stream, about = io.BytesIO(), f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for path, text in {**files, "PKG-INFO": about}.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        file = f"{name}-{version}.tar.gz"
        self.files[file] = stream.getvalue()
        self.links.setdefault(name, {})[file] = f"../../files/{file}"

    def page(self, project: str) -> tuple[str, bytes]:
        """Return the content type and the text of a project's page."""
        if self.as_html:
            links = "".join(f'<a href="{link}" data-yanked>{n}</a>' for n, link in self.links[project].items())
            return "text/html", f"<html><body>{links}</body></html>".encode()
        hashes = {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in self.files.items()}
        files = [
            {"filename": n, "url": link, "hashes": hashes.get(n, {}), "upload-time": "2024-01-01T00:00:00Z"}
            for n, link in self.links[project].items()
        ]
        about = {"meta": {"api-version": "1.1"}, "name": project, "versions": ["1.0"], "files": files}
        return "application/vnd.pypi.simple.v1+json", json.dumps(about).encode()


@contextmanager
def index_server(password: str = PASSWORD) -> Iterator[IndexServer]:
    """Serve an index; without a password, everybody may ask."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent = self.headers.get("Authorization", "").removeprefix("Basic ")
            index.asked.append((self.path, base64.b64decode(sent).decode()))
            status, kind, content = self.find(index.asked[-1][1])
            self.send_response(status)
            if self.path in index.moved:
                self.send_header("Location", index.moved[self.path])
            if kind:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def find(self, sent: str) -> tuple[int, str, bytes]:
            _, folder, name, *_ = [*self.path.split("/"), "", ""]
            if index.password and sent != f"{USER}:{index.password}":
                return 401, "", b""
            if self.path in index.moved:
                return 302, "", b""
            if folder == "simple" and name in index.links:
                return 200, *index.page(name)
            if folder == "files" and name in index.files:
                return 200, "application/octet-stream", index.files[name]
            return 404, "", b""

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *about: object) -> None:
            pass  # whoever asked has gone away

    with Server(("127.0.0.1", 0), Handler) as server:
        index = IndexServer(server.server_address[1], password)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield index
        finally:
            server.shutdown()
