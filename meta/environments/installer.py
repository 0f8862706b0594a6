"""Makes an environment with uv: resolves, installs, adds the project, compiles."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from meta.disk.free_space import require_free_space
from meta.environments.build_sandbox import INPUT_PATH, BuildJob, BuildSandbox
from meta.errors import MetaError
from worker_agent.sandbox.job import JobResult

_SCM_VERSIONS = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "PBR_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "UV_DYNAMIC_VERSIONING_BYPASS",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
)
"""Variables that tell a build the version, where it would ask git's history."""


@dataclass(frozen=True)
class Pins:
    """Requirements with exact versions, one a line."""

    text: str
    have_wheels: bool
    """Installing them builds nothing."""


@dataclass(frozen=True)
class Placeholder:
    """What makes a project importable that cannot be installed: path entries, and a name with its version."""

    paths: tuple[str, ...]
    name: str
    version: str


@dataclass(frozen=True)
class Installer:
    """uv for one build, resolving as of one day."""

    build: BuildSandbox
    exclude_newer: str | None

    def resolve(self, packages: tuple[str, ...]) -> Pins:
        """Return the pins that these requirements lead to.

        Versions with a wheel are preferred; only if those are not enough, packages are built to find out what they
        need. Raises `MetaError`.
        """
        if not packages:
            return Pins("", True)
        arguments = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", str(self.build.python)]
        # A separate folder, since others may resolve at the same time.
        with tempfile.TemporaryDirectory(dir=self.build.shared_cache.parent, prefix=".export-") as empty:
            wanted = BuildJob([*arguments, *self._date_options(), INPUT_PATH], Path(empty), input="\n".join(packages))
            done = self.build.run(_without_building(wanted))
            have_wheels = done.returncode == 0
            if not have_wheels:
                done = self._require(_with_building(wanted))
        return Pins("\n".join(sorted(done.output.strip().splitlines())), have_wheels)

    def make(self, home: Path, tree: Path) -> None:
        """Make an empty virtual environment in the empty folder `home`."""
        self._require(BuildJob(["venv", "--quiet", "--python", str(self.build.python), str(home)], tree, home=home))

    def install(self, home: Path, tree: Path, pins: Pins) -> None:
        """Install pins into an environment that is still empty."""
        if pins.text:
            arguments = [*_pip_install(home), *self._date_options(), "--requirements", INPUT_PATH]
            wanted = BuildJob(arguments, tree, input=pins.text, home=home)
            self._require(_without_building(wanted) if pins.have_wheels else _with_building(wanted))

    def install_editable(self, home: Path, tree: Path, version: str, *, as_of: bool) -> None:
        """Install the project at /workspace, editable, with what it still requires."""
        dated = self._date_options() if as_of else []
        arguments = [*_pip_install(home), *dated, "--no-sources", "--editable", "/workspace"]
        variables = dict.fromkeys(_SCM_VERSIONS, version)
        self._require(_with_building(BuildJob(arguments, tree, home=home, variables=variables)))

    def finish(
        self, home: Path, tree: Path, *, modules: Sequence[str] | None = None, placeholder: Placeholder | None = None
    ) -> None:
        """Compile everything, and make what was installed importable.

        `modules` are the project's files before it was built, to tell which ones its build made; `placeholder` is for a
        project that cannot be installed.
        """
        described = asdict(placeholder) if placeholder else None
        orders = {"prefix": str(home), "workspace": "/workspace", "modules": modules, "placeholder": described}
        self._require(BuildJob([INPUT_PATH], tree, "finish.py", json.dumps(orders), home, is_foreign=True))

    def _date_options(self) -> list[str]:
        if not self.exclude_newer:
            return []
        when = self.exclude_newer
        if len(when) == 10:  # a day: all of it, and nothing of the next
            when = f"{date.fromisoformat(when) + timedelta(days=1)}T00:00:00Z"
        return ["--exclude-newer", when]

    def _require(self, job: BuildJob) -> JobResult:
        """Run a job. Raises `MetaError` with its output when it fails."""
        done = self.build.run(job)
        if done.returncode or done.timed_out:
            require_free_space(self.build.shared_cache)  # a full disk is not the environment's fault
            words = "it took too long" if done.timed_out else done.output.strip()[-3000:]
            day = self.exclude_newer or "today"
            raise MetaError(
                f"cannot build the environment ({self.build.python}, as of {day}): {words}",
                "set `python` and `packages` of the ticket's environment by hand",
            )
        return done


def _pip_install(home: Path) -> list[str]:
    return ["pip", "install", "--quiet", "--python", str(home / "bin" / "python")]


def _without_building(job: BuildJob) -> BuildJob:
    return replace(job, arguments=[*job.arguments, "--no-build"])


def _with_building(job: BuildJob) -> BuildJob:
    return replace(job, is_foreign=True)
