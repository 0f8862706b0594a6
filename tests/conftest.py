"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.desk import Desk
    from tests.github.server import GitHubServer
    from tests.worker_run import Run

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.invalid",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@pytest.fixture(autouse=True)
def no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may use the key, endpoint or git identity of whoever runs it."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)


Hub = Callable[..., "AbstractContextManager[GitHubServer]"]


@pytest.fixture(params=["cut from the data", pytest.param("as published", marks=pytest.mark.slow)])
def hub(request: pytest.FixtureRequest) -> Hub:
    """A GitHub on loopback; and once more (slow), with all that passes between it and us held against what GitHub
    publishes of its API."""
    from tests.github.published import published_github
    from tests.github.server import github

    return published_github if request.param == "as published" else github


Make = Callable[[dict[str, str]], Path]


@pytest.fixture
def make_repo(tmp_path: Path) -> Make:
    """Make a git repository with one commit of these files."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path / f"repo{len(os.listdir(tmp_path))}"
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run(["git", *command], cwd=root, check=True)
        return root

    return make


@pytest.fixture
def desk(tmp_path: Path, make_repo: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with an agent, a project beside it, and `meta` to run there."""
    from tests.desk import PROJECT, Desk, make_agent

    return Desk(make_agent(tmp_path / "agent"), make_repo(PROJECT), capsys, monkeypatch)


@pytest.fixture
def run(make_repo: Make, tmp_path: Path) -> Run:
    """Run the worker against a scripted service."""
    from tests.worker_run import FILES, Run

    return Run(make_repo(FILES), tmp_path)


@pytest.fixture
def surface(tmp_path: Path) -> Callable[..., Path]:
    """Make the default surface with something changed."""
    from tests.worker_run import change_surface

    return lambda *changes, **tools: change_surface(tmp_path / "surface", *changes, **tools)
