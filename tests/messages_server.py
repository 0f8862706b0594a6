"""A server on loopback that speaks the Messages API and answers what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any] | tuple[int, bytes, dict[str, str]]
"""Content blocks wrapped as a message, or (status, raw body, headers)."""


def message(*content: dict[str, Any], stop_reason: str = "", **usage: int) -> dict[str, Any]:
    """A whole answer of the service, as its schema has it."""
    tools = any(block["type"] == "tool_use" for block in content)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted-1",
        "content": list(content),
        "stop_reason": stop_reason or ("tool_use" if tools else "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(tool: str, number: int = 1, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": given}


def error(status: int, kind: str, words: str = "no", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """An error as the service sends it."""
    body = {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_1"}
    return status, json.dumps(body).encode(), headers


class Served:
    """A running server: where it is, and the requests it has had (bodies as sent)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []


@contextlib.contextmanager
def serving(answer: Callable[[dict[str, Any], int], Answer]) -> Iterator[Served]:
    """Serve `answer(request body, how many came before)` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for a delayed acknowledgement

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            number = len(served.requests)
            served.requests.append(body)
            found = answer(body, number)
            status, raw, headers = found if isinstance(found, tuple) else (200, json.dumps(found).encode(), {})
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def script(*answers: Answer) -> Callable[[dict[str, Any], int], Answer]:
    """Answer these in turn; the last one for ever."""
    return lambda _, number: answers[min(number, len(answers) - 1)]
