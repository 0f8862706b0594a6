"""The outside end of the tool host: starts it in the sandbox, asks for schemas, makes calls, bounds both."""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import py_compile
import re
import selectors
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from worker_agent.records import Environment
from worker_agent.sandbox.job import Mount, Sandbox, SandboxJob, SandboxLimits, interpreter_mounts
from worker_agent.sandbox.process import kill_job, start_job
from worker_agent.surface import Surface

_MAX_ANSWER_BYTES = 8 << 20

_ANSWER_HEAD = re.compile(rb"(ok|error) (\d{1,9})\n")
"""How an answer begins."""


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
        key = (_tools_digest(self._surface), self._environment.path, self._sandbox.name)
        if key not in _schema_cache:
            answer = self._ask_json({"op": "schemas"}, seconds)
            if len(_schema_cache) > _MAX_CACHED_SCHEMAS:
                _schema_cache.clear()
            found = answer["tools"], answer["errors"]
            if found[1]:
                return found
            _schema_cache[key] = found
        return _schema_cache[key]

    def call(self, tool: str, given: dict[str, Any], seconds: float) -> tuple[str, bool]:
        """Run a tool: what to show the model, and whether it is an error."""
        try:
            text, ok = self._ask({"op": "call", "tool": tool, "input": given}, seconds)
        except ToolTimeout:
            return (
                f"{tool} did not finish within {seconds:g} s and was stopped, with all it had started",
                True,
            )
        except ToolHostDied as death:
            return f"{tool} ended the tool host: {death}", True
        return text, not ok

    def files(self) -> list[str]:
        """Paths of the workspace's files, relative to its root, sorted."""
        return list(self._ask_json({"op": "list"}, 60.0))

    def read(self, path: str) -> str | None:
        """A file's text, or `None` when it cannot be read."""
        text, ok = self._ask({"op": "read", "path": path}, 60.0)
        return text if ok else None

    def write(self, path: str, text: str) -> str | None:
        """Write a file in the workspace; the reason when that was refused, else `None`."""
        words, ok = self._ask({"op": "write", "path": path, "text": text}, 60.0)
        return None if ok else words

    def close(self) -> None:
        if self._process:
            kill_job(self._process)
        self._process, self._buffer = None, b""

    def _open(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is None:
            return self._process
        self.close()
        program = Mount(_host_program(), f"/toolhost/{_host_program().name}")
        tools = Mount(self._surface.root / "tools", "/toolhost/tools")
        environment = self._environment
        job = SandboxJob(
            argv=[
                os.path.realpath(_python_program()),
                "-I",
                "-S",
                self._sandbox.mounted(program),
                self._sandbox.mounted(tools),
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
        return self._process

    def _ask_json(self, request: dict[str, Any], seconds: float) -> Any:
        text, ok = self._ask(request, seconds)
        if not ok:
            raise ToolHostDied(text)
        return json.loads(text)

    def _ask(self, request: dict[str, Any], seconds: float) -> tuple[str, bool]:
        """The answer's text, and whether all went well."""
        process = self._open()
        assert process.stdin is not None
        try:
            process.stdin.write(marshal.dumps(request))
            process.stdin.flush()
            return self._answer(process, time.monotonic() + seconds)
        except BrokenPipeError:
            words = self._last_words(process)
            self.close()
            raise ToolHostDied(words) from None

    def _answer(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[str, bool]:
        while not (head := self._head()):
            self._read(process, deadline)
        begin, end = head.end(), head.end() + int(head[2])
        while len(self._buffer) < end:
            self._read(process, deadline)
        text, self._buffer = self._buffer[begin:end], self._buffer[end:]
        return text.decode("utf-8", "replace"), head[1] == b"ok"

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                self.close()
                raise ToolTimeout
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk or len(self._buffer) > _MAX_ANSWER_BYTES:
            raise BrokenPipeError
        self._buffer += chunk

    def _head(self) -> re.Match[bytes] | None:
        """How the answer begins, once that is there."""
        line, complete, _ = self._buffer.partition(b"\n")
        head = _ANSWER_HEAD.match(self._buffer)
        if complete and not head:
            # Before the host has taken stdout for itself, the sandbox's own complaints arrive there.
            self.close()
            raise ToolHostDied(line.decode("utf-8", "replace").strip()[:500])
        return head

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        words = self._buffer.decode("utf-8", "replace").strip()[-500:]
        return words or f"exit code {process.poll()}"


_MAX_CACHED_SCHEMAS = 200
_schema_cache: dict[tuple[object, ...], tuple[list[dict[str, Any]], dict[str, str]]] = {}


def _tools_digest(surface: Surface) -> str:
    """What the tools' schemas depend on: which are wanted, and all that lies beside them."""
    digest = hashlib.sha256(repr(surface.config.tools).encode())
    for file in sorted((surface.root / "tools").rglob("*")):
        if file.is_file():
            digest.update(b"%s\0%s\0" % (str(file.relative_to(surface.root)).encode(), file.read_bytes()))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _host_program() -> Path:
    """The tool host, compiled, since it is started for every replay; its source where nothing can be written."""
    source = Path(__file__).with_name("inside_host.py")
    try:
        return Path(py_compile.compile(str(source)) or source)
    except OSError:
        return source


def _python_program() -> str:
    import sys

    return sys.executable
