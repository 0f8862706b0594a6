"""Gathers what a good engineer would want to see before changing the agent.

Held-out tickets and their feedback stay out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from feedback.outcome import Outcome
from feedback.quotation import quote_comment
from meta.records.candidate import Candidate, Proposal
from meta.records.record import Record
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.store.store import Store
from worker_agent.records import Event

MAX_FAILURES = 12
MAX_TRIED_EDITS = 80
MAX_QUOTES_PER_CAUSE = 6
MAX_REVISION_CHARS = 1500
MAX_TRANSCRIPT_CHARS = 2500


class Failure(Record):
    """A failed replay of the incumbent on a search ticket."""

    ticket: str
    brief: str
    labels: tuple[str, ...]
    reason: str
    transcript: str


class Complaint(Record):
    """The feedback on one pull request."""

    pull_request: str
    title: str
    kind: str
    quotes: tuple[str, ...]
    revision: str = ""


class ProposerEvidence(Record):
    """Everything a proposer sees besides the surface itself."""

    failures: tuple[Failure, ...]
    passed: tuple[str, ...]
    complaints: dict[str, tuple[Complaint, ...]]
    """By cause, most frequent first."""
    tried: tuple[str, ...]


def gather_evidence(store: Store, replays: Sequence[Replay], search: Sequence[Ticket]) -> ProposerEvidence:
    """Gather evidence from search replays, from feedback, and from earlier edits."""
    by_id = {t.id: t for t in search}
    seen: dict[str, list[Replay]] = defaultdict(list)
    for replay in replays:
        if replay.ticket in by_id and replay.verdict != "void":
            seen[replay.ticket].append(replay)
    failures = [
        Failure(
            ticket=name,
            brief=f"{by_id[name].title}\n{by_id[name].body}"[:800],
            labels=by_id[name].labels,
            reason=failed.reason[:800],
            transcript=shorten_transcript(store.transcripts.of_replay(failed.id)),
        )
        for name, runs in seen.items()
        if (failed := next((r for r in runs if r.has_failed), None))
    ]
    passed = tuple(name for name, runs in seen.items() if all(r.verdict == "passed" for r in runs))
    hidden = store.tickets.sources_held_out()
    return ProposerEvidence(
        failures=tuple(failures[:MAX_FAILURES]),
        passed=passed,
        complaints=_complaints(o for o in store.outcomes.all() if f"pr:{o.number}" not in hidden),
        tried=list_tried_edits(store),
    )


def _complaints(outcomes: Iterable[Outcome]) -> dict[str, tuple[Complaint, ...]]:
    by_cause: dict[str, list[Complaint]] = defaultdict(list)
    for outcome in outcomes:
        if not outcome.is_agents_fault:
            continue
        revision = _cut(outcome.revision.text, MAX_REVISION_CHARS) if outcome.revision else ""
        quotes = tuple(quote_comment(word) for word in outcome.reviewer_words[:MAX_QUOTES_PER_CAUSE])
        by_cause[outcome.cause.value].append(
            Complaint(
                pull_request=f"PR #{outcome.number}",
                title=outcome.title,
                kind=outcome.kind.value,
                quotes=quotes,
                revision=revision,
            )
        )
    return {cause: tuple(found) for cause, found in sorted(by_cause.items(), key=lambda item: -len(item[1]))}


def list_tried_edits(store: Store) -> tuple[str, ...]:
    """Say how the newest candidates ended, without any held-out outcome."""
    verdicts = {p.candidate: p for p in store.proposals.all()}
    told = [_tried(c, verdicts.get(c.id)) for c in store.candidates.tried(MAX_TRIED_EDITS)]
    older = store.candidates.count_tried() - len(told)
    return tuple([f"{older} older edits", *told] if older > 0 else told)


def _tried(candidate: Candidate, proposal: Proposal | None) -> str:
    edit = candidate.edit
    end = {
        "kept": "kept",
        "refused": "refused: no gain could be shown",
        "screened_out": f"dropped early: {candidate.why}",
        "invalid": f"invalid: {candidate.why}",
        "testing": "still being tested",
        "joined": candidate.why,
    }[candidate.status]
    if proposal:
        said = f": {proposal.reason}" if proposal.reason else ""
        end = f"{end}; as a proposal it is {proposal.status.replace('_', ' ')}{said}"
    idea = f" {_cut(edit.hypothesis, 160)}" if edit.hypothesis else ""
    return f"{edit.title} (theme: {', '.join(edit.themes)}; files: {', '.join(edit.changes)}){idea} - {end}"


def shorten_transcript(events: Sequence[Event], limit: int = MAX_TRANSCRIPT_CHARS) -> str:
    """Shorten a transcript: cut file contents, keep what was said and how it ended."""
    lines = []
    for event in events:
        if event["kind"] == "reply":
            for block in event["content"]:
                if block.get("type") == "text" and block["text"].strip():
                    lines.append(f"said: {_cut(block['text'], 300)}")
        elif event["kind"] == "tool":
            result = _cut(str(event["result"]), 400 if event["error"] or "exit code" in str(event["result"]) else 80)
            lines.append(f"{event['name']}({_cut(str(event['input']), 200)}) -> {result}")
        elif event["kind"] == "check":
            lines.append(f"check: {_cut(event['objection'] or 'objective met', 400)}")
        elif event["kind"] == "end":
            lines.append(f"end: {event['ended']} {event['detail'][:200]}")
    return _cut("\n".join(lines), limit)


def _cut(text: str, limit: int) -> str:
    text = text.strip()
    return text if len(text) <= limit else f"{text[: limit // 2]} [...] {text[-limit // 2 :]}"
