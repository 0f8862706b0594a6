"""What is mined depends on the history alone: not on settings, and not on what kind of clone it is in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.records.ticket import EnvironmentSpec
from meta.tickets.mining.attempt import MiningOptions
from meta.tickets.mining.changes import MainLine
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.miner import mine_repository
from tests.odd_commits import FILE, OddCommits
from tests.repositories import Repository, sandbox
from tests.test_tickets_mining import BEGIN, CART_FIXED, EMPTY, TEST_CART_EMPTY

FIX = {"src/shop/cart.py": CART_FIXED, "tests/test_cart.py": TEST_CART_EMPTY}
SETTINGS = """\
[diff]
    noprefix = true
    mnemonicPrefix = true
    renames = copies
    relative = true
    context = 0
    external = /bin/false
    algorithm = patience
    orderFile = /nowhere
    suppressBlankEmpty = true
    ignoreSubmodules = all
[diff "python"]
    textconv = tr a-z A-Z
[log]
    date = relative
    showSignature = true
    mailmap = true
    follow = true
    decorate = full
    showRoot = false
    diffMerges = off
[format]
    pretty = oneline
    notes = true
[color]
    ui = always
    diff = always
[core]
    quotePath = true
    autocrlf = true
    eol = crlf
    safecrlf = true
    abbrev = 4
    whitespace = cr-at-eol
    attributesFile = {folder}/attributes
    pager = /bin/false
[i18n]
    logOutputEncoding = ISO-8859-1
    commitEncoding = ISO-8859-1
[grep]
    patternType = perl
    fullName = false
    lineNumber = true
[apply]
    whitespace = error
[merge]
    renames = false
[filter "all"]
    clean = tr a-z A-Z
    smudge = tr a-z A-Z
    required = true
