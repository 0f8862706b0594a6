"""Writes the past of the demo's project: the library, then one pull request a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from meta.demo.change_file import DemoChange, DemoEdit, read_demo_changes
from meta.demo.fast_import import FastImport, GitPerson
from worker_agent.branch import VERSION_TRAILER
from worker_agent.text_file import replace_passage

AGENT_PERSON = GitPerson("demo-agent", "agent@example.invalid")
PEOPLE = {
    "nadia": GitPerson("Nadia Brandt", "nadia@example.invalid"),
    "tomas": GitPerson("Tomas Ruiz", "tomas@example.invalid"),
    "ines": GitPerson("Ines Okafor", "ines@example.invalid"),
}
HISTORY_START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
TICKET_TRAILER = "Ticket"
"""The trailer by which a commit names its ticket."""

FileTree = dict[str, str]
"""Path to text."""


@dataclass(frozen=True)
class DemoPull:
    """One pull request in the finished history; commits are hashes."""

    change: DemoChange
    base: str
    submitted: str
    head: str
    merged: str | None
    opened_at: datetime
    closed_at: datetime


def write_history(where: Path, version: str) -> list[DemoPull]:
    """Make the project's repository at `where`; the agent's commits name `version`."""
    return _Past(version).write(where)


def read_text_files(folder: Traversable) -> FileTree:
    """Return every text in a folder of this package by path; `.py-tpl` becomes `.py`."""
    found: FileTree = {}
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found |= {f"{entry.name}/{path}": text for path, text in read_text_files(entry).items()}
        elif entry.is_file():
            found[entry.name.removesuffix("-tpl")] = entry.read_text("utf-8")
    return found


def apply_edits(tree: FileTree, edits: Iterable[DemoEdit]) -> FileTree:
    """Return the files that the edits change, as they are afterwards."""
    changed: FileTree = {}
    for edit in edits:
        text = replace_passage(changed.get(edit.path, tree.get(edit.path, "")), edit.old, edit.new)
        assert text is not None, f"this must be in {edit.path} exactly once: {edit.old}"
        changed[edit.path] = text
    return changed


def extend_tests(tree: FileTree, change: DemoChange) -> FileTree:
    """Return the test files that the change extends, as they are afterwards."""
    changed = apply_edits(tree, (DemoEdit(path=p, old=old, new=new) for p, old, new in change.tests if old is not None))
    for path, old, new in change.tests:
        if old is None:
            changed[path] = changed.get(path, tree.get(path, "")).rstrip("\n") + f"\n\n\n{new}"
    return changed


class _Past:
    def __init__(self, version: str) -> None:
        self.version = version
        self.stream = FastImport()
        self.tree: FileTree = {}
        self.tip: list[int] = []
        self.pulls: list[tuple[DemoChange, int, int, int, int | None]] = []

    def write(self, where: Path) -> list[DemoPull]:
        begun = read_text_files(files(__package__) / "tidybooks") | {".gitignore": "__pycache__/\n*.egg-info/\n"}
        self.on_main("Amounts, dates, invoices and what to print", "nadia", HISTORY_START - timedelta(days=3), begun)
        for change in read_demo_changes():
            self.add(change, self.day(change))
        release = self.tree["pyproject.toml"].replace("0.4.0", "0.5.0")
        # Well after the last pull request, so that none of them can be taken for one that is still open.
        self.on_main("Release 0.5.0", "nadia", HISTORY_START + timedelta(days=80), {"pyproject.toml": release})
        hashes = ["", *self.stream.write(where)]
        return [
            DemoPull(
                change,
                hashes[base],
                hashes[submitted],
                hashes[head],
                hashes[merged] if merged else None,
                self.day(change),
                self.day(change) + timedelta(hours=5),
            )
            for change, base, submitted, head, merged in self.pulls
        ]

    @staticmethod
    def day(change: DemoChange) -> datetime:
        return HISTORY_START + timedelta(days=change.number)

    def add(self, change: DemoChange, opened: datetime) -> None:
        """Add a pull request, from its opening to the state that main has in the end."""
        reviewer, base = change.review[-1].author, self.tip[-1]
        ref = f"refs/pull/{change.number}/head"
        done = apply_edits(self.tree, change.right) | extend_tests(self.tree, change)
        handed_in = done if change.submitted == "right" else apply_edits(self.tree, change.edits(change.submitted))
        submitted = head = self.stream.commit(
            ref,
            f"{change.title}\n\n{change.summary}\n\n{TICKET_TRAILER}: {change.ticket}\n"
            f"{VERSION_TRAILER}: {self.version}\n",
            AGENT_PERSON,
            opened,
            handed_in,
            [base],
        )
        if change.outcome == "revised":
            # What the agent did beyond the ticket is taken back.
            final = {path: self.tree[path] for path in handed_in} | done
            words, late = f"Address the review of #{change.number}\n", opened + timedelta(hours=4)
            head = self.stream.commit(ref, words, PEOPLE[reviewer], late, final, [submitted])
        self.stream.point(ref, head)
        merged = None
        if change.outcome != "rejected":
            landed = handed_in if change.outcome == "reverted" else done
            name = f"Merge pull request #{change.number} from tidybooks/{change.ticket.lower()}\n\n{change.title}"
            merger = change.review[0].author
            merged = self.on_main(name, merger, opened + timedelta(hours=5), landed, change, [head])
        if change.outcome == "reverted":
            before = {path: self.tree[path] for path in handed_in}
            title = f'Revert "{change.title}"\n\nReverts #{change.number}'
            self.on_main(title, reviewer, opened + timedelta(hours=8), before, None)
        self.tree |= done
        if change.outcome in ("rejected", "reverted"):
            self.on_main(change.title, reviewer, opened + timedelta(hours=9), done, change)
        self.pulls.append((change, base, submitted, head, merged))

    def on_main(
        self,
        message: str,
        who: str,
        when: datetime,
        files: FileTree,
        change: DemoChange | None = None,
        merge: Sequence[int] = (),
    ) -> int:
        """Add a commit on main that names the change's ticket; return its mark."""
        if not self.tip:
            self.tree |= files
        trailer = f"\n\n{TICKET_TRAILER}: {change.ticket}\n" if change else "\n"
        mark = self.stream.commit("refs/heads/main", message + trailer, PEOPLE[who], when, files, [*self.tip, *merge])
        self.tip = [mark]
        return mark
