"""Proposals: one on a page, all in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta.look.table import format_table
from meta.proposals.view import ProposalView, TicketChange
from meta.store.proposals import ProposalEntry

PAGE_RULE = "─" * 78

MAX_ANSWERS_SHOWN = 5


def proposal_page(view: ProposalView) -> str:
    """Show a proposal: the change, what it answers, the evidence, and the cost."""
    return "\n".join([*_head(view), "", *_answers(view), "", *_change(view), "", *_replays(view), "", *_end(view)])


def proposal_table(entries: Iterable[ProposalEntry]) -> str:
    """Show a line for each proposal."""
    cells = [(e.id, _words(e.status), e.branch, e.title[:60], e.made_at[:10]) for e in entries]
    return format_table(cells, ["n", "status", "branch", "title", "made"])


def _head(view: ProposalView) -> list[str]:
    edit, proposal = view.candidate.edit, view.proposal
    base = f", builds on proposal {view.builds_on}" if view.builds_on else ""
    return [
        f"{PAGE_RULE}\nProposal {proposal.id}: {edit.title}    [{_words(proposal.status)}]\n{PAGE_RULE}",
        f"Why        {edit.hypothesis or 'no hypothesis was given'}",
        f"Theme      {', '.join(edit.themes) or 'none named'}",
        f"Branch     {proposal.branch} ({proposal.commit_id[:10]}){base}",
    ]


def _answers(view: ProposalView) -> Iterable[str]:
    yield "What it answers"
    if not view.answers:
        yield "  no reviewer's comment; it comes from failed replays alone"
    for outcome in view.answers[:MAX_ANSWERS_SHOWN]:
        yield f"  PR #{outcome.number}, {outcome.kind.value}: {outcome.title}"
        for word in outcome.reviewer_words[:2]:
            where = f", {word.place}" if word.place else ""
            text = " ".join(word.text.split())
            yield f"    “{text[:300]}” ({word.author}{where})"
    if len(view.answers) > MAX_ANSWERS_SHOWN:
        yield f"  and {len(view.answers) - MAX_ANSWERS_SHOWN} more"


def _change(view: ProposalView) -> list[str]:
    return ["The change", view.diff.rstrip()]


def _replays(view: ProposalView) -> Iterable[str]:
    yield "What the replays say"
    yield f"  one-shot success on held-out tickets   {view.before}  ->  {view.after}"
    yield f"  passes the tests, checks aside         {view.tests_before}  ->  {view.tests_after}"
    yield (
        f"  evidence    {view.evidence:.1f}, enough from {view.needed:g} on "
        f"(a useless edit gets this far at most {1 / view.needed:.0%} of the time)"
    )
    yield f"  claim       {view.scope}"
    yield from _ticket_changes("gained", view.gained)
    yield from _ticket_changes("lost", view.lost)
    yield f"  same        {view.unchanged} tickets"
    if any(view.voids.values()):
        yield f"  void        {view.voids['candidate']} with the change, {view.voids['incumbent']} without"
    yield "  These replays also made the decision, so they are slightly optimistic; `meta replay` measures afresh."


def _ticket_changes(name: str, changes: Sequence[TicketChange]) -> Iterable[str]:
    if not changes:
        yield f"  {name:<11} none"
    for place, change in enumerate(sorted(changes, key=lambda c: -abs(c.change))):
        (a, m), (b, n) = change.before, change.after
        yield f"  {name if not place else '':<11} {change.id:<24} {a}/{m} -> {b}/{n}  {change.title[:44]}"


def _end(view: ProposalView) -> Iterable[str]:
    yield f"Cost       {view.replays} replays of this change, {view.cost}; all edits share the other replays"
    if view.proposal.reason:
        yield f"Decision   {_words(view.proposal.status)}: {view.proposal.reason}"


def _words(status: str) -> str:
    return status.replace("_", " ")
