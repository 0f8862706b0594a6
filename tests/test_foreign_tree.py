"""Trees that foreign code has written to: no link is followed, and nothing in them is too deep to remove."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meta.grading.overlay import lay_hidden_files, restore_protected
from meta.languages.junit.junit_run import JUnitRunner
from meta.records.ticket import Grader, HiddenFile, JUnit
from tests.repositories import CALC, Repository
from worker_agent.foreign_tree import (
    MAX_DEPTH,
    OddTree,
    measure_tree,
    read_regular_file,
    remove_file,
    remove_tree,
    temporary_folder,
    walk_tree,
    write_file,
)
from worker_agent.git import GitError, run_git
from worker_agent.submission_diff import RefusedDiff, apply_diff, take_diff
from worker_agent.workspace import Workspace, open_workspace

SECRET = "of the host\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host's, with a file that nobody may read or write."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text(SECRET)
    (folder / "file").chmod(0o600)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def untouched(outside: Path) -> bool:
    return os.listdir(outside) == ["file"] and (outside / "file").read_text() == SECRET


def make_deep(root: Path, depth: int, name: str = "d" * 200) -> None:
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        there = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def workspace_of(folder: Path) -> Workspace:
    return open_workspace(Repository(folder, CALC).template, folder / "run")


def test_nothing_is_read_through_a_link(tree: Path, outside: Path) -> None:
    (tree / "file").symlink_to(outside / "file")
    (tree / "folder").symlink_to(outside)
    os.mkfifo(tree / "pipe")
    assert [read_regular_file(tree, path) for path in ("file", "folder/file", "folder", "pipe", "none", "none/x")] == [
        None
    ] * 6
    assert sorted(path for path, _ in walk_tree(tree)) == ["file", "folder", "pipe"]


@pytest.mark.parametrize("path", ["file", "folder/file", "folder/inner/file", "dangling", "pipe", "full"])
def test_nothing_is_written_through_a_link(tree: Path, outside: Path, path: str) -> None:
    (tree / "file").symlink_to(outside / "file")
    (tree / "folder").symlink_to(outside)
    (tree / "dangling").symlink_to(outside / "new")
    os.mkfifo(tree / "pipe")
    make_deep(tree, 3, "full")
    write_file(tree, path, b"ours", 0o755)
    assert read_regular_file(tree, path) == b"ours"
    assert (tree / path).stat().st_mode & 0o777 == 0o755
    assert untouched(outside)


def test_a_hard_link_keeps_what_it_shares(tree: Path, outside: Path) -> None:
    os.link(outside / "file", tree / "file")
    write_file(tree, "file", b"ours")
    assert untouched(outside)


def test_nothing_is_removed_through_a_link(tree: Path, outside: Path) -> None:
    (tree / "folder").symlink_to(outside)
    remove_file(tree, "folder/file")
    remove_file(tree, "folder")
    assert os.listdir(tree) == []
    (tree / "folder").symlink_to(outside)
    remove_tree(tree)
    assert not tree.exists()
    assert untouched(outside)


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "./x", "a//b", "."])
def test_a_path_out_of_the_tree_is_refused(tree: Path, path: str) -> None:
    with pytest.raises(OddTree):
        write_file(tree, path, b"")


def test_what_is_too_deep_for_a_path_is_refused_measured_and_removed(tree: Path) -> None:
    make_deep(tree, 3000)
    with pytest.raises(OddTree, match="deep"):
        list(walk_tree(tree))
    assert measure_tree(tree) > 3000 * 4096
    with temporary_folder(tree.parent, "x-") as folder:
        tree.rename(folder / "tree")
    assert not folder.exists()


def test_a_tree_of_the_greatest_depth_is_read(tree: Path) -> None:
    make_deep(tree, MAX_DEPTH, "d")
    assert [path for path, _ in walk_tree(tree)] == ["d/" * MAX_DEPTH + "bottom"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_nobody_may_read_can_be_removed(tree: Path) -> None:
    make_deep(tree, 5)
    (tree / ("d" * 200)).chmod(0)
    remove_tree(tree)
    assert not tree.exists()


def test_hidden_and_protected_files_are_laid_beside_a_link_not_through_it(tree: Path, outside: Path) -> None:
    base = tree.parent / "base"
    (base / "tests").mkdir(parents=True)
    (base / "tests" / "test_a.py").write_text("one\n")
    (base / "conftest.py").write_text("two\n")
    (base / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-x'\n")
    (tree / "tests").symlink_to(outside)
    for name in ("conftest.py", "pyproject.toml", "hidden", "gone"):
        (tree / name).symlink_to(outside / "file")
    restore_protected(tree, base)
    lay_hidden_files(tree, [HiddenFile(path="hidden", content=b"x"), HiddenFile(path="gone", content=None)])
    assert untouched(outside)
    assert (tree / "tests" / "test_a.py").read_text() == "one\n"
    assert "addopts" in (tree / "pyproject.toml").read_text()
    assert not os.path.lexists(tree / "gone")


def test_a_report_behind_a_link_is_not_read_nor_its_target_removed(tmp_path: Path, outside: Path) -> None:
    repository = Repository(tmp_path, CALC)
    workspace = open_workspace(repository.template, tmp_path / "run")
    (outside / "file").write_text('<testsuite><testcase name="a"/></testsuite>')
    (workspace.root / "reports").symlink_to(outside)
    for pattern in ("reports/file", "*/file", "**/file", "report.xml"):
        command = f"ln -s {outside}/file report.xml"
        grader = Grader(junit=JUnit(command=command, report=pattern), fail_to_pass=("a",))
        run = JUnitRunner().run(repository.bench(), workspace.root, grader)
        assert (run.started, run.tests) == (False, ())
        assert (outside / "file").exists()


@pytest.mark.parametrize("mode", ["120000", "0120000", "00120000", "120000 "])
def test_a_diff_that_disguises_a_link_is_refused(tmp_path: Path, outside: Path, mode: str) -> None:
    workspace = workspace_of(tmp_path)
    diff = (
        f"diff --git a/x b/x\nnew file mode {mode}\nindex 0000000..1111111\n--- /dev/null\n+++ b/x\n"
        f"@@ -0,0 +1 @@\n+{outside}\n\\ No newline at end of file\n"
        "diff --git a/x/file b/x/file\nnew file mode 100644\n--- /dev/null\n+++ b/x/file\n@@ -0,0 +1 @@\n+mine\n"
    )
    for text in (diff, diff.split("diff --git a/x/file")[0]):
        with pytest.raises(RefusedDiff):
            apply_diff(workspace, text)
        assert untouched(outside)


@pytest.mark.parametrize("name", [".GIT", ".git ", ".Git", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION"])
def test_no_spelling_of_a_git_folder_is_taken_or_applied(tmp_path: Path, name: str) -> None:
    workspace = workspace_of(tmp_path)
    diff = (
        f'diff --git "a/{name}/config" "b/{name}/config"\nnew file mode 100644\n--- /dev/null\n+++ "b/{name}/config"\n'
    )
    with pytest.raises(RefusedDiff):
        apply_diff(workspace, diff + "@@ -0,0 +1 @@\n+mine\n")
    (workspace.root / name).mkdir()
    (workspace.root / name / "config").write_text("[core]\n")
    with pytest.raises(RefusedDiff):
        take_diff(workspace)


def test_a_tree_that_is_too_deep_or_large_is_no_submission(tmp_path: Path) -> None:
    repository = Repository(tmp_path, CALC)
    deep, large, many = (open_workspace(repository.template, tmp_path / name) for name in ("deep", "large", "many"))
    make_deep(deep.root, 2000)
    with (large.root / "big").open("wb") as file:
        file.truncate(100 << 20)
    for number in range(6000):
        (many.root / f"{number}").touch()
    for workspace, words in ((deep, "deep"), (large, "MB"), (many, "files")):
        with pytest.raises(RefusedDiff, match=words):
            take_diff(workspace)
        remove_tree(workspace.root)


@pytest.mark.parametrize("words", ["No space left on device", "Input/output error", "Cannot allocate memory"])
def test_a_file_with_the_name_of_a_machine_error_is_no_machine_error(tmp_path: Path, words: str) -> None:
    workspace = workspace_of(tmp_path)
    with pytest.raises(GitError, match=words):
        run_git("add", "--", words, cwd=workspace.root)
    for diff in (
        f"--- a/{words}\n+++ b/{words}\n@@ -1 +1 @@\n-a\n+b\n",
        f"--- a/x: {words}\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    ):
        with pytest.raises(RefusedDiff):
            apply_diff(workspace, diff)


def test_a_patch_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path) -> None:
    import base64
    import zlib

    packed = zlib.compress(bytes(1 << 20))
    lines = b"".join(bytes([ord("z")]) + base64.b85encode(packed[at : at + 52]) + b"\n" for at in range(0, 52 * 19, 52))
    diff = (
        "diff --git a/x b/x\nnew file mode 100644\nindex " + "0" * 40 + ".." + "1" * 40 + "\nGIT binary patch\n"
        f"literal {64 << 30}\n{lines.decode()}\nliteral 0\nHcmV?d00001\n\n"
    )
    with pytest.raises(RefusedDiff):
        apply_diff(workspace_of(tmp_path), diff)
