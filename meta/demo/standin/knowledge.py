"""Knows what to write for each demo ticket, from `meta.demo.change_file`.

This takes the place of a model's ability; it cannot work on any other ticket.
"""

from __future__ import annotations

import re

from meta.demo.change_file import DemoChange, DemoEdit, read_demo_changes
from meta.demo.standin.habits import Habits
from meta.demo.standin.luck import Luck

_RULES = {
    "errors": r"InputError",
    "rounding": r"round_cents|half[- ]up",
    "dates": r"format_date",
    "exports": r"__all__|\bexport(?:ed|s)?\b",
}
"""How to recognise each house rule in prose: a prompt, or a document that was read."""


def recognise_change(message: str) -> DemoChange | None:
    """Return the ticket whose title a message names first."""
    named = [change for change in read_demo_changes() if change.title in message]
    return min(named, key=lambda change: message.index(change.title), default=None)


def choose_edits(change: DemoChange, habits: Habits, luck: Luck, prose: str) -> list[DemoEdit]:
    """Return the edits of an engineer with these habits who has read `prose`."""
    knows = change.rule is None or re.search(_RULES[change.rule], prose)
    edits = list(change.right if knows else change.unaware)
    if luck.slips:
        edits = [change.with_slip(edit) for edit in edits]
    if not (habits.stays_narrow or luck.is_modest):
        edits += change.besides
    if habits.keeps_to_one_file or luck.forgets:
        edits = [edit for edit in edits if edit.path == edits[0].path]
    return edits


def correct_edits(change: DemoChange, made: list[DemoEdit]) -> list[DemoEdit]:
    """Return edits that undo what a failing test exposes: extra changes, and slips."""
    back = [DemoEdit(path=edit.path, old=edit.new, new=edit.old) for edit in made if edit in change.besides]
    right = {(edit.path, edit.old): edit for edit in (*change.unaware, *change.right)}
    for edit in made:
        known = right.get((edit.path, edit.old))
        if known and edit == change.with_slip(known) and edit != known:
            back.append(DemoEdit(path=edit.path, old=edit.new, new=known.new))
    return back
