"""Versions and proposals in git, without ever touching what a person has checked out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from meta.errors import MetaError
from meta.surfaces.versions import GitVersions, Version
from worker_agent.surface import DEFAULT_ROOT, BadSurface


def git(repo: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "agent"
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, root / "worker_agent" / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DEFAULT_ROOT / "agent.toml", root / "worker_agent")
    (root / "worker_agent" / "agent.py").write_text("# the runtime\n")
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "agent")
    return root


@pytest.fixture
def versions(repo: Path, tmp_path: Path) -> GitVersions:
    return GitVersions(repo, "worker_agent", tmp_path / "cache")


def prompt(version: Version) -> str:
    return version.surface.prompts["system.md"]


def test_a_version_is_the_tree_that_git_would_make_of_the_surface(repo: Path, versions: GitVersions) -> None:
    git(repo, "rm", "-q", "-r", "--cached", "worker_agent/agent.py")
    git(repo, "commit", "-q", "-m", "surface only")
    assert versions.head().id == git(repo, "rev-parse", "HEAD:worker_agent")


def test_the_runtime_is_no_part_of_the_version(repo: Path, versions: GitVersions) -> None:
    before = versions.head().id
    (repo / "worker_agent" / "agent.py").write_text("# another runtime\n")
    git(repo, "commit", "-q", "-am", "runtime")
    assert versions.head().id == before


def test_a_candidate_is_a_commit_that_changes_nothing_that_is_checked_out(repo: Path, versions: GitVersions) -> None:
    (repo / "worker_agent" / "prompts" / "system.md").write_text("a person is editing this\n")
    head = versions.head()
    made = versions.commit(head, {"prompts/system.md": "be good\n", "prompts/new.md": "x\n"}, "try", "refs/meta/c-1")
    assert prompt(made) == "be good\n"
    assert versions.at("refs/meta/c-1").id == made.id
    assert git(repo, "rev-parse", "refs/meta/c-1^") == head.commit
    assert (repo / "worker_agent" / "prompts" / "system.md").read_text() == "a person is editing this\n"
    assert git(repo, "diff", "--cached", "--name-only") == ""
    assert git(repo, "branch", "--format=%(refname:short)") == "main"


def test_a_file_can_be_removed(versions: GitVersions) -> None:
    config = (versions.head().surface.root / "agent.toml").read_text().replace(', "search"', "")
    made = versions.commit(versions.head(), {"tools/search.py": None, "agent.toml": config}, "less", "refs/meta/c-1")
    assert not (made.surface.root / "tools" / "search.py").exists()


def test_a_surface_that_does_not_load_is_refused(versions: GitVersions) -> None:
    with pytest.raises(BadSurface, match=r"agent\.toml"):
        versions.lay_out(versions.head(), {"agent.toml": "protocol = 'shouting'"})


def test_edits_of_one_prompt_are_carried_over_onto_each_other(versions: GitVersions) -> None:
    head = versions.head()
    first = versions.commit(head, {"prompts/system.md": prompt(head) + "\nOne.\n"}, "one", "refs/meta/c-1")
    second = versions.commit(head, {"prompts/system.md": prompt(head) + "\nTwo.\n"}, "two", "refs/meta/c-2")
    merged = versions.carry_over(f"{second.commit}^", second.commit, first)
    assert merged is not None
    text = merged["prompts/system.md"]
    assert text is not None
    assert "One." in text
    assert "Two." in text


def test_settings_that_both_sides_changed_are_a_conflict(versions: GitVersions) -> None:
    head = versions.head()
    config = (head.surface.root / "agent.toml").read_text()
    first = versions.commit(head, {"agent.toml": config.replace("8192", "4096")}, "one", "refs/meta/c-1")
    second = versions.commit(head, {"agent.toml": config.replace("8192", "2048")}, "two", "refs/meta/c-2")
    assert versions.carry_over(f"{second.commit}^", second.commit, first) is None


def test_the_branch_does_not_move_over_a_persons_own_changes(repo: Path, versions: GitVersions) -> None:
    head = versions.head()
    made = versions.commit(head, {"prompts/system.md": "be good\n"}, "try")
    (repo / "worker_agent" / "prompts" / "system.md").write_text("mine\n")
    with pytest.raises(MetaError, match="your own changes"):
        versions.advance(made.commit)
    assert versions.head().commit == head.commit
    assert (repo / "worker_agent" / "prompts" / "system.md").read_text() == "mine\n"
    git(repo, "checkout", "-q", ".")
    versions.advance(made.commit)
    assert (repo / "worker_agent" / "prompts" / "system.md").read_text() == "be good\n"


@pytest.mark.parametrize(
    ("folder", "revision", "words"),
    [("worker_agent", "nowhere", "no commit 'nowhere'"), ("elsewhere", "HEAD", "no folder elsewhere/")],
)
def test_what_is_not_there_is_named(repo: Path, tmp_path: Path, folder: str, revision: str, words: str) -> None:
    with pytest.raises(MetaError, match=words):
        GitVersions(repo, folder, tmp_path / "cache").at(revision)


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetaError, match="not a git repository"):
        GitVersions(tmp_path, "worker_agent", tmp_path / "cache").head()
