"""Histories that hold what no history should: each odd commit is tried or set aside, and the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.languages.python.requirements import commit_day_of
from meta.records.ticket import EnvironmentSpec
from meta.tickets.mining.attempt import MiningOptions
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.miner import mine_repository
from tests.odd_commits import FILE, LINK, SUBMODULE, OddCommits
from tests.repositories import Repository, sandbox
from tests.test_tickets_mining import BEGIN

GOOD, LAST = "The first of all changes is good", "The last of all changes is good"
MADE = b"A <a@example.org> "

ODD_MESSAGES: Mapping[str, tuple[bytes, bytes]] = {
    "The café is in Latin 1 and nobody says so": (b"The caf\xe9 is in Latin 1 and nobody says so\n\nna\xefve\n", b""),
    "The café is in Latin 1 as declared": (b"The caf\xe9 is in Latin 1 as declared\n", b"encoding ISO-8859-1\n"),
    "The café has an unknown encoding": (b"The caf\xe9 has an unknown encoding\n", b"encoding nonsense-7\n"),
    "The zero byte ends its line": (b"The zero byte ends its line\0 here\n\nx\0y\n", b""),
    "The start of heading is no separator": (
        b"The \x01start of heading\x02 is \x01\x02no separator\x02\n\n\x01\x02",
        b"",
    ),
    "The terminal is not[31m red": (b"The terminal is not\x1b[31m red\n", b""),
    "The number is far too long": (b"The number is far too long (#" + b"9" * 5000 + b")\n", b""),
}
ODD_AUTHORS: Mapping[str, bytes] = {
    "The author has no name": b" <> 1709294400 +0000",
    "The author has no address": b"A 1709294400 +0000",
    "The author is not UTF-8": b"Ren\xe9 <r@example.org> 1709294400 +0000",
    "The author has no clock": b"A <a@example.org>",
    "The clock says it is 1960": MADE + b"-300000000 +0000",
    "The clock says it is 2100": MADE + b"4102444800 +0000",
    "The clock says it is year 20000": MADE + b"569034205384 +0000",
    "The clock overflows the integers": MADE + b"99999999999999999999 +0000",
    "The zone is off the earth": MADE + b"1709294400 +9999999",
}


def mine(commits: OddCommits) -> dict[str, MinedTicket]:
    folder = commits.repository.folder
    options = MiningOptions(runs=1, environment=EnvironmentSpec())
    found = mine_repository(commits.repository.path, Workshop(Cache(folder / "cache"), sandbox), options)
    return {mined.title: mined for mined in found}


def begin(folder: Path) -> OddCommits:
    commits = OddCommits(Repository(folder, BEGIN))
    commits.commit(GOOD.encode())
    return commits


def statuses(mined: Mapping[str, MinedTicket]) -> dict[str, str]:
    return {title: "set aside" if found.set_aside else found.status for title, found in mined.items()}


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["messages", "authors"])
def test_what_people_wrote_into_commits_keeps_none_from_being_mined(tmp_path: Path, odd: str) -> None:
    commits = begin(tmp_path)
    if odd == "messages":
        for message, header in ODD_MESSAGES.values():
            commits.commit(message, header=header)
    else:
        for title, author in ODD_AUTHORS.items():
            commits.commit(title.encode(), author=author)
    for message in (b"", b"\n \n\n"):
        commits.commit(message)
    commits.commit(b"The change without any file is none", tree=commits.git("write-tree"))
    commits.commit(LAST.encode())
    mined = mine(commits)
    titles = {GOOD, LAST, *(ODD_MESSAGES if odd == "messages" else ODD_AUTHORS)}
    admitted = {title for title, found in mined.items() if found.status == "admitted"}
    assert admitted == titles
    assert mined[""].reason.startswith("its message is too short for a brief")
    assert len(mined) == len(titles) + 1
    for found in mined.values():
        assert found.model_dump_json(), "what was read can be stored and shown"


@pytest.mark.slow
def test_files_of_any_kind_and_name_are_mined_or_set_aside_with_a_reason(tmp_path: Path) -> None:
    commits = begin(tmp_path)
    commits.commit(
        b"The base holds links that lead nowhere",
        {
            b"conftest.py": (LINK, b"nowhere.py"),
            b"src/shop/gone.py": (LINK, b"nowhere.py"),
            b"tests/test_loop.py": (LINK, b"test_loop.py"),
            b"vendor/sub": (SUBMODULE, b"1" * 40),
        },
    )
    commits.commit(
        b"The names are as odd as they come",
        {
            b"src/shop/caf\xe9.py": (FILE, b""),
            b"tests/a\tb\nc\x01\x02.txt": (FILE, b""),
            b":(glob)*.py": (FILE, b""),
            b"-x.py": (FILE, b""),
            b"tests/--collect-only.py": (FILE, b""),
            b"tests/Data.py": (FILE, b""),
            b"tests/data.py": (FILE, b""),
        },
    )
    commits.commit(b"The test file is not named in UTF-8", {b"tests/caf\xe9.txt": (FILE, b"")})
    commits.commit(
        b"The file becomes a folder at once", {b"tests/expected.txt": None, b"tests/expected.txt/a": (FILE, b"")}
    )
    commits.commit(
        b"The folder becomes a file again", {b"tests/expected.txt/a": None, b"tests/expected.txt": (FILE, b"")}
    )
    commits.commit(b"The file is enormous and of no use", {b"data.csv": (FILE, b"a line\n" * (4 << 20))})
    commits.commit(
        b"The large files are stored elsewhere",
        {b".gitattributes": (FILE, b"*.bin filter=lfs diff=lfs -text\n"), b"tests/a.bin": (FILE, b"version 1\n")},
    )
    commits.git("config", "filter.lfs.process", "git-lfs-that-is-not-installed filter-process")
    commits.git("config", "filter.lfs.required", "true")
    commits.commit(LAST.encode())
    mined = mine(commits)
    assert statuses(mined) == {
        LAST: "admitted",
        "The large files are stored elsewhere": "admitted",
        "The file is enormous and of no use": "set aside",
        "The folder becomes a file again": "admitted",
        "The file becomes a folder at once": "admitted",
        "The test file is not named in UTF-8": "quarantined",
        "The names are as odd as they come": "admitted",
        "The base holds links that lead nowhere": "quarantined",
        GOOD: "admitted",
    }
    assert mined["The file is enormous and of no use"].reason == "it changes 28 MB of files, more than 20"
    assert "not UTF-8: tests/caf\\xe9.txt" in mined["The test file is not named in UTF-8"].reason
    for found in mined.values():
        assert found.model_dump_json()


@pytest.mark.parametrize("kind", ["deep", "deeper", "long", "above", "git"])
def test_a_tree_that_no_disk_can_hold_sets_its_commit_aside(tmp_path: Path, kind: str) -> None:
    commits = begin(tmp_path)
    trees = {
        "deep": lambda: commits.deep_tree(150),
        "deeper": lambda: commits.deep_tree(1100),
        "long": lambda: commits.tree_with(FILE, b"n" * 300, b""),
        "above": lambda: commits.tree_with(FILE, b"..", b""),
        "git": lambda: commits.tree_with(FILE, b".git", b""),
    }
    sane = commits.stage(commits.minable())
    odd = commits.commit(b"The tree is one that no disk holds", tree=trees[kind]())
    commits.commit(b"The tree is as it was before", tree=sane)
    commits.commit(LAST.encode())
    mined = mine(commits)
    assert {mined[GOOD].status, mined[LAST].status} == {"admitted"}
    turned_down = mined["The tree is one that no disk holds"]
    assert (turned_down.status, turned_down.fix_commit) == ("quarantined", odd)
    assert turned_down.reason


def test_links_to_the_tests_and_changes_to_them_are_set_aside(tmp_path: Path) -> None:
    commits = begin(tmp_path)
    commits.commit(b"The checks are where the link says", {b"tests/more": (LINK, b"../src")})
    commits.commit(b"The submodule moves with the code", {b"vendor/sub": (SUBMODULE, b"1" * 40)})
    mined = mine(commits)
    assert statuses(mined)[GOOD] == "admitted"
    assert mined["The checks are where the link says"].reason.endswith("no submission may do: tests/more")
    assert mined["The submodule moves with the code"].reason.endswith("no submission may do: vendor/sub")


@pytest.mark.parametrize(
    "stamp", [b"", b" -300000000", b" 4102444800", b" 569034205384", b" 99999999999999999999", b" 0"]
)
def test_a_clock_that_was_wrong_does_not_say_of_when_packages_are(tmp_path: Path, stamp: bytes) -> None:
    commits = OddCommits(Repository(tmp_path, BEGIN))
    odd = commits.commit(b"The clock was wrong", author=b"A <a@example.org>" + stamp + b" +0000")
    assert commit_day_of(commits.repository.path, odd) == "2024-03-01"
