"""Edits that promise too little to be shown alone are tested as one.

The replays that a test takes grow with the inverse square of the gain, so three edits of five points each cost a ninth
when they are tested together. The gate's promise is about what it tests: of edits kept together it says that they help
together, and nothing about each. So only those join others that the race found likely.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meta.app import Context
from meta.gate.beliefs import LIFT
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.surfaces.versions import Version
from meta.tune.screen import SHARE_LIFTED, ScreenResult
from meta.tune.search.space import SearchSpace, edit_of_choice
from meta.tune.search.worth import expected_success_of

DETECTABLE_GAIN = 0.10
"""A gain in one-shot success that a test of a few hundred replays mostly shows (`bench.gate`)."""

MIN_LIFT_LOG_ODDS = 1.0
"""Log-odds after the race from which an edit may be tested with others."""

MAX_BUNDLED_EDITS = 4
"""Edits in one test: a reviewer has to read them."""

MAX_NIGHTS_WAITING = 4
"""Nights that an edit waits for others before it is tested alone."""

MAX_BUNDLES_READ = 30
"""Joint tests that are looked at when one has ended."""

BundleObjection = Callable[[Edit], str | None]


def bundle_small_edits(
    context: Context,
    incumbent: Version,
    screened: Sequence[ScreenResult],
    search: Sequence[Ticket],
    baseline: Sequence[Replay],
    objection: BundleObjection,
) -> list[ScreenResult]:
    """What the gate takes tonight: open tests first, then small edits as one, then what is large enough alone.

    A small edit that is likely waits for others, and is tested alone when nobody comes; one that is not is dropped.
    """
    believed = expected_success_of(baseline)
    promised = {e.candidate.id: promised_gain_of(e.candidate.edit, search, believed) for e in screened}
    small = [e for e in screened if _is_new(e.candidate) and promised[e.candidate.id] < DETECTABLE_GAIN]
    likely = [e for e in small if not e.hopeless and e.odds >= MIN_LIFT_LOG_ODDS]
    is_open = any(e.candidate.status == "testing" and e.candidate.edit.choice for e in screened)
    joint, parts = (None, []) if is_open else _joined(context, incumbent, likely, search, promised, objection)
    begun = [e for e in screened if e.candidate.status == "testing"]
    alone = [e for e in screened if e not in begun and e not in small]
    for entrant in (e for e in small if e not in parts):
        candidate = entrant.candidate
        words = f"{candidate.edit.title}: alone it promises {promised[candidate.id]:+.0%}"
        if entrant not in likely:
            context.store.candidates.move(candidate, "screened_out", f"{entrant.why}, and it promises too little")
            context.tell(f"dropped: {words}, and {entrant.why}")
        elif is_open or (context.night or 0) - candidate.night < MAX_NIGHTS_WAITING:
            context.tell(f"waits for others: {words}")
        else:
            alone.append(entrant)
    return [*begun, *([ScreenResult.still_testing(joint)] if joint else []), *alone]


def promised_gain_of(edit: Edit, search: Sequence[Ticket], believed: dict[str, float]) -> float:
    """What an edit that helps may add to one-shot success on all tickets: what search tickets of its themes lack."""
    about = [t for t in search if set(t.labels) & set(edit.themes) or t.id in edit.flips]
    return SHARE_LIFTED * LIFT * sum(1.0 - believed.get(t.id, 0.5) for t in about) / max(1, len(search))


def release_bundled(context: Context) -> None:
    """Close the parts of joint tests that ended without a gain; the study may still combine them otherwise."""
    candidates = context.store.candidates
    joined = {f"edit {c.id}": c for c in candidates.bundled()}
    if not joined:
        return
    for joint in candidates.ended_bundles(MAX_BUNDLES_READ):
        for name in joint.edit.choice:
            if name in joined:
                candidates.move(joined.pop(name), "refused", f"tested with others as {joint.id}: refused")


def _is_new(candidate: Candidate) -> bool:
    """An edit of the proposer, not tested yet. What the study suggests was chosen to be tested as it is."""
    return candidate.status == "proposed" and candidate.commit is not None and not candidate.edit.choice


def _joined(
    context: Context,
    incumbent: Version,
    likely: Sequence[ScreenResult],
    search: Sequence[Ticket],
    promised: dict[int, float],
    objection: BundleObjection,
) -> tuple[Candidate | None, list[ScreenResult]]:
    """A candidate made of those that can be put together, if that promises enough; and its parts."""
    parts: list[ScreenResult] = []
    edit: Edit | None = None
    for entrant in likely:
        if len(parts) == MAX_BUNDLED_EDITS:
            break
        chosen = {e.candidate.id: e.candidate for e in sorted((*parts, entrant), key=lambda e: e.candidate.id)}
        try:
            made = edit_of_choice(
                context, incumbent, SearchSpace(chosen, {}, {}), {f"edit {n}": True for n in chosen}, search
            )
        except ValueError:  # it overlaps with another
            continue
        if len(chosen) == 1 or not objection(made):
            parts, edit = [*parts, entrant], made
    if edit is None or len(parts) < 2 or sum(promised[e.candidate.id] for e in parts) < DETECTABLE_GAIN:
        return None, []
    assert context.night is not None
    store = context.store
    with store.all_or_nothing():
        joint = store.candidates.add(context.night, incumbent.id, edit)
        joint = store.candidates.move(joint, "testing")  # its parts have had their races
        for entrant in parts:
            store.candidates.move(entrant.candidate, "joined", f"tested with others as {joint.id}")
    context.tell(f"tested together: {edit.title}")
    return joint, parts
