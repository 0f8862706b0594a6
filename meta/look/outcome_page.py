"""One outcome as a person reads it."""

from __future__ import annotations

from feedback.outcome import Outcome


def outcome_page(outcome: Outcome) -> str:
    """Everything that matters on one page. Other people's words are indented, behind a bar."""
    lines = [f"{outcome.key}: {outcome.title}"]
    if outcome.url:
        lines.append(outcome.url)
    by = f", by {outcome.cause_by}" if outcome.cause_by else ""
    lines += ["", f"outcome     {outcome.kind.value}"]
    if outcome.kind.came_back:
        lines.append(f"cause       {outcome.cause.value}{by}")
    for item in outcome.cause_evidence:
        lines += _quoted(f"{item.author or item.source}{f' at {item.place}' if item.place else ''}", item.text)
    lines.append(f"agent       {outcome.agent} (known by {outcome.recognised_by})")
    if outcome.version:
        lines.append(f"version     {outcome.version}")
    for name in ("submitted_sha", "head_sha", "merged_sha"):
        if sha := getattr(outcome, name):
            lines.append(f"{name.removesuffix('_sha'):<11} {sha}")
    if outcome.evidence:
        lines.append("\nevidence")
        for item in outcome.evidence:
            lines += _quoted(f"{item.kind}{f', {item.author}' if item.author else ''}", item.text)
    if outcome.words:
        lines.append("\nwords")
        reviewers = outcome.reviewer_words
        for word in outcome.words:
            role = "" if word in reviewers else " (does not count as a reviewer)"
            lines += _quoted(f"{word.author}{role}{f' at {word.place}' if word.place else ''}", word.text)
    if outcome.revision and outcome.revision.text:
        lines += ["\nwhat people changed before the merge", outcome.revision.text.rstrip()]
    if outcome.unknown_fields:
        lines.append(f"\nnot known   {', '.join(outcome.unknown_fields)}")
    return "\n".join(lines)


def _quoted(source: str, text: str) -> list[str]:
    return [f"  {source}", *(f"    | {line}" for line in text.split("\n")[:30])]
