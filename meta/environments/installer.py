"""Runs uv in a sandbox with network access, since what it builds is foreign code.

It sees its cache, the interpreter, the exported base tree at /workspace, and only the settings of this machine that it
needs to find packages: never the person's keys.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from meta.disk.free_space import require_free_space
from meta.environments.interpreters import find_python, find_uv, prefixes_of
from meta.errors import MetaError
from worker_agent.sandbox.bubblewrap import Bubblewrap
from worker_agent.sandbox.job import Mount, SandboxJob, SandboxLimits, SandboxUnavailable
from worker_agent.sandbox.process import run_job

_SETTINGS = re.compile(r"^(UV_.*|PIP_.*|SSL_CERT_(FILE|DIR)|.*_CA_BUNDLE|((https?|all|no)_proxy))$", re.IGNORECASE)
_NOT_SETTINGS = re.compile(r"TOKEN|PUBLISH|UV_(CACHE_DIR|PROJECT.*|PYTHON.*|EXCLUDE_NEWER|SYSTEM_PYTHON)$")
_SYSTEM = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/uv",
)

_LIMITS = SandboxLimits(seconds=1200.0, memory_mb=16384, processes=4096, file_mb=4096, output_bytes=200_000)


class _WithNetwork(Bubblewrap):
    def command_line(self, job: SandboxJob) -> list[str]:
        argv = super().command_line(job)
        argv.insert(argv.index("--unshare-all") + 1, "--share-net")
        return argv


@dataclass(frozen=True)
class Installer:
    """uv for one interpreter, resolving as of one day."""

    uv: Path
    python: Path
    base_prefix: Path
    cache: Path
    exclude_newer: str | None

    @classmethod
    def of(cls, version: str, cache: Path, exclude_newer: str | None) -> Installer:
        """Find uv and the interpreter. Raises `MetaError` when one of them is missing."""
        (cache / "uv").mkdir(parents=True, exist_ok=True)
        python = find_python(version)
        return cls(find_uv(), python, prefixes_of(str(python))[1], cache, exclude_newer)

    def resolve(self, packages: tuple[str, ...]) -> str:
        """Return the pins that these requirements lead to, one a line."""
        if not packages:
            return ""
        # A separate folder, since others may resolve at the same time.
        with tempfile.TemporaryDirectory(dir=self.cache, prefix=".export-", ignore_cleanup_errors=True) as scratch:
            done = self._run(
                Path(scratch),
                "pip",
                "compile",
                "--quiet",
                "--no-header",
                "--no-annotate",
                "--python",
                str(self.python),
                *self._date_options(),
                "/dev/stdin",
                stdin="\n".join(packages),
            )
        return "\n".join(sorted(done.strip().splitlines()))

    def make(self, home: Path, tree: Path) -> None:
        """Make an empty virtual environment at `home`."""
        self._run(tree, "venv", "--quiet", "--python", str(self.python), str(home))

    def install(self, home: Path, tree: Path, requirements: str) -> None:
        """Install requirements (one a line), with their bytecode."""
        if requirements:
            self._run_pip(home, tree, self._date_options(), "--requirements", "/dev/stdin", stdin=requirements)

    def install_editable(self, home: Path, tree: Path, version: str, *, as_of: bool) -> None:
        """Install the project at /workspace, editable, with what it still requires."""
        scm = dict.fromkeys(
            (
                "SETUPTOOLS_SCM_PRETEND_VERSION",
                "PBR_VERSION",
                "PDM_BUILD_SCM_VERSION",
                "UV_DYNAMIC_VERSIONING_BYPASS",
                "POETRY_DYNAMIC_VERSIONING_BYPASS",
            ),
            version,
        )
        self._run_pip(
            home, tree, self._date_options() if as_of else (), "--no-sources", "--editable", "/workspace", variables=scm
        )

    def _run_pip(
        self,
        home: Path,
        tree: Path,
        *args: str | tuple[str, ...],
        stdin: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        flat = [part for arg in args for part in ([arg] if isinstance(arg, str) else arg)]
        command = ("pip", "install", "--quiet", "--compile-bytecode", "--python", str(home / "bin" / "python"))
        self._run(tree, *command, *flat, stdin=stdin, variables=variables)

    def _date_options(self) -> tuple[str, ...]:
        if not self.exclude_newer:
            return ()
        when = self.exclude_newer
        if len(when) == 10:  # a day: all of it, and nothing of the next
            when = f"{date.fromisoformat(when) + timedelta(days=1)}T00:00:00Z"
        return ("--exclude-newer", when)

    def _run(self, tree: Path, *args: str, stdin: str = "", variables: Mapping[str, str] | None = None) -> str:
        try:
            sandbox = _WithNetwork()
        except SandboxUnavailable as missing:
            raise MetaError(
                f"building an environment needs a sandbox: {missing}", "install it, then try again"
            ) from None
        given = tree / ".meta-requirements.txt"
        arguments = list(args)
        if "/dev/stdin" in arguments:
            given.write_text(stdin + "\n")
            arguments[arguments.index("/dev/stdin")] = "/workspace/.meta-requirements.txt"
        settings = {k: v for k, v in os.environ.items() if _SETTINGS.match(k) and not _NOT_SETTINGS.search(k)}
        paths = [Path(v) for v in settings.values() if v.startswith("/") and Path(v).exists()]
        own = Path.home() / ".config" / "uv" / "uv.toml"
        if own.exists():
            settings.setdefault("UV_CONFIG_FILE", str(own))
            paths.append(own)
        base = dict.fromkeys([self.base_prefix, self.base_prefix.resolve(), self.python.parent.parent])
        mounts = [Mount(p) for p in (*map(Path, _SYSTEM), *paths) if p.exists()]
        mounts += [Mount(p) for p in base if not p.is_relative_to("/usr")]
        try:
            done = run_job(
                sandbox,
                SandboxJob(
                    argv=[str(self.uv), "--directory", "/tmp", "--color", "never", *arguments],
                    workspace=tree,
                    mounts=[*mounts, Mount(self.uv), Mount(self.cache, writable=True)],
                    variables={
                        **settings,
                        **(variables or {}),
                        "UV_CACHE_DIR": str(self.cache / "uv"),
                        "UV_PYTHON_DOWNLOADS": "never",
                    },
                    limits=_LIMITS,
                ),
            )
        finally:
            given.unlink(missing_ok=True)
        if done.returncode or done.timed_out:
            require_free_space(self.cache)  # a full disk is not the environment's fault
            words = "it took too long" if done.timed_out else done.output.strip()[-3000:]
            raise MetaError(
                f"cannot build the environment ({self.python}, as of {self.exclude_newer or 'today'}): {words}",
                "set `python` and `packages` of the ticket's environment by hand",
            )
        return done.output
