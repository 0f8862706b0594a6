"""Outcomes of pull requests: one on a page, many in a table, or counted."""

from __future__ import annotations

from collections.abc import Iterable

from feedback.outcome import Outcome
from meta.look.table import format_table
from meta.store.outcomes import OutcomeCount

MAX_QUOTED_LINES = 30


def outcome_page(outcome: Outcome) -> str:
    """Show everything that matters about one pull request. Other people's words are indented, behind a bar."""
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


def outcome_table(outcomes: Iterable[Outcome], share: str) -> str:
    """Show a line for each pull request; `share` says how many of the rejected ones are the agent's doing."""
    rows = [
        (o.key, o.kind.value, o.cause.value if o.kind.came_back else "", o.cause_by or "", o.title[:60])
        for o in outcomes
    ]
    return _with_share(format_table(rows, ["pull request", "outcome", "cause", "by", "title"]), share)


def outcome_counts_page(counts: Iterable[OutcomeCount], share: str) -> str:
    """Show how many pull requests ended how, for what cause."""
    rows = [(c.kind.value, c.cause.value if c.kind.came_back else "", c.n) for c in counts]
    return _with_share(format_table(rows, ["outcome", "cause", "pull requests"]), share)


def _with_share(table: str, share: str) -> str:
    return f"{table}\n\n{share}" if share else table


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
