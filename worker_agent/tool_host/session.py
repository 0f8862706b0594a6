"""The tool host's outside end.

It starts the host in the sandbox, sends it requests, and bounds what comes back in time and size.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import py_compile
import re
import selectors
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from worker_agent.answer import read_json
from worker_agent.records import Environment
from worker_agent.sandbox.job import (
    Mount,
    Sandbox,
    SandboxJob,
    SandboxLimits,
    SandboxUnavailable,
    interpreter_mounts,
)
from worker_agent.sandbox.process import kill_job, start_job
from worker_agent.surface import Surface
from worker_agent.tool_host.schemas import read_schemas

UNFINISHED_CALL = "did not finish"
"""In the text of a call that took too long."""
FATAL_CALL = "ended the tool"
"""In the text of a call that ended the tool host."""

_START_SECONDS, _MAX_WAIT_SECONDS = 60.0, 1e6
_MAX_ANSWER_BYTES = 8 << 20
_READY = b"ready\n"
"""What the host says before it loads a tool. Until then nothing but the machine can fail."""

_ANSWER_HEAD = re.compile(rb"(ok|error) (\d{1,9})\n")
"""The first line of an answer: whether all went well, and how many bytes follow."""


class ToolHostDied(Exception):
    """The tool host ended, or gave an answer that is none.

    A tool did this: tools run in the host's own process. The message is the last thing that the host said.
    """


class ToolTimeout(Exception):
    """A call took too long. The tool host was killed; the next call starts a new one."""


class ToolSession:
    """One run's tool host. Not thread-safe: a run makes one call at a time.

    A context manager; leaving it kills everything that the tools have started. Every method but `close` raises
    `SandboxUnavailable` if the host does not start although nothing has run in the sandbox yet.
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
        self._was_ready = False

    def __enter__(self) -> ToolSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def schemas(self, seconds: float = 30.0) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return the tools' definitions for the Messages API.

        Also returns, by name, why each other tool does not load. Raises `ToolHostDied` or `ToolTimeout` if a tool ends
        or stops the host while it loads.
        """
        # Cached for the same tools in the same environment, so that a run that calls no tool starts no process.
        key = (_tools_digest(self._surface), self._environment.path, self._sandbox.name)
        if key not in _schema_cache:
            found = read_schemas(self._request_json({"op": "schemas"}, seconds), self._surface.config.tools)
            if found[1]:
                return found
            if len(_schema_cache) > _MAX_CACHED_SCHEMAS:
                _schema_cache.clear()
            _schema_cache[key] = found
        return _schema_cache[key]

    def call(self, tool: str, arguments: dict[str, Any], seconds: float) -> tuple[str, bool]:
        """Run a tool. Return what to show the model, and whether it is an error."""
        try:
            text, ok = self._request({"op": "call", "tool": tool, "input": arguments}, seconds)
        except ToolTimeout:
            return f"{tool} {UNFINISHED_CALL} within {seconds:g} s and was stopped, with all it had started", True
        except ToolHostDied as death:
            return f"{tool} {FATAL_CALL} host: {death}", True
        return text.decode("utf-8", "replace"), not ok

    def files(self) -> list[str]:
        """Return the paths of the workspace's files, relative to its root, sorted."""
        found = self._request_json({"op": "list"}, 60.0)
        return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []

    def read(self, path: str) -> bytes | None:
        """Return what a file contains, or `None` if it cannot be read."""
        data, ok = self._request({"op": "read", "path": path}, 60.0)
        return data if ok else None

    def write(self, path: str, data: bytes) -> str | None:
        """Write a file in the workspace. Return why that was refused, or `None`."""
        reason, ok = self._request({"op": "write", "path": path, "data": data}, 60.0)
        return None if ok else reason.decode("utf-8", "replace")

    def close(self) -> None:
        if self._process:
            kill_job(self._process)
        self._process, self._buffer = None, b""

    def _ensure_host(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is None:
            return self._process
        self.close()
        program = Mount(_host_program(), f"/toolhost/{_host_program().name}")
        tools = Mount(self._surface.root / "tools", "/toolhost/tools")
        environment = self._environment
        job = SandboxJob(
            argv=[
                os.path.realpath(sys.executable),
                "-I",
                "-S",
                self._sandbox.mount_path(program),
                self._sandbox.mount_path(tools),
                *self._surface.config.tools,
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
        )
        self._process = start_job(self._sandbox, job, stdin=subprocess.PIPE)
        self._await_ready(self._process)
        return self._process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the host has taken over stdout.

        Until then the sandbox's own errors arrive there. They are the machine's fault, unless a tool has run before: it
        may have done to the workspace what keeps a sandbox from starting.
        """
        try:
            while not self._buffer.startswith(_READY):
                if b"\n" in self._buffer:
                    raise BrokenPipeError
                self._read_more(process, time.monotonic() + _START_SECONDS)
        except (BrokenPipeError, ToolTimeout) as error:
            words = "it did not start in time" if isinstance(error, ToolTimeout) else self._final_output(process)
            self.close()
            if self._was_ready:
                raise ToolHostDied(words) from None
            raise SandboxUnavailable(f"the sandbox does not start: {words}") from None
        self._buffer, self._was_ready = self._buffer.removeprefix(_READY), True

    def _request_json(self, request: dict[str, Any], seconds: float) -> Any:
        text, ok = self._request(request, seconds)
        if not ok:
            raise ToolHostDied(text.decode("utf-8", "replace"))
        try:
            return read_json(text)
        except ValueError as error:
            raise ToolHostDied(f"its answer is not JSON: {error}") from None

    def _request(self, request: dict[str, Any], seconds: float) -> tuple[bytes, bool]:
        """Return the answer, and whether all went well."""
        process, deadline = self._ensure_host(), time.monotonic() + seconds
        try:
            if self._buffer:
                raise ToolHostDied("a tool wrote to the host's output")
            self._send(process, marshal.dumps(request), deadline)
            return self._read_answer(process, deadline)
        except ToolHostDied:
            self.close()
            raise
        except BrokenPipeError:
            output = self._final_output(process)
            self.close()
            raise ToolHostDied(output) from None

    def _send(self, process: subprocess.Popen[bytes], data: bytes, deadline: float) -> None:
        """Write a request. A tool that still runs may keep the host from reading it."""
        assert process.stdin is not None
        descriptor = process.stdin.fileno()
        os.set_blocking(descriptor, False)
        rest = memoryview(data)
        while rest:
            self._await(descriptor, selectors.EVENT_WRITE, deadline)
            rest = rest[os.write(descriptor, rest) :]

    def _read_answer(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
        while b"\n" not in self._buffer:
            self._read_more(process, deadline)
        head = _ANSWER_HEAD.match(self._buffer)
        if not head:
            raise ToolHostDied(self._buffer.partition(b"\n")[0].decode("utf-8", "replace").strip()[:500])
        begin, end = head.end(), head.end() + int(head[2])
        if end > _MAX_ANSWER_BYTES:
            raise ToolHostDied(f"its answer is longer than {_MAX_ANSWER_BYTES >> 20} MB")
        while len(self._buffer) < end:
            self._read_more(process, deadline)
        data, self._buffer = self._buffer[begin:end], self._buffer[end:]
        return data, head[1] == b"ok"

    def _read_more(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        assert process.stdout is not None
        self._await(process.stdout.fileno(), selectors.EVENT_READ, deadline)
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk or len(self._buffer) > _MAX_ANSWER_BYTES:
            raise BrokenPipeError
        self._buffer += chunk

    def _await(self, descriptor: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            seconds_left = min(deadline - time.monotonic(), _MAX_WAIT_SECONDS)
            if seconds_left <= 0 or not selector.select(seconds_left):
                self.close()
                raise ToolTimeout("it did not answer in time")

    def _final_output(self, process: subprocess.Popen[bytes]) -> str:
        output = self._buffer.decode("utf-8", "replace").strip()[-500:]
        return output or f"exit code {process.poll()}"


_MAX_CACHED_SCHEMAS = 200
_schema_cache: dict[tuple[object, ...], tuple[list[dict[str, Any]], dict[str, str]]] = {}


def _tools_digest(surface: Surface) -> str:
    """Hash what the tools' schemas depend on.

    That is the names in agent.toml, and every file in tools/.
    """
    digest = hashlib.sha256(repr(surface.config.tools).encode())
    for file in sorted((surface.root / "tools").rglob("*")):
        if file.is_file():
            digest.update(b"%s\0%s\0" % (str(file.relative_to(surface.root)).encode(), file.read_bytes()))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _host_program() -> Path:
    """Return the compiled tool host, because every replay starts it.

    Returns its source if nothing can be written beside it.
    """
    source = Path(__file__).with_name("inside_host.py")
    try:
        return Path(py_compile.compile(str(source)) or source)
    except OSError:
        return source
