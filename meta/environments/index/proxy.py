"""Serves the person's package indexes on a unix socket, for a sandbox to use.

    /INDEX/simple/PROJECT/        the page of a project
    /INDEX/links/                 the page of a flat index
    /INDEX/files/PROJECT/FILE     a file that such a page links to, and no other

Only GET and HEAD are answered. Passwords are added here, and only toward the index that they belong to.
"""

from __future__ import annotations

import contextlib
import re
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from meta.environments.index.guarded_transport import GuardedTransport
from meta.environments.index.index_settings import IndexSettings, PackageIndex, origin_of
from meta.environments.index.pages import IndexPage, list_folder, rewrite_page

SOCKET_NAME = "index.sock"

_PATH = re.compile(
    r"/(?P<index>[0-9a-f]{12})/(simple/(?P<project>[A-Za-z0-9][A-Za-z0-9._-]*)/?|links/?"
    r"|files/(?P<owner>-|[A-Za-z0-9][A-Za-z0-9._-]*)/(?P<file>[^/?]+))"
)
_PASSED_ON = ("accept", "range", "if-none-match", "if-modified-since", "if-range")
_PASSED_BACK = (
    *("content-type", "content-length", "content-range", "accept-ranges"),
    *("etag", "last-modified", "cache-control"),
)
_FRESH = "max-age=600"
"""How long a page may be used again where the index does not say, as public indexes do."""
_PAGE_BYTES = 256 << 20
_FAILURES = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError, OSError),
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
)


@contextlib.contextmanager
def serve_indexes(settings: IndexSettings) -> Iterator[Path]:
    """Serve the indexes while the context is open; yield the folder of the socket."""
    tls = httpx.create_ssl_context()
    tls.load_default_certs()
    for file in settings.certificates:
        tls.load_verify_locations(file)
    named = {index.origin for index in settings.indexes if index.configured}
    client = httpx.Client(
        transport=GuardedTransport(named, tls), follow_redirects=True, timeout=60, headers={"user-agent": "meta"}
    )
    # A socket's path has room for 107 bytes, which a folder of one's own for temporary files may exceed.
    short = None if len(tempfile.gettempdir()) < 60 else "/tmp"
    with client, tempfile.TemporaryDirectory(prefix="meta-index-", dir=short) as folder:
        source = _Source({index.id: index for index in settings.indexes}, client)
        with _Server(str(Path(folder) / SOCKET_NAME), source) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), name="index proxy", daemon=True).start()
            try:
                yield Path(folder)
            finally:
                server.shutdown()


class _Absent(Exception):
    """The index has nothing by that name."""


@dataclass
class _Source:
    """What the real indexes have."""

    indexes: dict[str, PackageIndex]
    client: httpx.Client
    pages: dict[tuple[str, str], IndexPage] = field(default_factory=dict)

    def open_page(self, index: PackageIndex, project: str, headers: dict[str, str]) -> httpx.Response:
        """Return the rewritten page of a project, or of a flat index for the project "-"."""
        answer = self._open(index, index.url if index.flat else f"{index.url}/{project}/", headers)
        if answer.status_code != 200:
            return answer
        content = b""
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > _PAGE_BYTES:
                raise _Absent("the page is too long")
        place, kind = f"/{index.id}/files/{project}/", answer.headers.get("content-type", "text/html")
        page = self.pages[index.id, project] = rewrite_page(content, kind, str(answer.url), place)
        kept = {name: value for name, value in answer.headers.items() if name in ("etag", "cache-control")}
        answer.close()
        headers = {"cache-control": _FRESH, **kept, "content-type": kind}
        return httpx.Response(200, headers=headers, content=page.content)

    def open_file(self, index: PackageIndex, project: str, name: str, headers: dict[str, str]) -> httpx.Response:
        """Return a file that the project's page links to. Raises `_Absent`."""
        if (index.id, project) not in self.pages:
            self.open_page(index, project, {"accept": headers.get("accept", "*/*")}).close()
        files = self.pages.get((index.id, project), IndexPage(b"")).files
        if name in files:
            return self._open(index, files[name], headers)
        whole = name.removesuffix(".metadata")
        if whole in files:
            parts = urlsplit(files[whole])
            return self._open(index, parts._replace(path=f"{parts.path}.metadata").geturl(), headers)
        raise _Absent("the index has no such file")

    def _open(self, index: PackageIndex, url: str, headers: dict[str, str]) -> httpx.Response:
        if origin_of(url)[0] == "file":
            return _open_local(index, Path(unquote(urlsplit(url).path)))
        auth = (index.username, index.password) if index.username and origin_of(url) == index.origin else None
        request = self.client.build_request("GET", url, headers=headers)
        return self.client.send(request, auth=auth, stream=True)


def _open_local(index: PackageIndex, path: Path) -> httpx.Response:
    """Return a file of a local index, or the listing of a folder."""
    if index.origin[0] != "file":
        raise _Absent("only a local index may link to local files")
    if path.is_dir() and not (path / "index.html").is_file() and index.flat:
        return httpx.Response(200, content=list_folder(path), request=httpx.Request("GET", f"{path.as_uri()}/"))
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file():
        return httpx.Response(404, request=httpx.Request("GET", path.as_uri()))
    kind = "text/html" if path.suffix == ".html" else "application/octet-stream"
    request = httpx.Request("GET", path.as_uri())
    return httpx.Response(200, headers={"content-type": kind}, content=path.read_bytes(), request=request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        try:
            with contextlib.closing(self._find_answer()) as answer:
                self._pass_back(answer)
        except _Absent as why:
            self._refuse(404, str(why))
        except _FAILURES as error:
            self._refuse(502, f"the package index does not answer: {error}")

    do_HEAD = do_GET

    def _find_answer(self) -> httpx.Response:
        source, found = self.server.source, _PATH.fullmatch(self.path.partition("?")[0])
        index = source.indexes.get(found["index"]) if found else None
        if not found or not index:
            raise _Absent("the proxy serves package indexes alone")
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        if found["file"]:
            wanted = {**headers, "accept-encoding": "identity"}
            return source.open_file(index, found["owner"], unquote(found["file"]), wanted)
        return source.open_page(index, found["project"] or "-", headers)

    def _pass_back(self, answer: httpx.Response) -> None:
        names = [name for name in _PASSED_BACK if name in answer.headers]
        if "content-encoding" in answer.headers:  # what is passed back is decoded
            names.remove("content-length")
        has_body = self.command != "HEAD" and answer.status_code not in (204, 304)
        chunked = has_body and "content-length" not in names
        self.send_response(answer.status_code)
        for name in names:
            self.send_header(name, answer.headers[name])
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if not has_body:
            return
        try:
            for chunk in filter(None, answer.iter_bytes()):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk)
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")
        except _FAILURES:
            self.close_connection = True  # the other end sees that the body is cut short

    def _refuse(self, status: int, words: str) -> None:
        content = words.encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("content-type", "text/plain; charset=utf-8")
            self.send_header("content-length", str(len(content)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)
        self.close_connection = True

    def address_string(self) -> str:
        return "sandbox"  # a unix socket's other end has no name

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, path: str, source: _Source) -> None:
        super().__init__(path, _Handler)
        self.source = source

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the other end has gone away
