"""The sandbox in which environments are built: its only way out are the person's package indexes.

Foreign code may run in it: what a repository builds, and what the packages it names run when they are built or
imported. So a job names the folders that it may write to. uv's cache that all builds share is among them only where uv
runs alone: it may then build nothing, and starts no interpreter of an environment that holds packages.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meta.environments.index.index_settings import IndexSettings, PackageIndex, read_index_settings
from meta.environments.index.proxy import SOCKET_NAME, serve_indexes
from meta.environments.interpreters import find_python, find_uv, prefixes_of
from meta.errors import MetaError
from worker_agent.foreign_tree import temporary_folder
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import JobResult, Mount, Sandbox, SandboxJob, SandboxLimits, SandboxUnavailable
from worker_agent.sandbox.process import run_job

INPUT_PATH = "/run/meta/input.txt"
"""Where a job finds its input."""

_INSIDE = Path(__file__).with_name("inside")
_LIMITS = SandboxLimits(
    seconds=1200.0, memory_mb=16384, processes=4096, file_mb=4096, disk_mb=8192, output_bytes=200_000
)
_PORT = 8000
"""On the sandbox's own loopback; always the same, so that URLs in uv's cache stay the same."""


@dataclass(frozen=True)
class BuildJob:
    """What to run: a script of `inside/` by the base interpreter, or else uv with these arguments."""

    arguments: Sequence[str]
    tree: Path
    script: str = ""
    input: str = ""
    home: Path | None = None
    """The environment that the job may write to."""
    is_foreign: bool = False
    """Foreign code may run."""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildSandbox:
    """Runs the jobs of one build."""

    sandbox: Sandbox
    uv: Path
    python: Path
    base_prefix: Path
    indexes: IndexSettings
    socket: Path
    """The folder of the socket that leads to the indexes."""
    shared_cache: Path
    own_cache: Path

    def run(self, job: BuildJob) -> JobResult:
        """Run a job to its end. Its output names the real indexes, without passwords."""
        python = [str(self.python), "-I", "-S"]
        cache = self.own_cache if job.is_foreign else self.shared_cache
        mounts = [Mount(_INSIDE, "/run/meta/inside")]
        mounts += [Mount(p) for p in self._list_interpreter_folders() if not p.is_relative_to("/usr")]
        mounts += [Mount(job.home, writable=True)] if job.home else []
        if job.script:
            argv = [*python, f"/run/meta/inside/{job.script}", *job.arguments]
        else:
            mounts += [Mount(self.uv, "/run/meta/uv"), Mount(self.socket, "/run/meta/index")]
            mounts.append(Mount(cache, writable=True))
            forward = [*python, "/run/meta/inside/forward.py", str(_PORT), f"/run/meta/index/{SOCKET_NAME}"]
            argv = [*forward, "/run/meta/uv", "--directory", "/tmp", "--color", "never", *job.arguments]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="meta-input-") as given:
            given.write(job.input)
            given.flush()
            mounts.append(Mount(Path(given.name), INPUT_PATH))
            variables = {**self._list_variables(), "UV_CACHE_DIR": str(cache), **job.variables}
            done = run_job(self.sandbox, SandboxJob(argv, job.tree, mounts, variables, limits=_LIMITS))
        words = done.output
        for index in self.indexes.indexes:
            words = words.replace(_inside_url(index), index.url)
        return JobResult(done.returncode, words, done.timed_out, done.seconds)

    def _list_interpreter_folders(self) -> list[Path]:
        return list(dict.fromkeys([self.base_prefix, self.base_prefix.resolve(), self.python.parent.parent]))

    def _list_variables(self) -> dict[str, str]:
        """Return the settings of uv, and of the pip that some build scripts run."""
        extra = [_inside_url(index) for index in self.indexes.extra]
        default = _inside_url(self.indexes.default) if self.indexes.default else ""
        names = {"UV_FIND_LINKS": extra, "PIP_FIND_LINKS": extra, "UV_NO_INDEX": ["1"], "PIP_NO_INDEX": ["1"]}
        if default:
            names = {"UV_INDEX": extra, "PIP_EXTRA_INDEX_URL": extra}
            names |= {"UV_DEFAULT_INDEX": [default], "PIP_INDEX_URL": [default]}
        given = {name: " ".join(words) for name, words in names.items() if words}
        fixed = {"UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
        return {**self.indexes.resolver, **given, **fixed}


def _inside_url(index: PackageIndex) -> str:
    return f"http://127.0.0.1:{_PORT}/{index.id}/{'links' if index.flat else 'simple'}"


@contextlib.contextmanager
def open_build_sandbox(version: str, cache: Path) -> Iterator[BuildSandbox]:
    """Find uv, the interpreter and the indexes, and serve them while the context is open.

    Raises `MetaError` when one of them is missing.
    """
    (cache / "uv").mkdir(parents=True, exist_ok=True)
    python, uv, indexes = find_python(version), find_uv(), read_index_settings()
    base_prefix = prefixes_of(str(python))[1]
    try:
        sandbox = open_sandbox("bubblewrap")
    except SandboxUnavailable as missing:
        why = f"building an environment needs bubblewrap, whatever sandbox replays run in: {missing.message}"
        raise MetaError(why, missing.remedy) from None
    with temporary_folder(cache, ".build-") as own, serve_indexes(indexes) as socket:
        yield BuildSandbox(sandbox, uv, python, base_prefix, indexes, socket, cache / "uv", own)
