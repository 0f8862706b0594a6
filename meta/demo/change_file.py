"""Reads the demo's changes, `changes/*.md`: a ticket, how to write it, how it ended.

Both sides of the demo read these files: `past` makes the repository's history from them, and the stand-in for the model
takes from them what it can write. Whether what it writes is any good is decided by the tests alone.
"""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from typing import Literal

from meta.records.record import Record
from worker_agent import edit_blocks

ChangeVariant = Literal["right", "unaware", "besides", "one file", "slip"]
"""How a change may be written: as it should be, without the house rule, with more than was asked, in its first file
only, or with a small mistake."""

_SLIP = re.compile(r"`(.*)` -> `(.*)`")


class DemoEdit(Record):
    """A passage of a file, and what replaces it."""

    path: str
    old: str
    new: str


class ReviewerWords(Record):
    """A reviewer's comment, and where it is."""

    author: str
    text: str
    place: str | None = None


class DemoChange(Record):
    """One ticket of the demo, with all that is known about it."""

    number: int
    """Of the pull request; the ticket is `TB-100` and more."""
    title: str
    body: str
    theme: str
    area: str
    outcome: Literal["merged", "revised", "rejected", "reverted"]
    submitted: ChangeVariant = "right"
    """How the agent wrote it at the time."""
    rule: str | None = None
    """The house rule that the ticket does not mention; see `meta.demo.standin.knowledge`."""
    slip: tuple[str, str]
    """A small mistake: a passage of the right edits, and what is written instead."""
    summary: str
    right: tuple[DemoEdit, ...]
    unaware: tuple[DemoEdit, ...] = ()
    besides: tuple[DemoEdit, ...] = ()
    tests: tuple[tuple[str, str | None, str], ...] = ()
    """Path, passage (None: at the end of the file) and replacement. Without any, the change cannot be replayed."""
    review: tuple[ReviewerWords, ...]

    @property
    def ticket(self) -> str:
        return f"TB-{100 + self.number}"

    def edits(self, variant: ChangeVariant) -> tuple[DemoEdit, ...]:
        """Return the edits that write the change in this way."""
        if variant == "unaware":
            return self.unaware
        if variant == "besides":
            return self.right + self.besides
        if variant == "one file":
            return tuple(edit for edit in self.right if edit.path == self.right[0].path)
        if variant == "slip":
            return tuple(self.with_slip(edit) for edit in self.right)
        return self.right

    def with_slip(self, edit: DemoEdit) -> DemoEdit:
        """Return the edit with the small mistake, if it holds the passage."""
        return edit.model_copy(update={"new": edit.new.replace(*self.slip)})


@functools.cache
def read_demo_changes() -> tuple[DemoChange, ...]:
    """Return all changes, in the order their pull requests were opened."""
    found = sorted((f for f in files(__package__).joinpath("changes").iterdir()), key=lambda file: file.name)
    return tuple(_read(int(file.name[:2]), file.read_text("utf-8")) for file in found if file.name.endswith(".md"))


def _read(number: int, text: str) -> DemoChange:
    head, *parts = re.split(r"^## (Change|Unaware|Besides|Tests|Review)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    settings, _, body = head.partition("\n\n")
    title, *lines = settings.splitlines()
    values = dict(line.split(": ", 1) for line in lines)
    slip = _SLIP.fullmatch(values.pop("slip"))
    assert slip, f"change {number}: a slip is written `right` -> `wrong`"
    return DemoChange.model_validate(
        {
            **values,
            "number": number,
            "title": title.removeprefix("# "),
            "body": body.strip(),
            "slip": slip.groups(),
            "right": _edits(sections["Change"]),
            "unaware": _edits(sections.get("Unaware", "")),
            "besides": _edits(sections.get("Besides", "")),
            "tests": [(e.path, e.old_text, e.new_text) for e in edit_blocks.parse_blocks(sections.get("Tests", ""))],
            "review": _review(sections["Review"]),
        }
    )


def _edits(section: str) -> list[DemoEdit]:
    return [DemoEdit(path=e.path, old=e.old_text or "", new=e.new_text) for e in edit_blocks.parse_blocks(section)]


def _review(section: str) -> list[ReviewerWords]:
    found = []
    for block in section.strip().split("\n\n"):
        who, *lines = block.splitlines()
        author, _, place = who.partition(" at ")
        found.append(
            ReviewerWords(author=author, place=place or None, text=" ".join(line.removeprefix("> ") for line in lines))
        )
    return found