"""


def mine(clone: Path, folder: Path, branch: str = "HEAD") -> tuple[list[MinedTicket], list[str]]:
    """Mine a clone; returns what was found and what was told."""
    told = list[str]()
    options = MiningOptions(runs=1, environment=EnvironmentSpec())
    workshop = Workshop(Cache(folder / "cache"), sandbox)
    found = mine_repository(clone, workshop, options, main_line=MainLine(branch), report=told.append)
    return list(found), [line for line in told if line.startswith(str(clone)) or " lacks " in line]


def git(folder: Path, *args: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1"}
    who = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", *args], cwd=folder, env=env | who, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    shop = Repository(tmp_path, BEGIN)
    shop.commit(FIX, f"{EMPTY}: caf\u00e9\n\n`total([])` raises.")
    return shop


@pytest.mark.parametrize("whose", ["the person's", "the repository's"])
def test_no_setting_changes_what_is_mined(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    ((plain,), _) = mine(shop.path, tmp_path / "plain")
    assert plain.status == "admitted", plain.reason
    (tmp_path / "attributes").write_text("*.py filter=all diff=python -diff\n* text eol=crlf\n")
    settings = SETTINGS.format(folder=tmp_path)
    if whose == "the person's":
        (tmp_path / ".gitconfig").write_text(settings)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
        monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    else:
        with (shop.path / ".git/config").open("a") as config:
            config.write(settings)
        (shop.path / ".git/info").mkdir(exist_ok=True)
        (shop.path / ".git/info/attributes").write_text((tmp_path / "attributes").read_text())
    ((told,), _) = mine(shop.path, tmp_path / "told")
    assert told.ticket == plain.ticket
    assert told.line() == plain.line()


def test_a_local_branch_behind_its_remote_is_mined_at_the_remotes_head(shop: Repository, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(shop.path), "clone")
    clone = tmp_path / "clone"
    git(clone, "reset", "-q", "--hard", shop.base)
    (found,), told = mine(clone, tmp_path)
    assert (found.status, told) == (
        "admitted",
        ["main lacks 1 commits of origin/main, so origin/main is read; `--branch refs/heads/main` reads it as it is"],
    )
    assert mine(clone, tmp_path, "main")[1] == told
    assert mine(clone, tmp_path, "refs/heads/main") == ([], [])
    git(clone, "update-ref", "refs/heads/gone", "refs/heads/main")
    git(clone, "symbolic-ref", "HEAD", "refs/heads/nowhere")
    (found,), told = mine(clone, tmp_path)
    assert found.status == "admitted"
    assert told == [f"{clone} has no commit at HEAD, so origin/HEAD is read"]
    git(shop.path, "branch", "release")
    git(clone, "fetch", "-q")
    (found,), told = mine(clone, tmp_path, "release")
    assert told == [f"{clone} has no commit at release, so origin/release is read"]


@pytest.mark.slow
def test_worktrees_bare_clones_and_submodules_are_mined(shop: Repository, tmp_path: Path) -> None:
    git(shop.path, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", "--bare", str(shop.path), "bare.git")
    git(tmp_path, "init", "-q", "above")
    git(tmp_path / "above", "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(shop.path), "below")
    for place in ("tree", "tree/src", "bare.git", "above/below"):
        (found,), told = mine(tmp_path / place, tmp_path)
        assert (found.status, told) == ("admitted", []), f"{place}: {found.reason}"


def test_a_repository_with_long_ids_is_mined(tmp_path: Path) -> None:
    shop = Repository.__new__(Repository)
    shop.folder, shop.path = tmp_path, tmp_path / "shop"
    shop.path.mkdir()
    git(shop.path, "init", "-q", "-b", "main", "--object-format=sha256")
    shop.commit(BEGIN, "Begin")
    shop.commit(FIX, EMPTY)
    (found,), _ = mine(shop.path, tmp_path)
    assert (found.status, len(found.fix_commit)) == ("admitted", 64), found.reason


def test_a_shallow_clone_is_mined_as_far_as_it_goes_and_says_so(shop: Repository, tmp_path: Path) -> None:
    shop.commit({"README.md": "A shop\n"}, "Say what this is about")
    for depth, count in {1: 0, 2: 0, 4: 1}.items():
        clone = tmp_path / f"depth-{depth}"
        git(tmp_path, "clone", "-q", f"--depth={depth}", f"file://{shop.path}", str(clone))
        found, told = mine(clone, tmp_path)
        assert [mined.status for mined in found] == ["admitted"] * count
        assert [line.partition("; ")[2] for line in told] == (
            ["`git fetch --unshallow` completes it"] if depth < 3 else []
        )


@pytest.mark.parametrize("remote", ["gone", "not allowed"])
def test_a_partial_clone_sets_aside_what_it_lacks_and_never_fetches(
    shop: Repository, tmp_path: Path, remote: str
) -> None:
    shop.commit({"src/shop/cart.py": CART_FIXED + "\n", "tests/test_cart.py": TEST_CART_EMPTY + "\n"}, "Space it out")
    git(shop.path, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{shop.path}", "clone")
    clone = tmp_path / "clone"
    url = f"file://{tmp_path}/nowhere" if remote == "gone" else "https://127.0.0.1:1/shop.git"
    git(clone, "config", "remote.origin.url", url)
    found, told = mine(clone, tmp_path)
    assert [line.partition("; `")[2] for line in told] == ["git fetch --refetch --no-filter` completes it"]
    assert {mined.set_aside for mined in found} == {True}
    assert "the clone lacks the content of src/shop/cart.py" in found[-1].reason
    git(clone, "config", "remote.origin.url", f"file://{shop.path}")
    git(clone, "fetch", "-q", "--refetch", "--no-filter")
    assert "admitted" in [mined.status for mined in mine(clone, tmp_path)[0]]


def test_a_merge_of_several_branches_is_mined_by_its_own_words(tmp_path: Path) -> None:
    commits = OddCommits(Repository(tmp_path, BEGIN))
    for message, status in {
        b"Merge branches 'one' and 'two'": "quarantined",
        b"Merge branches 'one' and 'two'\n\nThe shop counts in three ways at once": "admitted",
    }.items():
        main = commits.git("rev-parse", "refs/heads/main")
        heads = [commits.commit(b"The shop counts", parents=(main,)).encode() for _ in range(3)]
        both = commits.stage({b"README.md": (FILE, message)})
        commits.commit(message, tree=both, parents=(main, *heads))
        (found, *_), _ = mine(commits.repository.path, tmp_path)
        assert found.status == status, found.reason
    assert found.ticket is not None
    assert (found.title, len(found.fail_to_pass)) == ("The shop counts in three ways at once", 3)


def test_a_day_to_begin_with_counts_for_each_commit_by_itself(tmp_path: Path) -> None:
    commits = OddCommits(Repository(tmp_path, BEGIN))
    for title, stamp in {"old": 1_600_000_000, "late": 1_709_294_400, "wrong": 0, "last": 1_709_294_500}.items():
        author = f"A <a@example.org> {stamp} +0000".encode()
        commits.commit(f"The {title} change of all is it".encode(), author=author)
    line = MainLine(since="2024-01-01")
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    options = MiningOptions(runs=1, environment=EnvironmentSpec())
    found = mine_repository(commits.repository.path, workshop, options, main_line=line)
    assert [mined.title.split()[1] for mined in found] == ["last", "late"]
