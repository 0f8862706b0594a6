"""Passwords for packages and repositories are nowhere to be read in a sandbox, even beside what a job must see."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from worker_agent.sandbox.container import open_container
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import Mount, Sandbox, SandboxJob, SandboxUnavailable, interpreter_mounts
from worker_agent.sandbox.process import run_job

WORD = "pass-w0rd"

AT_HOME = {
    ".netrc": f"machine index.example login ada password {WORD}\n",
    ".git-credentials": f"https://ada:{WORD}@code.example\n",
    ".gitconfig": f"[credential]\nhelper = store\n[http]\nextraHeader = {WORD}\n",
    ".config/git/config": f"[http]\nextraHeader = {WORD}\n",
    ".config/pip/pip.conf": f"[global]\nindex-url = https://ada:{WORD}@index.example/simple\n",
    ".pip/pip.conf": f"[global]\nindex-url = https://ada:{WORD}@index.example/simple\n",
    ".config/uv/uv.toml": f'index-url = "https://ada:{WORD}@index.example/simple"\n',
    ".pypirc": f"[index]\npassword = {WORD}\n",
}

IN_A_PREFIX = {"pip.conf": AT_HOME[".pip/pip.conf"], "etc/gitconfig": AT_HOME[".gitconfig"]}

LOOK = """
import json, os, pathlib, subprocess, sys

found = []
for folder in sys.argv[1:]:
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                if b"pass-w0rd" in pathlib.Path(parent, name).read_bytes():
                    found.append(os.path.join(parent, name))
            except OSError:
                pass
asked = b"protocol=https\\nhost=code.example\\n\\n"
for command, given in (["git", "config", "--list"], b""), (["git", "credential", "fill"], asked):
    done = subprocess.run(command, input=given, capture_output=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    if b"pass-w0rd" in done.stdout + done.stderr or b"fatal: unable to access" in done.stderr:
        found.append(" ".join(command))
print(json.dumps(found))
"""


@pytest.fixture(params=["bubblewrap", pytest.param("podman", marks=pytest.mark.slow)])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return open_sandbox("bubblewrap") if request.param == "bubblewrap" else open_container("podman")
    except SandboxUnavailable as why:
        pytest.skip(str(why))


def lay(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def look(sandbox: Sandbox, workspace: Path, mounts: Sequence[Path]) -> list[str]:
    """Read everything that a job sees of these folders, and ask git; return where the password was."""
    workspace.mkdir()
    places = [str(folder) for folder in mounts]
    argv = ["python3", "-I", "-S", "-c", LOOK, "/etc", "/root", "/home", "/tmp", "/workspace", *places]
    python = [mount for mount in interpreter_mounts() if not any(mount.source.is_relative_to(m) for m in mounts)]
    path = [f"{mount.source}/bin" for mount in python]
    done = run_job(sandbox, SandboxJob(argv, workspace, [*python, *map(Mount, mounts)], path=path))
    assert done.returncode == 0, done.output
    found: list[str] = json.loads(done.output)
    return found


@pytest.mark.slow
def test_the_home_folder_and_the_persons_git_are_out_of_sight(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(lay(tmp_path / "home", AT_HOME)))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    assert look(sandbox, tmp_path / "workspace", []) == []


def test_settings_beside_an_interpreter_are_empty(sandbox: Sandbox, tmp_path: Path) -> None:
    prefix = lay(tmp_path / "prefix", {**IN_A_PREFIX, "lib/module.py": "A = 1\n"})
    assert look(sandbox, tmp_path / "workspace", [prefix]) == []


@pytest.mark.parametrize("inside", [".", "people/ada"])
def test_an_interpreter_installed_in_or_above_the_home_folder_shows_none_of_its_secrets(
    sandbox: Sandbox, tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = lay(tmp_path / "prefix", {"lib/module.py": "A = 1\n"})
    monkeypatch.setenv("HOME", str(lay(prefix / inside, AT_HOME)))
    assert look(sandbox, tmp_path / "workspace", [prefix]) == []
    assert os.path.isfile(prefix / inside / ".netrc")  # only in there they are empty
