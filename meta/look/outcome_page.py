"""Outcomes of pull requests: one on a page, many in a table, or counted."""

from __future__ import annotations

from collections.abc import Iterable

from feedback.outcome import Outcome
from meta.interval import wilson_interval_of
from meta.look.table import format_table
from meta.store.outcomes import AgentShare, OutcomeCount

MAX_QUOTED_LINES = 30


def outcome_page(outcome: Outcome) -> str:
    """Show what matters about one pull request; other people's words are behind a bar."""
    sections = [_head(outcome), _facts(outcome)]
    if outcome.evidence:
        sections.append(["evidence"])
        for item in outcome.evidence:
            sections[-1] += _quoted(f"{item.kind}{f', {item.author}' if item.author else ''}", item.text)
    if outcome.words:
        sections.append(["words"])
        reviewers = outcome.reviewer_words
        for word in outcome.words:
            role = "" if word in reviewers else " (does not count as a reviewer)"
            sections[-1] += _quoted(f"{word.author}{role}{_at(word.place)}", word.text)
    if outcome.revision and outcome.revision.text:
        sections.append(["what people changed before the merge", outcome.revision.text.rstrip()])
    if outcome.unknown_fields:
        sections.append([f"not known   {', '.join(outcome.unknown_fields)}"])
    return "\n\n".join("\n".join(lines) for lines in sections)


def outcome_table(outcomes: Iterable[Outcome], share: AgentShare) -> str:
    """Show a line for each pull request, then the agent's share of the rejected ones."""
    rows = [
        (o.key, o.kind.value, o.cause.value if o.kind.came_back else "", o.cause_by or "", o.title[:60])
        for o in outcomes
    ]
    return _with_share(format_table(rows, ["pull request", "outcome", "cause", "by", "title"]), share)


def outcome_counts_page(counts: Iterable[OutcomeCount], share: AgentShare) -> str:
    """Show how many pull requests ended how, for what cause."""
    rows = [(c.kind.value, c.cause.value if c.kind.came_back else "", c.n) for c in counts]
    return _with_share(format_table(rows, ["outcome", "cause", "pull requests"]), share)


def agent_share_text(share: AgentShare) -> str:
    """Say in one or two sentences whose doing the rejected pull requests are, if any."""
    if not share.rejected:
        return ""
    low, high = wilson_interval_of(share.agents / share.rejected, share.rejected)
    text = (
        f"Of {share.rejected} closed unmerged, {share.agents} ({share.agents / share.rejected:.0%}, 95 % interval"
        f" {low:.0%} to {high:.0%}) are clear failures of the agent, {share.others} are not its doing,"
        f" {share.unknown} ({share.unknown / share.rejected:.0%}) are unknown."
    )
    told = f" Causes told by rule: {share.by_rule}, by the model: {share.by_model}, by a person: {share.by_person}."
    return text + (told if share.agents + share.others else "")


def _with_share(table: str, share: AgentShare) -> str:
    text = agent_share_text(share)
    return f"{table}\n\n{text}" if text else table


def _head(outcome: Outcome) -> list[str]:
    return [f"{outcome.key}: {outcome.title}", *([outcome.url] if outcome.url else [])]


def _facts(outcome: Outcome) -> list[str]:
    lines = [f"outcome     {outcome.kind.value}"]
    if outcome.kind.came_back:
        by = f", by {outcome.cause_by}" if outcome.cause_by else ""
        lines.append(f"cause       {outcome.cause.value}{by}")
    for item in outcome.cause_evidence:
        lines += _quoted(f"{item.author or item.source}{_at(item.place)}", item.text)
    lines.append(f"agent       {outcome.agent} (known by {outcome.recognised_by})")
    if outcome.version:
        lines.append(f"version     {outcome.version}")
    for name in ("submitted_sha", "head_sha", "merged_sha"):
        if sha := getattr(outcome, name):
            lines.append(f"{name.removesuffix('_sha'):<11} {sha}")
    return lines


def _at(place: str | None) -> str:
    return f" at {place}" if place else ""


def _quoted(source: str, text: str) -> list[str]:
    return [f"  {source}", *(f"    | {line}" for line in text.split("\n")[:MAX_QUOTED_LINES])]
