"""The diff that a run hands in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.repositories import CALC, Repository
from worker_agent.submission_diff import RefusedDiff, apply_diff, take_diff
from worker_agent.workspace import Workspace, open_workspace


def opened(repository: Repository, name: str) -> Workspace:
    return open_workspace(repository.template, repository.folder / name)


def test_text_that_is_no_utf8_arrives_as_it_was(tmp_path: Path) -> None:
    repository = Repository(tmp_path, CALC)
    workspace = opened(repository, "one")
    (workspace.root / "latin.txt").write_bytes("Gr\u00fc\u00dfe\n".encode("latin-1"))
    (workspace.root / "calc.py").write_text("# changed\n")
    diff = take_diff(workspace)
    diff.encode("utf-8")
    other = opened(repository, "two")
    apply_diff(other, diff)
    assert (other.root / "latin.txt").read_bytes() == "Gr\u00fc\u00dfe\n".encode("latin-1")
    assert (other.root / "calc.py").read_text() == "# changed\n"


def test_text_that_was_no_utf8_before_can_be_mended(tmp_path: Path) -> None:
    repository = Repository(tmp_path, CALC)
    (repository.path / "old.txt").write_bytes(b"caf\xe9\n")
    repository.base = repository.commit({}, "Latin")
    workspace = opened(repository, "one")
    (workspace.root / "old.txt").write_text("cafe\n")
    other = opened(repository, "two")
    apply_diff(other, take_diff(workspace))
    assert (other.root / "old.txt").read_text() == "cafe\n"


def test_a_pipe_is_refused_by_name(tmp_path: Path) -> None:
    workspace = opened(Repository(tmp_path, CALC), "one")
    (workspace.root / "calc.py").unlink()
    os.mkfifo(workspace.root / "calc.py")
    with pytest.raises(RefusedDiff, match=r"calc\.py is a pipe"):
        take_diff(workspace)


def test_a_link_and_a_nested_repository_are_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path, CALC)
    linked, nested = opened(repository, "one"), opened(repository, "two")
    (linked.root / "link").symlink_to("/etc/passwd")
    with pytest.raises(RefusedDiff, match="symbolic link"):
        take_diff(linked)
    (nested.root / "inner" / ".git").mkdir(parents=True)
    with pytest.raises(RefusedDiff, match="git repository inside"):
        take_diff(nested)


def test_a_change_after_the_last_look_is_in_the_diff_even_if_its_time_is_set_back(tmp_path: Path) -> None:
    workspace = opened(Repository(tmp_path, CALC), "one")
    file = workspace.root / "calc.py"
    file.write_text("a = 1\n")
    about = file.stat()
    assert "+a = 1" in take_diff(workspace)
    file.write_text("a = 2\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))
    assert "+a = 2" in take_diff(workspace)


def test_nothing_changed_is_an_empty_diff(tmp_path: Path) -> None:
    assert take_diff(opened(Repository(tmp_path, CALC), "one")) == ""
