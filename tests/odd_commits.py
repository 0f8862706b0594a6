"""Writes commits that no `git commit` would write, as other programs and other times did."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from tests.repositories import Repository

FILE, LINK, SUBMODULE = b"100644", b"120000", b"160000"

Entries = Mapping[bytes, tuple[bytes, bytes] | None]
"""Path to mode and content, or `None` to remove it. A submodule's content is the id of a commit."""


class OddCommits:
    """Adds commits to a repository's main, byte by byte. Its work tree is left alone."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._changes = 0

    def git(self, *args: str | bytes, stdin: bytes = b"") -> bytes:
        """Run git in the repository, with bytes in and out."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.repository.folder)}
        done = subprocess.run(
            ["git", *args], cwd=self.repository.path, env=env, input=stdin, capture_output=True, check=True
        )
        return done.stdout.strip(b"\n")

    def stage(self, entries: Entries) -> bytes:
        """Put files into the index, and return the id of its tree."""
        lines = []
        for path, entry in entries.items():
            mode, content = entry or (b"0", b"")
            blob = b"0" * 40 if entry is None else content
            if entry is not None and mode != SUBMODULE:
                blob = self.git("hash-object", "-w", "--stdin", stdin=content)
            lines.append(mode + b" " + blob + b"\t" + path + b"\0")
        self.git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        return self.git("write-tree")

    def minable(self) -> Entries:
        """Return one more function and its test, so that a commit is worth mining."""
        self._changes += 1
        name = f"f{self._changes}".encode()
        test = b"from shop.%s import %s\n\n\ndef test_%s():\n    assert %s() == 1\n" % (name, name, name, name)
        return {
            b"src/shop/" + name + b".py": (FILE, b"def %s():\n    return 1\n" % name),
            b"tests/test_" + name + b".py": (FILE, test),
        }

    def commit(
        self,
        message: bytes,
        entries: Entries | None = None,
        *,
        tree: bytes | None = None,
        author: bytes = b"A <a@example.org> 1709294400 +0000",
        header: bytes = b"",
        parents: tuple[bytes, ...] | None = None,
    ) -> str:
        """Commit a minable change and these entries, or just a tree, on top of main; return the commit's id."""
        tree = tree or self.stage({**self.minable(), **(entries or {})})
        above = parents if parents is not None else (self.git("rev-parse", "refs/heads/main"),)
        lines = [b"tree " + tree, *(b"parent " + parent for parent in above), b"author " + author]
        body = b"\n".join([*lines, b"committer " + author]) + b"\n" + header + b"\n" + message
        made = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=body)
        self.git("update-ref", "refs/heads/main", made)
        return made.decode()

    def tree_with(self, mode: bytes, name: bytes, content: bytes) -> bytes:
        """Return the index's tree with one more entry at its root, under a name that the index may refuse."""
        listed = self.git("ls-tree", "-z", self.git("write-tree"))
        entry = mode + b" blob " + self.git("hash-object", "-w", "--stdin", stdin=content) + b"\t" + name + b"\0"
        return self.git("mktree", "-z", stdin=listed + entry)

    def deep_tree(self, depth: int) -> bytes:
        """Return the index's tree with one more file, so many folders down."""
        blob = self.git("hash-object", "-w", "--stdin", stdin=b"x = 1\n")
        tree = self.git("mktree", stdin=b"100644 blob " + blob + b"\tx.py\n")
        for _ in range(depth):
            body = b"40000 d\0" + bytes.fromhex(tree.decode())
            tree = self.git("hash-object", "-t", "tree", "-w", "--stdin", stdin=body)
        listed = self.git("ls-tree", "-z", self.git("write-tree"))
        return self.git("mktree", "-z", stdin=listed + b"040000 tree " + tree + b"\td\0")
