"""Serves POST /v1/messages and GET /v1/models on 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from meta.demo.standin.edit_writer import is_asked_for_edits, write_edits
from meta.demo.standin.engineer import take_turn
from meta.demo.standin.knowledge import recognise_change
from meta.demo.standin.luck import LuckDraws
from meta.demo.standin.probe import answer_probe
from meta.demo.standin.reply import STAND_IN_MODEL, StandInAnswer, render_reply
from meta.demo.standin.request import BadRequest, StandInRequest, read_request

MAX_BODY_BYTES = 32 << 20


class StandIn(ThreadingHTTPServer):
    """Answers on a loopback port (0: any free one); the same seed, the same answers."""

    daemon_threads = True

    def __init__(self, seed: int = 0, port: int = 0) -> None:
        self.draws = LuckDraws(seed)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the reply to one request. Raises `BadRequest`."""
        request = read_request(body)
        return render_reply(request, self._say(request, body))

    def _say(self, request: StandInRequest, body: bytes) -> StandInAnswer:
        luck = self.draws.luck(request, body)
        if is_asked_for_edits(request):
            return write_edits(request, luck)
        change = recognise_change(request.messages[0].text)
        return take_turn(request, change, luck) if change else answer_probe(request, luck)


@contextlib.contextmanager
def serve_stand_in(seed: int = 0, port: int = 0) -> Iterator[str]:
    """Serve the stand-in from a thread, in a `with` block; yields its base URL."""
    with StandIn(seed, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.base_url
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a reply waits for the other side's delayed acknowledgement
    wbufsize = -1

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("content-length") or 0)
            if length > MAX_BODY_BYTES:
                self.close_connection = True
                raise BadRequest(413, "request_too_large", "Request exceeds the maximum size")
            body = self.rfile.read(length)
            if self.path.partition("?")[0] != "/v1/messages":
                raise BadRequest(404, "not_found_error", f"Not found: {self.path}")
            self._send(200, self.server.answer(body))
        except BadRequest as refused:
            self._send(refused.status, refused.body())

    def do_GET(self) -> None:
        model = {
            "type": "model",
            "id": STAND_IN_MODEL,
            "display_name": "Stand-in",
            "created_at": "2025-01-01T00:00:00Z",
        }
        path = self.path.partition("?")[0].rstrip("/")
        if path == "/v1/models":
            self._send(200, {"data": [model], "first_id": STAND_IN_MODEL, "last_id": STAND_IN_MODEL, "has_more": False})
        elif path == f"/v1/models/{STAND_IN_MODEL}":
            self._send(200, model)
        else:
            self._send(404, BadRequest(404, "not_found_error", f"Not found: {self.path}").body())

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the demo."""
