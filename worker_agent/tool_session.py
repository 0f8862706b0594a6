"""The outside end of the tool host: starts it in the sandbox, asks for schemas, makes calls, bounds both."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import Any

from worker_agent.records import Environment
from worker_agent.sandbox import Job, Mount, Sandbox, SandboxLimits, interpreter_mounts, reap, start
from worker_agent.surface import Surface

_ANSWER_BYTES = 8 << 20


class ToolHostDied(Exception):
    """The tool host ended, or could not be started; the message carries what it last said."""


class ToolTimeout(Exception):
    """A call took longer than it may. The tool host was ended; the next call starts a new one."""


class ToolSession:
    """One tool host for one run. Not thread-safe: a run makes one call at a time.

    Use as a context manager; leaving it ends everything that the tools have started.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        workspace: Path,
        environment: Environment,
        surface: Surface,
        limits: SandboxLimits = SandboxLimits(),
    ) -> None:
        self._sandbox, self._workspace, self._environment = sandbox, workspace, environment
        self._surface, self._limits = surface, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def __enter__(self) -> ToolSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def schemas(self, seconds: float = 30.0) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """The tools' definitions for the Messages API, and why each other tool did not load."""
        # The same tools in the same environment: asked once, so that a run that calls none starts no process.
        key = (_digest(self._surface), self._environment.path, self._sandbox.name)
        if key not in _schemas:
            answer = self._ask({"op": "schemas"}, seconds)
            if len(_schemas) > _MOST_SCHEMAS:
                _schemas.clear()
            found = answer.get("tools", []), answer.get("errors", {})
            if found[1]:
                return found
            _schemas[key] = found
        return _schemas[key]

    def call(self, tool: str, given: dict[str, Any], seconds: float) -> tuple[str, bool]:
        """Run a tool: what to show the model, and whether it is an error."""
        try:
            answer = self._ask({"op": "call", "tool": tool, "input": given}, seconds)
        except ToolTimeout:
            return (
                f"{tool} did not finish within {seconds:g} s and was stopped, with all it had started",
                True,
            )
        except ToolHostDied as death:
            return f"{tool} ended the tool host: {death}", True
        return (str(answer.get("result", "")), False) if answer.get("ok") else (str(answer.get("error")), True)

    def files(self) -> list[str]:
        """Paths of the workspace's files, relative to its root, sorted."""
        return list(self._ask({"op": "list"}, 60.0).get("files", []))

    def read(self, path: str) -> str | None:
        """A file's text, or `None` when it cannot be read."""
        answer = self._ask({"op": "read", "path": path}, 60.0)
        return str(answer["result"]) if answer.get("ok") else None

    def write(self, path: str, text: str) -> str | None:
        """Write a file in the workspace; the reason when that was refused, else `None`."""
        answer = self._ask({"op": "write", "path": path, "text": text}, 60.0)
        return None if answer.get("ok") else str(answer.get("error"))

    def close(self) -> None:
        if self._process:
            reap(self._process)
        self._process, self._buffer = None, b""

    def _open(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is None:
            return self._process
        self.close()
        program = Mount(Path(__file__).with_name("toolhost.py"), "/toolhost/toolhost.py")
        tools = Mount(self._surface.root / "tools", "/toolhost/tools")
        environment = self._environment
        job = Job(
            argv=[
                os.path.realpath(_interpreter()), "-I", "-S", self._sandbox.mounted(program),
                self._sandbox.mounted(tools), *self._surface.config.tools,
            ],
            workspace=self._workspace,
            mounts=[*interpreter_mounts(), *(Mount(m) for m in environment.mounts), program, tools],
            path=environment.path,
            variables={
                **environment.variables,
                "WORKER_TEST_COMMAND": environment.test_command,
                "WORKER_COMMAND_SECONDS": str(self._surface.config.limits.command_seconds),
            },
            limits=self._limits,
        )  # fmt: skip
        self._process = start(self._sandbox, job, stdin=subprocess.PIPE)
        return self._process

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        process = self._open()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._line(process, time.monotonic() + seconds)
        except BrokenPipeError:
            words = self._last_words(process)
            self.close()
            raise ToolHostDied(words) from None
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            # Before the host has taken stdout for itself, the sandbox's own complaints arrive there.
            self.close()
            raise ToolHostDied(line.decode("utf-8", "replace").strip()[:500]) from None
        if not isinstance(answer, dict):
            raise ToolHostDied("the tool host answered something else than an object")
        return answer

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.close()
                    raise ToolTimeout
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                if not chunk or len(self._buffer) > _ANSWER_BYTES:
                    raise BrokenPipeError
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        words = self._buffer.decode("utf-8", "replace").strip()[-500:]
        return words or f"exit code {process.poll()}"


_MOST_SCHEMAS = 200
_schemas: dict[tuple[object, ...], tuple[list[dict[str, Any]], dict[str, str]]] = {}


def _digest(surface: Surface) -> str:
    """What the tools' schemas depend on: which are wanted, and all that lies beside them."""
    digest = hashlib.sha256(repr(surface.config.tools).encode())
    for file in sorted((surface.root / "tools").rglob("*")):
        if file.is_file():
            digest.update(b"%s\0%s\0" % (str(file.relative_to(surface.root)).encode(), file.read_bytes()))
    return digest.hexdigest()


def _interpreter() -> str:
    import sys

    return sys.executable
