"""One replay: its verdict, and all that was said and done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from meta.rates import describe_cost
from meta.records.replay import Replay
from worker_agent.records import Event

SHORT_ID = 10
"""Characters of a replay's id that are shown where there is little room; a unique beginning is enough to ask for it."""

MAX_RESULT_LINES = 40
"""Lines of one tool's result on the page; `--json` has them all."""


def replay_page(replay: Replay, transcript: Sequence[Event]) -> str:
    """Show verdict and reason, the change, and the transcript.

    Alarms are signs that the submission forged its results.
    """
    sections = [_facts(replay), *([["the change", replay.diff.rstrip()]] if replay.diff else [])]
    if transcript:
        sections.append(["transcript", *(line for event in transcript for line in _event(event))])
    else:
        sections.append(["the transcript was removed, as nightly.keep_days and nightly.keep_mb of meta.toml say"])
    return "\n\n".join("\n".join(lines) for lines in sections)


def _facts(replay: Replay) -> list[str]:
    lines = [
        f"replay {replay.id}",
        f"ticket      {replay.ticket}",
        f"version     {replay.version}",
        f"made        {replay.started_at[:16].replace('T', ' ')}, purpose: {replay.purpose}",
        f"verdict     {replay.verdict}",
    ]
    if replay.tests_passed is not None:
        lines.append(f"tests       {'passed' if replay.tests_passed else 'failed'}")
    lines += [f"reason      {_indented(replay.reason)}"]
    lines += [f"alarm       {_indented(alarm)}" for alarm in replay.alarms]
    lines += [f"worker      {replay.ended.replace('_', ' ')}"]
    if replay.summary:
        lines.append(f"summary     {_indented(replay.summary)}")
    model = f" ({replay.model})" if replay.model else ""
    seconds = f"{replay.seconds:.0f} s, of which grading {replay.grading_seconds:.0f} s"
    return [*lines, f"cost        {describe_cost([replay])}{model}; {seconds}"]


def _indented(text: str) -> str:
    return "\n            ".join(text.rstrip().splitlines())


def _event(event: Event) -> Iterable[str]:
    kind = event.get("kind")
    if kind == "start":
        yield from _block("ticket", event.get("brief", ""))
    elif kind == "reply":
        for part in event.get("content", []):
            if part.get("type") == "text":
                yield from _block("model", part["text"])
    elif kind == "tool":
        given = json.dumps(event.get("input", {}), ensure_ascii=False)
        yield from _block(f"{event.get('name')}{' (failed)' if event.get('error') else ''} {given}", event["result"])
    else:
        told = {name: value for name, value in event.items() if name != "kind" and value}
        yield f"  {kind}: {json.dumps(told, ensure_ascii=False)}"


def _block(head: str, text: str) -> Iterable[str]:
    lines = text.rstrip().splitlines()
    yield f"  {head}"
    yield from (f"    | {line}" for line in lines[:MAX_RESULT_LINES])
    if len(lines) > MAX_RESULT_LINES:
        yield f"    | ({len(lines) - MAX_RESULT_LINES} more lines)"
