"""Whatever a repository, a user or the environment sets, git starts no program and gives the same answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from feedback.git.clone import open_clone
from safeguards.git_hardening import NO_PROGRAMS, SAME_ANSWERS
from worker_agent.git import BINARY_DIFF, GitError, run_git, run_git_as_user
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import make_template, open_workspace

LINES = "".join(f"line {number}\n" for number in range(40))
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.invalid"), ("DATE", "2026-03-01T10:00:00Z"))
}


def plain_git(*args: str, cwd: Path, check: bool = True, **env: str) -> str:
    """Git as a person runs it, with all that is configured."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(cwd), **IDENTITY, **env}
    done = subprocess.run(["git", *args], cwd=cwd, env=variables, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.decode("utf-8", "replace")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Branches, a merge and a signature; changes in two places, a rename, an umlaut, CRLF, a NUL and a submodule."""
    root = tmp_path / "repo"
    root.mkdir()
    plain_git("init", "-q", "-b", "main", cwd=root)
    (root / "folder").mkdir()
    files = {
        "a.txt": LINES,
        "folder/b.txt": LINES.upper(),
        "ü.txt": "one\r\ntwo\r\n",
        "n.bin": "a\0b\n",
        "e.txt": "x \n\ny\n",
    }
    for name, text in files.items():
        (root / name).write_bytes(text.encode())
    (root / ".gitattributes").write_text("*.txt diff=evil merge=evil filter=evil\n*.bin diff=evil\n")
    plain_git("add", "-A", cwd=root)
    plain_git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub", cwd=root)
    plain_git("commit", "-q", "-m", "first", cwd=root)
    plain_git("checkout", "-q", "-b", "other", cwd=root)
    (root / "e.txt").write_text("x \n\nz\n")
    plain_git("commit", "-q", "-a", "-m", "other", cwd=root)
    plain_git("checkout", "-q", "main", cwd=root)
    (root / "a.txt").write_text(LINES.replace("line 3\n", "line three\n").replace("line 12\n", "line twelve\n"))
    (root / "n.bin").write_bytes(b"a\0c\n")
    (root / "ü.txt").write_bytes(b"one\r\nTWO\r\n")
    (root / "e.txt").write_text("x\n\ny\n\n")
    plain_git("mv", "folder/b.txt", "folder/c.txt", cwd=root)
    plain_git("add", "-A", cwd=root)
    plain_git("update-index", "--cacheinfo", f"160000,{'2' * 40},sub", cwd=root)
    plain_git("commit", "-q", "-m", "second ü", cwd=root)
    plain_git("checkout", "-q", "-b", "third", "HEAD^", cwd=root)
    (root / "third.md").write_text("third\n")
    plain_git("add", "third.md", cwd=root)
    plain_git("commit", "-q", "-m", "third", cwd=root)
    plain_git("checkout", "-q", "main", cwd=root)
    plain_git("merge", "-q", "--no-ff", "-m", "merge", "third", cwd=root)
    head = plain_git("cat-file", "commit", "HEAD", cwd=root).replace("\n\nmerge", "\ngpgsig -----BEGIN x\n x\n\nsigned")
    (tmp_path / "signed").write_text(head)
    plain_git(
        "update-ref",
        "refs/heads/signed",
        plain_git("hash-object", "-t", "commit", "-w", str(tmp_path / "signed"), cwd=root).strip(),
        cwd=root,
    )
    return root


QUESTIONS = (
    ("diff", "HEAD^1^", "HEAD^1"),
    (*BINARY_DIFF, "HEAD^1^", "HEAD^1"),
    ("diff-tree", "-r", "-p", "--numstat", "HEAD^1^", "HEAD^1"),
    ("diff", "--raw", "-z", "HEAD^1^", "HEAD^1"),
    ("log", "-p", "--all", "--topo-order"),
    ("log", "-m", "--first-parent", "--numstat", "--format=%H %P %an%n%B", "main"),
    ("log", "--format=%H", "--", "folder/c.txt"),
    ("show", "HEAD^1"),
    ("grep", "-n", "-e", "line t[a-z]*", "HEAD", "--", "*.txt"),
    ("ls-tree", "-r", "HEAD"),
    ("rev-parse", "HEAD^{tree}"),
)


def answers(repo: Path, scratch: Path) -> list[str]:
    """All that the worker, the miner, the grader and feedback read of a repository."""
    found = [run_git(*question, cwd=repo) for question in QUESTIONS]
    try:
        found.append(run_git("merge-tree", "--write-tree", "main", "other", cwd=repo))
    except GitError as error:
        found.append(error.words)
    workspace = open_workspace(
        make_template(repo, run_git("rev-parse", "HEAD", cwd=repo).strip(), scratch), scratch / "w"
    )
    found += [f"{path.name}: {path.read_bytes()!r}" for path in sorted(workspace.root.rglob("*.*")) if path.is_file()]
    (workspace.root / "a.txt").write_text("changed\n")
    found.append(take_diff(workspace))
    with open_clone(repo) as clone:
        commits = list(clone.commits(sha for sha, _ in clone.refs().values()))
        pairs = [(commits[-1].tree, commits[0].tree)]
        found += [str(commits), str(list(clone.changed_files(pairs)))]
        found += [b"".join(lines).decode("utf-8", "replace") for lines in clone.patches(pairs)]
        found.append(str(clone.merge_trees([(commits[-1].tree, commits[0].tree, commits[1].tree)])))
    commit = run_git("commit-tree", "HEAD^{tree}", "-m", "ü", cwd=repo, env=IDENTITY).strip()
    found.append(run_git("cat-file", "commit", commit, cwd=repo))
    return found


def plain_answers(repo: Path) -> list[str]:
    return [plain_git(*question, cwd=repo, check=False) for question in QUESTIONS] + [
        plain_git("merge-tree", "--write-tree", "main", "other", cwd=repo, check=False),
        plain_git("commit-tree", "HEAD^{tree}", "-m", "ü", cwd=repo, check=False),
        plain_git("checkout-index", "--force", "--prefix=../plain/", "a.txt", cwd=repo, check=False),
        plain_git("status", cwd=repo, check=False),
        plain_git("hash-object", "--path", "a.txt", "a.txt", cwd=repo, check=False),
        plain_git("update-ref", "refs/heads/new", "HEAD", cwd=repo, check=False),
        plain_git("checkout", "-q", "--detach", cwd=repo, check=False),
        plain_git("commit", "--allow-empty", "-m", "empty", cwd=repo, check=False),
        plain_git("checkout", "-q", "main", cwd=repo, check=False),
    ]


PROGRAM = "PROGRAM"
"""Stands for a program that leaves a mark."""

STARTS_A_PROGRAM = {
    "core.fsmonitor": PROGRAM,
    "core.hooksPath": "../hooks",
    "diff.external": PROGRAM,
    "diff.evil.command": PROGRAM,
    "diff.evil.textconv": PROGRAM,
    "filter.evil.smudge": PROGRAM,
    "filter.evil.clean": PROGRAM,
    "filter.evil.process": PROGRAM,
    "merge.evil.driver": f"{PROGRAM} %O %A %B",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
}
CHANGES_AN_ANSWER = {
    "color.ui": "always",
    "color.diff": "always",
    "color.grep": "always",
    "core.abbrev": "20",
    "core.attributesFile": "../attributes",
    "core.bigFileThreshold": "10",
    "core.quotePath": "false",
    "diff.context": "0",
    "diff.evil.binary": "true",
    "diff.evil.xfuncname": "^(line [0-9]*5)$",
    "diff.ignoreSubmodules": "all",
    "diff.interHunkContext": "20",
    "diff.noprefix": "true",
    "diff.orderFile": "../order",
    "diff.renames": "false",
    "diff.submodule": "log",
    "diff.suppressBlankEmpty": "true",
    "format.pretty": "oneline",
    "grep.column": "true",
    "grep.patternType": "fixed",
    "i18n.commitEncoding": "ISO-8859-1",
    "i18n.logOutputEncoding": "ISO-8859-1",
    "log.abbrevCommit": "true",
    "log.date": "raw",
    "log.decorate": "full",
    "log.diffMerges": "off",
    "log.follow": "true",
    "log.showRoot": "false",
    "merge.conflictStyle": "diff3",
}
"""With the git at hand; what other versions read is set the same way."""


def set_up(repo: Path, name: str, value: str) -> Path:
    """Set one setting of the repository; returns the mark of the program."""
    folder = repo.parent
    mark, program = folder / "mark", folder / "program"
    program.write_text(f'#!/bin/sh\necho started >> {mark}\ncat "$1" 2>/dev/null || cat\nexit 0\n')
    program.chmod(0o755)
    (folder / "order").write_text("ü*\nn*\n")
    (folder / "attributes").write_text("*.bin text diff\n*.md -diff\n")
    (folder / "hooks").mkdir(exist_ok=True)
    for hook in ("reference-transaction", "post-checkout", "post-index-change", "pre-commit", "commit-msg"):
        (folder / "hooks" / hook).symlink_to(program)
    plain_git("config", "gpg.program", str(program), cwd=repo)
    plain_git("config", name, value.replace(PROGRAM, str(program)), cwd=repo)
    return mark


@pytest.mark.parametrize("name", [*STARTS_A_PROGRAM, *CHANGES_AN_ANSWER])
def test_no_setting_of_a_repository_changes_an_answer_or_starts_a_program(
    name: str, repo: Path, tmp_path: Path
) -> None:
    before, _, plainly_before = answers(repo, tmp_path / "1"), plain_answers(repo), plain_answers(repo)
    mark = set_up(repo, name, {**STARTS_A_PROGRAM, **CHANGES_AN_ANSWER}[name])
    assert answers(repo, tmp_path / "2") == before
    assert not mark.exists()
    assert plain_answers(repo) != plainly_before or mark.exists()


def test_nothing_that_lies_beside_the_objects_changes_an_answer(repo: Path, tmp_path: Path) -> None:
    before, plainly_before = answers(repo, tmp_path / "1"), plain_answers(repo)
    head, first = (run_git("rev-parse", name, cwd=repo).strip() for name in ("HEAD", "main~2"))
    info = repo / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text("*.txt -diff\n*.md -diff\n*.bin text diff\n")
    (info / "grafts").write_text(f"{head} {first}\n")
    (repo / ".gitattributes").write_text("* -diff\n")
    plain_git("replace", run_git("rev-parse", "main^1", cwd=repo).strip(), first, cwd=repo)
    assert plain_answers(repo) != plainly_before
    run_git("update-ref", "-d", f"refs/replace/{run_git('rev-parse', 'main^1', cwd=repo).strip()}", cwd=repo)
    plain_git("replace", "--graft", "third", cwd=repo)
    refs = {
        line.split()[0]
        for line in run_git("for-each-ref", "--format=%(refname) x", "refs/replace", cwd=repo).split("\n")
        if line
    }
    assert refs
    for question, answer in zip(QUESTIONS, before, strict=False):
        if "--all" not in question:  # the replacement is a ref like any other
            assert run_git(*question, cwd=repo) == answer


@pytest.mark.parametrize("place", ["global", "xdg", "environment", "parameters"])
def test_neither_the_user_nor_the_environment_changes_an_answer(
    place: str, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(repo, tmp_path / "1")
    mark = set_up(repo, "user.name", "Ada")
    program = str(tmp_path / "program")
    settings = {name: value.replace(PROGRAM, program) for name, value in (STARTS_A_PROGRAM | CHANGES_AN_ANSWER).items()}
    settings |= {"core.hooksPath": str(tmp_path / "hooks"), "diff.orderFile": str(tmp_path / "order")}
    configured = tmp_path / "home" / ".gitconfig"
    (tmp_path / "home" / "git").mkdir(parents=True)
    for target in (configured, tmp_path / "home" / "git" / "config"):
        for name, value in settings.items():
            plain_git("config", "--file", str(target), name, value, cwd=tmp_path)
    (tmp_path / "home" / "git" / "attributes").write_text("* -diff\n")
    if place == "global":
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configured))
    elif place == "xdg":
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    elif place == "environment":
        for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_SSH_COMMAND"):
            monkeypatch.setenv(name, program)
        elsewhere = {"GIT_DIR": "x", "GIT_WORK_TREE": "x", "GIT_INDEX_FILE": "x", "GIT_OBJECT_DIRECTORY": "x"}
        for name, value in {
            **elsewhere,
            "GIT_DIFF_OPTS": "-u0",
            "GIT_NAMESPACE": "x",
            "GIT_LITERAL_PATHSPECS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GIT_TRACE", str(mark))
    else:
        monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
        for number, (name, value) in enumerate(settings.items()):
            monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
            monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    assert answers(repo, tmp_path / "2") == before
    assert not mark.exists()


def test_a_missing_object_is_never_fetched(repo: Path, tmp_path: Path) -> None:
    """The remote of a partial clone may name a program to fetch with, in the clone's own configuration."""
    mark = set_up(repo, "user.name", "Ada")
    plain_git("clone", "-q", "--bare", str(repo), "origin.git", cwd=tmp_path)
    blob = run_git("rev-parse", "HEAD:a.txt", cwd=repo).strip()
    (repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(tmp_path / "origin.git"),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": f"touch {mark}; git-upload-pack",
    }.items():
        plain_git("config", name, value, cwd=repo)
    for question in (("cat-file", "blob", blob), ("show", "HEAD:a.txt"), ("diff", "HEAD^1^", "HEAD^1")):
        with pytest.raises(GitError):
            run_git(*question, cwd=repo)
    with open_clone(repo) as clone:
        assert clone.missing_objects([blob]) == {blob}
    assert not mark.exists()
    plain_git("cat-file", "blob", blob, cwd=repo, check=False)
    assert mark.exists()


def test_a_worktree_a_subfolder_and_a_bare_clone_answer_as_the_clone_does(repo: Path, tmp_path: Path) -> None:
    plain_git("worktree", "add", "-q", "--detach", "../tree", "main", cwd=repo)
    plain_git("clone", "-q", "--mirror", str(repo), "../bare.git", cwd=repo)
    plain_git("clone", "-q", "--shared", "--no-tags", str(repo), "../borrowed", cwd=repo)
    (tmp_path / "borrowed" / ".git" / "objects" / "info" / "alternates").write_text("../../../repo/.git/objects\n")
    for question in QUESTIONS:
        if "--all" in question:
            continue
        answer = run_git(*question, cwd=repo)
        for place in ("tree", "bare.git", "borrowed", "repo/folder"):
            if place != "repo/folder" or question[0] not in ("ls-tree",):
                assert run_git(*question, cwd=tmp_path / place) == answer, (place, question)


def test_the_user_is_asked_for_nothing_and_runs_nothing_where_their_settings_count(repo: Path, tmp_path: Path) -> None:
    mark = set_up(repo, "user.name", "Ada")
    program = str(tmp_path / "program")
    for name in ("core.fsmonitor", "core.pager", "core.editor", "core.askPass", "credential.helper", "gpg.program"):
        plain_git("config", name, program, cwd=repo)
    for name in ("core.sshCommand", "core.gitProxy", "core.alternateRefsCommand"):
        plain_git("config", name, program, cwd=repo)
    plain_git("config", "core.hooksPath", str(tmp_path / "hooks"), cwd=repo)
    assert run_git_as_user("status", "--porcelain", cwd=repo) == ""
    ahead = run_git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "ahead", cwd=repo, env=IDENTITY).strip()
    run_git_as_user("merge", "--ff-only", "--quiet", ahead, cwd=repo)
    for address in ("ssh://host.invalid/x", "git://host.invalid/x", "ext::sh -c true", f"file://{repo}"):
        with pytest.raises(GitError, match="not allowed"):
            run_git_as_user("ls-remote", address, cwd=repo)
    with pytest.raises(GitError, match="not allowed"):
        run_git_as_user("ls-remote", f"ext::{program}", cwd=repo, reach_remote=True)
    assert "refs/heads/main" in run_git_as_user("ls-remote", str(repo), cwd=repo, reach_remote=True)
    assert not mark.exists()


@pytest.mark.parametrize("name", [*NO_PROGRAMS, *SAME_ANSWERS])
def test_git_accepts_every_setting_that_overrules_another(name: str, repo: Path) -> None:
    plain_git("config", name, {**NO_PROGRAMS, **SAME_ANSWERS}[name], cwd=repo)
    assert plain_git("log", "-p", "--all", cwd=repo)
