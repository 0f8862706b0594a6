"""Proposals and tables as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta.proposals.view import ProposalView, TicketChange

PAGE_RULE = "─" * 78


def proposal_page(view: ProposalView) -> str:
    """One proposal on one page: the change, what it answers, what it gained and lost, why it was kept, what it cost."""
    edit, proposal = view.candidate.edit, view.proposal
    parts = [
        f"{PAGE_RULE}\nProposal {proposal.id}: {edit.title}    [{proposal.status.replace('_', ' ')}]\n{PAGE_RULE}",
        f"Why        {edit.hypothesis or 'no hypothesis was given'}",
        f"Theme      {', '.join(edit.themes) or 'none named'}",
        f"Branch     {proposal.branch} ({proposal.commit_id[:10]})"
        + (f", stands on proposal {view.builds_on}" if view.builds_on else ""),
        "",
        "What it answers",
        *_answers(view),
        "",
        "The change",
        view.diff.rstrip(),
        "",
        "What the replays say",
        f"  one-shot success on held-out tickets   {view.before}  ->  {view.after}",
        f"  passes the tests, checks set aside     {view.tests_before}  ->  {view.tests_after}",
        f"  evidence    {view.evidence:.1f} against a bound of {view.needed:g} "
        f"(an edit that is no better gets this far in at most {1 / view.needed:.0%} of all cases)",
        f"  claim       {view.scope}",
        *_changes("gained", view.gained),
        *_changes("lost", view.lost),
        f"  same        {view.unchanged} tickets",
    ]
    if any(view.voids.values()):
        parts.append(f"  void        {view.voids['candidate']} with the change, {view.voids['incumbent']} without")
    parts += [
        "  These replays decided it, so they flatter it a little; `meta replay` measures afresh.",
        "",
        f"Cost       {view.replays} replays of this change, {view.cost}; the incumbent's are shared by all edits",
    ]
    if proposal.reason:
        parts.append(f"Decision   {proposal.status.replace('_', ' ')}: {proposal.reason}")
    return "\n".join(parts)


def _answers(view: ProposalView) -> Iterable[str]:
    if not view.answers:
        yield "  nothing that reviewers said; it comes from failed replays alone"
    for outcome in view.answers[:5]:
        yield f"  PR #{outcome.number}, {outcome.kind.value}: {outcome.title}"
        for word in outcome.reviewer_words[:2]:
            where = f", {word.place}" if word.place else ""
            text = " ".join(word.text.split())
            yield f"    “{text[:300]}” ({word.author}{where})"
    if len(view.answers) > 5:
        yield f"  and {len(view.answers) - 5} more"


def _changes(name: str, changes: Sequence[TicketChange]) -> Iterable[str]:
    if not changes:
        yield f"  {name:<11} none"
    for place, change in enumerate(sorted(changes, key=lambda c: -abs(c.change))):
        (a, m), (b, n) = change.before, change.after
        yield f"  {name if not place else '':<11} {change.id:<24} {a}/{m} -> {b}/{n}  {change.title[:44]}"
