"""The stand-in model, with faults that can be switched on and off."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from meta.demo.standin.request import BadRequest
from meta.demo.standin.server import StandIn

Fault = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Service(ThreadingHTTPServer):
    """Serves the stand-in, or the fault in `trouble` while it is set.

    It counts requests and answers.
    """

    daemon_threads = True

    def __init__(self, seed: int) -> None:
        self.standin, self.trouble = StandIn(seed), None  # type: StandIn, Fault | None
        self.begun = self.answered = self.refused = 0
        """Worker conversations begun, requests answered, and requests that met a fault."""
        self.lock = threading.Lock()
        self._accepted = self._open = 0
        super().__init__(("127.0.0.1", 0), _Door)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def settled(self, seconds: float = 15.0) -> None:
        """Wait until requests of dead clients are counted; some may still be queued."""
        before, end = self._accepted, time.monotonic() + seconds
        with socket.create_connection(("127.0.0.1", self.server_address[1])):
            while self._accepted == before and time.monotonic() < end:  # queued connections are accepted in order
                time.sleep(0.01)
        while self._open and time.monotonic() < end:
            time.sleep(0.01)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self._accepted, self._open = self._accepted + 1, self._open + 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.lock:
            self._open -= 1


@contextlib.contextmanager
def serve_faults(seed: int) -> Iterator[Service]:
    """Run the service in a thread."""
    with Service(seed) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
            service.standin.server_close()


class _Door(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            asked = json.loads(body)
        except ValueError:  # the client was killed while sending
            self.close_connection = True
            return
        service = self.server
        if service.trouble:
            with service.lock:
                service.refused += 1
            service.trouble(self, asked)
            return
        with service.lock:
            service.begun += bool(asked.get("tools")) and len(asked["messages"]) == 1
        try:
            reply = service.standin.answer(body)
        except BadRequest as refused:
            send(self, refused.status, json.dumps(refused.body()).encode())
            return
        with service.lock:
            service.answered += 1
        with contextlib.suppress(OSError):  # the client may be dead
            send(self, 200, json.dumps(reply).encode())

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a killed client hangs up
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def send(to: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    to.send_response(status)
    sent = {"content-type": "application/json", "content-length": str(len(body))}
    for name, value in (sent | {k.replace("_", "-"): v for k, v in headers.items()}).items():
        to.send_header(name, value)
    to.end_headers()
    to.wfile.write(body)
    to.wfile.flush()


def status(code: int, kind: str, **headers: str) -> Fault:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "no"}}).encode()
    return lambda to, asked: send(to, code, body, **headers)


def _raw(body: bytes) -> Fault:
    return lambda to, asked: send(to, 200, body)


def _message(*content: dict[str, Any], stop: str = "end_turn") -> bytes:
    return json.dumps(
        {
            "id": "msg_x",
            "type": "message",
            "role": "assistant",
            "model": "stand-in",
            "content": list(content),
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }
    ).encode()


def _late(to: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    time.sleep(6)
    to.close_connection = True


def _cut(to: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        send(to, 200, _message({"type": "text", "text": "half"})[:60], content_length="4000")
    to.close_connection = True


def _call(name: str, **given: str) -> Fault:
    def fault(to: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        call = {"type": "tool_use", "id": f"toolu_{time.monotonic_ns()}", "name": name, "input": given}
        send(to, 200, _message(call, stop="tool_use"))

    return fault


FAULTS: dict[str, Fault] = {
    "401": status(401, "authentication_error"),
    "429 with retry-after": status(429, "rate_limit_error", retry_after="1"),
    "429": status(429, "rate_limit_error"),
    "529": status(529, "overloaded_error"),
    "500": status(500, "api_error"),
    "time-out": _late,
    "cut stream": _cut,
    "empty body": _raw(b""),
    "empty content": _raw(_message()),
    "no JSON": _raw(b"<html>we are sorry</html>"),
    "10 MB answer": _raw(_message({"type": "text", "text": "x" * 10_000_000})),
    "wrong tool names": _call("fly_to_the_moon", where="there"),
    "endless tool calls": _call("read_file", path="README.md"),
}
MODEL_FAULTS = frozenset({"wrong tool names", "endless tool calls"})
"""Faults of the model rather than its service: a run then ends at its limits, and has failed."""
