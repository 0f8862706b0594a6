"""Synthetic ticket worlds with a known truth.

It is known what the incumbent passes and what an edit does to each ticket. Nothing here is imported from the gate, so
that the gate's assumptions do not judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

LIFT = 0.75
"""An edit that answers a ticket removes this share of its failures."""

SHAPES: dict[str, tuple[tuple[float, float, float], ...]] = {
    # (share, a, b): a ticket's success is Beta(a, b) with this share of the tickets
    "bimodal": ((1.0, 0.35, 0.45),),
    "uniform": ((1.0, 1.0, 1.0),),
    "mostly hard": ((1.0, 0.3, 1.2),),
    "mostly easy": ((1.0, 1.2, 0.3),),
    "coin flips": ((1.0, 6.0, 6.0),),
    "sure or coin": ((0.35, 0.5, 20.0), (0.35, 20.0, 0.5), (0.3, 4.0, 4.0)),
}


@dataclass(frozen=True)
class Tickets:
    """The incumbent's true success by ticket, and (passes, fails) of earlier runs."""

    p: tuple[float, ...]
    earlier: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Edit:
    """A candidate's true success on each ticket, and the tickets it names."""

    q: tuple[float, ...]
    theme: tuple[int, ...]


def tickets(shape: str, n: int, earlier_runs: int, rng: Random) -> Tickets:
    parts = SHAPES[shape]
    p = []
    for _ in range(n):
        (_, a, b) = rng.choices(parts, [share for share, _, _ in parts])[0]
        p.append(rng.betavariate(a, b))
    earlier = []
    for x in p:
        passes = sum(rng.random() < x for _ in range(earlier_runs))
        earlier.append((passes, earlier_runs - passes))
    return Tickets(tuple(p), tuple(earlier))


def lifting(world: Tickets, delta: float, rng: Random) -> Edit:
    """Return an edit that lifts tickets until the mean gain is exactly `delta`.

    It lifts them to q = p + .75 (1 - p) and names them. An edit is written because tickets failed, so those that failed
    in an earlier run come first, in random order.
    """
    order = list(range(len(world.p)))
    rng.shuffle(order)
    order.sort(key=lambda i: world.earlier[i][1] == 0)
    q, theme, missing = list(world.p), [], delta * len(order)
    for i in order:
        if missing <= 1e-12:
            break
        step = min(LIFT * (1.0 - q[i]), missing)
        q[i] += step
        missing -= step
        theme.append(i)
    return Edit(tuple(q), tuple(theme))


def nothing(world: Tickets, rng: Random) -> Edit:
    """Return an exact null: it names tickets like a helpful edit, and changes none."""
    return Edit(world.p, lifting(world, rng.choice((0.05, 0.10, 0.20)), rng).theme)


def trading(world: Tickets, rng: Random) -> Edit:
    """Return a null that lifts named tickets and harms others by the same total."""
    gains = lifting(world, 0.10, rng)
    q, owed = list(gains.q), sum(gains.q) - sum(world.p)
    others = [i for i in range(len(q)) if i not in gains.theme]
    rng.shuffle(others)
    for share in (LIFT, 1.0):
        for i in others:
            step = min(q[i] - (1.0 - share) * world.p[i], owed)
            q[i] -= step
            owed -= step
    if owed > 1e-9:  # nothing left to lose elsewhere: gain less
        total = sum(max(0.0, b - a) for a, b in zip(world.p, q, strict=True))
        q = [b - owed * max(0.0, b - a) / total for a, b in zip(world.p, q, strict=True)]
    return Edit(tuple(q), gains.theme)


def one_sure_fix(world: Tickets, rng: Random) -> Edit:
    """Return a null that fixes one ticket and loses a little on all others."""
    fixed = min(range(len(world.p)), key=lambda i: world.p[i] + 0.05 * rng.random())
    gain = 1.0 - world.p[fixed]
    low, high = 0.0, 1.0
    for _ in range(60):
        slice_ = (low + high) / 2.0
        lost = sum(min(slice_, x) for i, x in enumerate(world.p) if i != fixed)
        low, high = (slice_, high) if lost < gain else (low, slice_)
    q = [1.0 if i == fixed else max(0.0, x - high) for i, x in enumerate(world.p)]
    return Edit(tuple(q), (fixed,))


def half_wrong_theme(world: Tickets, delta: float, rng: Random) -> Edit:
    """Return a helpful edit that names only half of what it lifts.

    It leaves the other half of the tickets that it names alone.
    """
    edit = lifting(world, delta, rng)
    named = [i for i in edit.theme if rng.random() < 0.5]
    others = [i for i in range(len(world.p)) if i not in edit.theme]
    wrong = rng.sample(others, min(len(others), len(edit.theme) - len(named)))
    return Edit(edit.q, tuple(sorted([*named, *wrong])))


def make(effect: str, world: Tickets, rng: Random) -> Edit:
    """Return an edit of this effect.

    Effects: "null", "trading", "one sure fix", "+.10", "+.10 half named", "+.10 nothing named".
    """
    if effect == "null":
        return nothing(world, rng)
    if effect == "trading":
        return trading(world, rng)
    if effect == "one sure fix":
        return one_sure_fix(world, rng)
    size, _, rest = effect.partition(" ")
    if rest == "half named":
        return half_wrong_theme(world, float(size), rng)
    edit = lifting(world, float(size), rng)
    return Edit(edit.q, ()) if rest == "nothing named" else edit
