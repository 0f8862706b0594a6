"""Setting up a folder, and where the paths that a person gives lead."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from meta.cli.entry import run_command_line
from meta.errors import MetaError
from tests.desk import Desk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def meta(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["meta", *arguments])
    return run_command_line()


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_init_lays_down_an_agent_where_there_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert meta(monkeypatch, "init") == 0
    said = capsys.readouterr().out
    assert "wrote meta.toml, worker_agent/, .gitignore" in said
    assert "made this folder a git repository" in said
    for path in ("agent.toml", "prompts/system.md", "tools/edit_file.py"):
        assert (folder / "worker_agent" / path).is_file()
    assert (folder / ".gitignore").read_text() == "runs.db*\n.meta/\n"
    for line in said.splitlines():
        if line.startswith("  git "):
            subprocess.run(line, shell=True, cwd=folder, check=True, capture_output=True)
    assert git(folder, "status", "--porcelain") == ""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_MODEL", "m")
    meta(monkeypatch, "doctor")
    assert "ok   agent: version " in capsys.readouterr().out
    assert meta(monkeypatch, "init") == 3


def test_init_leaves_an_agent_and_a_repository_that_are_there_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(folder, "init", "-q")
    (folder / "worker_agent").mkdir()
    assert meta(monkeypatch, "init") == 0
    assert sorted(path.name for path in folder.iterdir()) == [".git", "meta.toml", "worker_agent"]
    assert list((folder / "worker_agent").iterdir()) == []
    assert "git add" not in capsys.readouterr().out


def test_init_adds_the_agent_to_settings_that_are_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "meta.toml").write_text('[worker]\nsurface = "agent"\n')
    (folder / ".gitignore").write_text("*.pyc")
    assert meta(monkeypatch, "init") == 0
    assert (folder / "meta.toml").read_text() == '[worker]\nsurface = "agent"\n'
    assert (folder / "agent" / "agent.toml").is_file()
    assert (folder / ".gitignore").read_text() == "*.pyc\nruns.db*\n.meta/\n"


def test_init_without_an_agent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert meta(monkeypatch, "init", "--no-agent") == 0
    assert [path.name for path in folder.iterdir()] == ["meta.toml"]


def test_init_inside_another_repository_makes_no_second_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(folder.parent, "init", "-q")
    assert meta(monkeypatch, "init") == 0
    said = capsys.readouterr().out
    assert not (folder / ".git").exists()
    assert f"inside the git repository {folder.parent.resolve()}" in said


def test_a_path_is_taken_from_where_one_stands_even_with_another_folder(desk: Desk) -> None:
    desk.ticket().rename(desk.project / "t.jsonl")

    def standing_in_the_project(*arguments: str) -> tuple[int, str]:
        desk.patch.chdir(desk.project)
        code, out, err = desk.meta(*arguments)
        return code, out + err

    code, said = standing_in_the_project("tickets", "add", "--no-check", "t.jsonl")
    assert (code, "1 tickets added" in said) == (0, True), said
    code, said = standing_in_the_project("tickets", "mine", ".")
    assert "cannot read the history" not in said
    (desk.project / "T.md").write_text("# Mend it\n\nPlease.\n")
    (desk.project / "calc.py").write_text("mine\n")
    code, said = standing_in_the_project("work", "T.md", "--repo", ".")
    assert (code, "uncommitted changes" in said) == (1, True), said
    (desk.project / "export.jsonl").write_text("")
    code, said = standing_in_the_project("ingest-feedback", "--source", "export.jsonl")
    assert (code, f"{desk.project}/export.jsonl: nothing new" in said) == (0, True), said
    code, said = standing_in_the_project("work", "mean", "--repo", ".")  # an id stays an id
    assert "is neither a ticket's id nor a file" not in said


def test_an_agent_that_does_not_load_is_named_with_its_file_and_commit(desk: Desk) -> None:
    desk.with_ticket()
    (desk.root / "worker_agent" / "agent.toml").write_text("tools = [\n")
    git(desk.root, "commit", "-qam", "broken")
    commit = git(desk.root, "rev-parse", "HEAD")[:10]
    desk.point_at("http://127.0.0.1:9")
    code, _, err = desk.meta("replay")
    assert code == 1
    assert re.search(rf"cannot load the agent: worker_agent/agent.toml: .* \(at HEAD, commit {commit}\)", err), err
    assert "BAD  agent: worker_agent/agent.toml: " in desk.meta("doctor")[1]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no space: '/a b/.meta/scratch/bench-1/x', 3 MB left", "no space: meta's cache, 3 MB left"),
        ("cannot run /x/.meta/environments/0f/bin/python: gone", "cannot run meta's cache: gone"),
        ("/dev/shm/meta-scratch-0-ab-cd/work: full", "meta's cache: full"),
        ("/home/x/repo/meta.toml: bad", "/home/x/repo/meta.toml: bad"),
    ],
)
def test_an_error_never_names_a_path_in_the_cache(said: str, shown: str) -> None:
    assert MetaError(said).message == shown


def test_an_environment_that_cannot_be_built_is_named_with_its_ticket(desk: Desk) -> None:
    environment = {"project": False, "python": str(desk.root / "nowhere" / "python")}
    _, _, err = desk.meta("tickets", "add", str(desk.ticket(environment=environment)))
    assert "quarantined: mean" in err
    assert "ticket mean: " in desk.meta("tickets", "show", "mean")[1]
