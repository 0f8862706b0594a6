"""Git is run in one place: no configuration makes it start a program or changes an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Make
from worker_agent.branch import make_branch
from worker_agent.git import META_IDENTITY, GitError, run_git, run_git_as_user, user_identity
from worker_agent.records import Brief, Submission
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import Workspace, make_template, open_workspace

FILES = {"a.txt": "one\n", "b.bin": "two\n", ".gitattributes": "*.txt diff=evil\n*.bin filter=evil\n"}
PROGRAMS = (
    "core.fsmonitor",
    "core.pager",
    "core.askPass",
    "diff.external",
    "diff.evil.textconv",
    "filter.evil.smudge",
    "filter.evil.clean",
    "gpg.program",
)


@pytest.fixture
def repo(make_repo: Make) -> Path:
    return make_repo(FILES)


def write_program(folder: Path) -> tuple[Path, Path]:
    """A program that leaves a mark when it is started, and the mark."""
    mark, program = folder / "started", folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    return program, mark


def settings(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    (folder / "gitconfig").write_text(text)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))


def workspace_of(repo: Path, folder: Path) -> Workspace:
    return open_workspace(make_template(repo, "HEAD", folder / "templates"), folder / "work")


def test_no_program_that_a_repository_names_is_started(repo: Path, tmp_path: Path) -> None:
    program, mark = write_program(tmp_path)
    (repo / "a.txt").write_text("three\n")
    subprocess.run(["git", "commit", "-qam", "three"], cwd=repo, check=True)
    for name in PROGRAMS:
        run_git("config", name, str(program), cwd=repo)
    run_git("config", "log.showSignature", "true", cwd=repo)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit"):
        (repo / ".git" / "hooks" / hook).symlink_to(program)

    run_git("diff", "HEAD^", "HEAD", cwd=repo)
    run_git("log", "-p", cwd=repo)
    run_git("show", "HEAD", cwd=repo)
    run_git("diff-tree", "-p", "HEAD^", "HEAD", cwd=repo)
    workspace = workspace_of(repo, tmp_path)
    (workspace.root / "b.bin").write_text("four\n")
    diff = take_diff(workspace)
    make_branch(repo, "HEAD", Brief(title="t"), Submission(ended="submitted", diff=diff), "work/t")

    assert run_git("show", "work/t:b.bin", cwd=repo) == "four\n"
    assert not mark.exists()


def test_no_setting_of_the_users_changes_an_answer(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, mark = write_program(tmp_path)
    ignored = tmp_path / "ignored"
    ignored.write_text("*.log\n")
    settings(
        monkeypatch,
        tmp_path,
        f'[core]\nexcludesFile = {ignored}\nautocrlf = true\n[diff]\nnoprefix = true\n[filter "evil"]\n'
        f"smudge = {program}\nclean = {program}\n",
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg" / "git").mkdir(parents=True)
    (tmp_path / "xdg" / "git" / "ignore").write_text("*.txt\n")

    workspace = workspace_of(repo, tmp_path)
    assert (workspace.root / "a.txt").read_bytes() == b"one\n"
    (workspace.root / "new.txt").write_text("new\n")
    (workspace.root / "new.log").write_text("new\n")
    diff = take_diff(workspace)
    assert "+++ b/new.txt" in diff
    assert "+++ b/new.log" in diff
    assert not mark.exists()

    (repo / "new.log").write_text("new\n")
    assert run_git_as_user("status", "--porcelain", cwd=repo) == ""


def test_the_network_is_out_of_reach_unless_a_remote_is_asked_for(repo: Path) -> None:
    address = "http://127.0.0.1:1/x.git"
    for run in (run_git, run_git_as_user):
        with pytest.raises(GitError, match="not allowed"):
            run("ls-remote", address, cwd=repo)
    with pytest.raises(GitError, match="connect"):
        run_git_as_user("ls-remote", address, cwd=repo, reach_remote=True)


def test_a_commit_for_a_person_carries_their_name_and_any_other_metas(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user_identity(repo)["GIT_AUTHOR_NAME"] == "Ada"
    for name in META_IDENTITY:
        monkeypatch.delenv(name)
    settings(monkeypatch, tmp_path, "[user]\nname = Grace Hopper\nemail = grace@example.invalid\n")
    assert user_identity(repo) == {
        "GIT_AUTHOR_NAME": "Grace Hopper",
        "GIT_AUTHOR_EMAIL": "grace@example.invalid",
        "GIT_COMMITTER_NAME": "Grace Hopper",
        "GIT_COMMITTER_EMAIL": "grace@example.invalid",
    }
    settings(monkeypatch, tmp_path, "[user]\nuseConfigOnly = true\n")
    assert user_identity(repo) == META_IDENTITY


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to somebody else")
def test_another_users_repository_is_read_only_where_it_is_trusted(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"from worker_agent.git import *; print(run_git('rev-parse', 'HEAD', cwd={str(repo)!r}))"
    for path in (repo, repo / ".git"):
        os.chown(path, 12345, 12345)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "dubious ownership" in done.stderr
    settings(monkeypatch, tmp_path, f"[safe]\ndirectory = {repo}\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert len(done.stdout.strip()) == 40, done.stderr
