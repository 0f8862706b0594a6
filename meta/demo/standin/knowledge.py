"""What the stand-in can write: for each of the demo's tickets the edits of its change, from `meta.demo.change_file`.

This takes the place of a model's ability. Any other ticket it cannot do.
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
"""How each house rule is known again in prose: a prompt, or a document that was read."""


def recognise_change(message: str) -> DemoChange | None:
    """The ticket that a message is about: the one whose title it names first."""
    named = [change for change in read_demo_changes() if change.title in message]
    return min(named, key=lambda change: message.index(change.title), default=None)


def choose_edits(change: DemoChange, habits: Habits, luck: Luck, prose: str) -> list[DemoEdit]:
    """The edits that an engineer with these habits and this luck makes, having read `prose`."""
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
    """Edits that take back what an engineer sees to be wrong once a test fails: what was done besides, and slips."""
    back = [DemoEdit(path=edit.path, old=edit.new, new=edit.old) for edit in made if edit in change.besides]
    right = {(edit.path, edit.old): edit for edit in (*change.unaware, *change.right)}
    for edit in made:
        known = right.get((edit.path, edit.old))
        if known and edit == change.with_slip(known) and edit != known:
            back.append(DemoEdit(path=edit.path, old=edit.new, new=known.new))
    return back
