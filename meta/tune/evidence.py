"""What a good engineer would want to see before changing the agent. Held-out tickets and their feedback stay out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from feedback.records import Outcome
from feedback.words import quote
from meta.records import Candidate, Proposal, Record, Replay, Ticket
from meta.store.store import Store
from meta.store.tuning import candidates, proposals
from worker_agent.records import Event

MOST_FAILURES = 12
MOST_TRIED = 80
QUOTES_A_CAUSE = 6
DIFF_CHARS = 1500
TRANSCRIPT_CHARS = 2500


class Failure(Record):
    """A failed replay of the incumbent on a search ticket."""

    ticket: str
    brief: str
    labels: tuple[str, ...]
    reason: str
    transcript: str


class Complaint(Record):
    """What came back on one pull request."""

    pull_request: str
    title: str
    kind: str
    quotes: tuple[str, ...]
    revision: str = ""


class Evidence(Record):
    """All that a proposer is shown besides the surface itself."""

    failures: tuple[Failure, ...]
    passed: tuple[str, ...]
    complaints: dict[str, tuple[Complaint, ...]]
    """By cause, most frequent first."""
    tried: tuple[str, ...]


def gather(store: Store, replays: Sequence[Replay], search: Sequence[Ticket]) -> Evidence:
    """Evidence from replays of the incumbent on search tickets, from feedback, and from what was tried before."""
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
            transcript=shorten(store.transcript(failed.id)),
        )
        for name, runs in seen.items()
        if (failed := next((r for r in runs if r.verdict == "failed"), None))
    ]
    passed = tuple(name for name, runs in seen.items() if all(r.verdict == "passed" for r in runs))
    hidden = {t.source for t in store.tickets(held_out=True)}
    return Evidence(
        failures=tuple(failures[:MOST_FAILURES]),
        passed=passed,
        complaints=_complaints(o for o in store.outcomes() if f"pr:{o.number}" not in hidden),
        tried=tried_before(store),
    )


def _complaints(outcomes: Iterable[Outcome]) -> dict[str, tuple[Complaint, ...]]:
    by_cause: dict[str, list[Complaint]] = defaultdict(list)
    for outcome in outcomes:
        if not outcome.agents_fault:
            continue
        revision = _cut(outcome.revision.text, DIFF_CHARS) if outcome.revision else ""
        quotes = tuple(quote(word) for word in outcome.reviewer_words[:QUOTES_A_CAUSE])
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


def tried_before(store: Store) -> tuple[str, ...]:
    """How the newest candidates ended, and what people said of proposals: never any held-out outcome."""
    verdicts = {p.candidate: p for p in proposals(store)}
    told = [_tried(c, verdicts.get(c.id)) for c in candidates(store, "status != 'proposed'", newest=MOST_TRIED)]
    row = store.one("select count(*) as n from candidates where status != 'proposed'")
    older = (int(row["n"]) if row else 0) - len(told)
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


def shorten(events: Sequence[Event], limit: int = TRANSCRIPT_CHARS) -> str:
    """A transcript where the dull parts (what files contain) are cut and the telling parts (words, ends) are kept."""
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
