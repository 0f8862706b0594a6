"""A world for months of nights: tickets with themes, and edits of known effect.

An edit that helps lifts three fifths of its theme's tickets and removes three quarters of their failures. Its effect on
a ticket depends only on the edit and the ticket, so it is known for future tickets too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

THEMES = {"wrong behaviour": 0.3, "tests": 0.25, "convention": 0.2, "incomplete": 0.15, "too wide": 0.1}
"""Share of the tickets."""

Kind = Literal["helps", "does nothing", "trades", "breaks things"]
KINDS: dict[Kind, float] = {"helps": 0.2, "does nothing": 0.6, "trades": 0.1, "breaks things": 0.1}

LIFTED, LIFT = 0.6, 0.75
"""Share of its theme's tickets that a helping edit lifts, and the share of their failures that it removes."""
HIT, HARM = 0.15, 0.75
"""Share of all tickets that a breaking edit hits (a trading one: of the other themes), and the passes they lose."""

TO_COME = 1000
"""Future tickets, which nobody has seen, and on which the true success of every version is measured."""

Version = tuple[int, ...]
"""The numbers of the edits that were kept, in order."""


@dataclass(frozen=True)
class Change:
    """An edit as the world knows it."""

    kind: Kind
    theme: str


@dataclass(frozen=True)
class Kept:
    """One or more edits that were kept together, and the version before them."""

    edits: tuple[int, ...]
    before: Version


class World:
    """True success of any version on any ticket.

    The same seed gives the same tickets and the same effects of edits.
    """

    def __init__(self, seed: int, tickets: int) -> None:
        self._seed = seed
        self.changes: list[Change] = []
        draw = Random(f"world {seed}")
        self.theme: dict[str, str] = {}
        self._known: dict[tuple[Version, str], float] = {}
        for name in (*(f"t-{i}" for i in range(tickets)), *(f"later-{i}" for i in range(TO_COME))):
            self.theme[name] = draw.choices(list(THEMES), list(THEMES.values()))[0]
            self._known[(), name] = draw.betavariate(0.35, 0.45)
        self.tickets = [name for name in self.theme if name.startswith("t-")]
        self.to_come = [name for name in self.theme if name.startswith("later-")]

    def propose(self, incumbent: Version, number: int) -> list[int]:
        """Add edits, mostly for themes in which tickets fail; return their numbers."""
        lacking = dict.fromkeys(THEMES, 1e-9)
        for name in self.tickets:
            lacking[self.theme[name]] += 1.0 - self.success(incumbent, name)
        made = []
        for _ in range(number):
            draw = Random(f"edit {self._seed} {len(self.changes)}")
            kind = draw.choices(list(KINDS), list(KINDS.values()))[0]
            theme = draw.choices(list(lacking), list(lacking.values()))[0]
            made.append(len(self.changes))
            self.changes.append(Change(kind, theme))
        return made

    def success(self, version: Version, ticket: str) -> float:
        """Return the chance that a replay of the version passes the ticket."""
        known = self._known.get((version, ticket))
        if known is None:
            known = self._after(version[-1], ticket, self.success(version[:-1], ticket))
            self._known[version, ticket] = known
        return known

    def _after(self, edit: int, ticket: str, before: float) -> float:
        change = self.changes[edit]
        digest = hashlib.blake2b(f"{self._seed} {edit} {ticket}".encode(), digest_size=8).digest()
        luck = int.from_bytes(digest, "big") / 2**64
        about = self.theme[ticket] == change.theme
        if change.kind in ("helps", "trades") and about and luck < LIFTED:
            return before + LIFT * (1.0 - before)
        hit = {"trades": not about, "breaks things": True}.get(change.kind, False)
        return before * (1.0 - HARM) if hit and luck < HIT else before

    def mean(self, version: Version, tickets: Sequence[str]) -> float:
        return sum(self.success(version, name) for name in tickets) / len(tickets)

    def gain(self, kept: Kept) -> float:
        """Return the true effect on future tickets; exactly 0 if there is none."""
        incumbent = kept.before
        return self.mean((*incumbent, *kept.edits), self.to_come) - self.mean(incumbent, self.to_come)
