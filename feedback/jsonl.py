"""Reads outcomes from an export: UTF-8, one JSON object per line, in any order.

A line must have:

    repository    "owner/name"
    number        the pull request's number, a whole number above 0
    title         one line
    outcome       merged | revised | rejected | reverted | open | unknown

It may have these; a field that is missing or null is recorded as unknown, never guessed:

    url, author (who opened it), agent (the agent's name), version (of the worker)
    opened_at, submitted_at, closed_at     times with a time zone: "2026-03-01T10:00:00Z"
    base_sha, first_sha, submitted_sha, head_sha, merged_sha
    same_as_first, same_as_head            true or false
    submitted_diff, merged_diff, revision  unified diffs as text
    cause         wrong_behaviour | incomplete | weak_tests | ignored_convention | too_wide | invented_api |
                  duplicate_code | checks_not_run | superseded | duplicate_ticket | abandoned | plans_changed | unknown
    cause_by      rule | model | person (default: person)
    comments      a list of {"author", "text", "association", "path", "line", "when"}; author and text are required;
                  association as on GitHub: OWNER, MEMBER, COLLABORATOR (write access), CONTRIBUTOR, NONE, …
    evidence, cause_evidence
                  lists of {"kind", "text", "author", "place", "when", "source"}; kind and text are required

A line that cannot be read is reported and skipped; an unknown field is reported and ignored. If two lines are about the
same pull request, the later one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feedback.causes import assign_cause
from feedback.outcome import Diff, Outcome, OutcomeKind
from feedback.problems import FeedbackError, Problem
from feedback.source import Cursor, check_cursor

MAX_LINE_BYTES = 8_000_000
"""A longer line is skipped rather than read into memory."""

_PLAIN_FIELDS = (
    "url",
    "author",
    "version",
    "opened_at",
    "submitted_at",
    "closed_at",
    "base_sha",
    "first_sha",
    "submitted_sha",
    "head_sha",
    "merged_sha",
    "same_as_first",
    "same_as_head",
)
_DIFF_FIELDS = ("submitted_diff", "merged_diff", "revision")
_REQUIRED_FIELDS = ("repository", "number", "title", "outcome")
_KNOWN_FIELDS = frozenset(
    {
        *_REQUIRED_FIELDS,
        *_PLAIN_FIELDS,
        *_DIFF_FIELDS,
        "agent",
        "cause",
        "cause_by",
        "comments",
        "evidence",
        "cause_evidence",
    }
)
_EXPORT_NAMES = {"kind": "outcome", "words": "comments"}
"""Fields of an outcome that have another name in the export."""


class JsonlExport:
    """An export file. A `FeedbackSource`.

    After a run, `problems` says what was wrong with its lines.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._seen: dict[str, str] | None = None
        self.problems: list[Problem] = []

    @property
    def name(self) -> str:
        return f"jsonl:{self._path.resolve()}"

    @property
    def cursor(self) -> Cursor | None:
        return None if self._seen is None else Cursor(source=self.name, seen=self._seen)

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Yield outcomes whose content is new or has changed, in the order of their lines.

        Raises `FeedbackError` if the file cannot be read; bad lines only add to `problems`.
        """
        check_cursor(since, self.name)
        seen = self._seen = dict(since.seen) if since else {}
        self.problems = []
        # Find the last line about each pull request first, then read again only the lines that are new.
        last: dict[str, tuple[int, str]] = {}
        for offset, outcome in self._read():
            last[outcome.key] = (offset, outcome.digest)
        changed = [line for key, line in last.items() if seen.get(key) != line[1]]
        for offset, digest in sorted(changed):
            outcome = self._read_at(offset)
            yield outcome
            seen[outcome.key] = digest

    def _read(self) -> Iterator[tuple[int, Outcome]]:
        """Yield the offset and outcome of each good line; report each bad one."""
        for number, (offset, line) in enumerate(self._lines(), 1):
            place = f"{self._path}:{number}"
            if line is None:
                self.problems.append(Problem(place, f"longer than {MAX_LINE_BYTES} bytes; shorten its diffs"))
            elif line.strip(b" \t\r\n\xef\xbb\xbf"):
                try:
                    outcome, ignored = parse_export_line(line)
                except ValueError as error:
                    self.problems.append(Problem(place, str(error)))
                    continue
                self.problems += [Problem(place, text, is_kept=True) for text in ignored]
                yield offset, outcome

    def _lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield each line with its offset; None in place of a line that is too long."""
        try:
            with self._path.open("rb") as file:
                offset = 0
                while line := file.readline(MAX_LINE_BYTES + 1):
                    start, offset = offset, offset + len(line)
                    if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
                        yield start, line
                        continue
                    while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                        offset += len(line)
                    yield start, None
        except OSError as error:
            raise FeedbackError(
                f"Cannot read {self._path}: {error.strerror}. Give the path of a JSONL export (docs/feedback.md)."
            ) from error

    def _read_at(self, offset: int) -> Outcome:
        with self._path.open("rb") as file:
            file.seek(offset)
            try:
                return parse_export_line(file.readline(MAX_LINE_BYTES + 1))[0]
            except ValueError:
                raise FeedbackError(f"{self._path} changed while it was being read. Ingest it again.") from None


def parse_export_line(line: bytes) -> tuple[Outcome, list[str]]:
    """Return a line's outcome and a note on each field that was ignored.

    Raises `ValueError` that says what is wrong and what to do.
    """
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}); write one object per line") from None
    if not isinstance(data, dict):
        raise ValueError(f"a JSON {type(data).__name__}, not an object; write one object per line")
    if missing := [name for name in _REQUIRED_FIELDS if data.get(name) is None]:
        raise ValueError(f"{', '.join(missing)} missing; docs/feedback.md lists the required fields")
    if isinstance(data["number"], bool):
        raise ValueError("number: expected a whole number, not true or false; see docs/feedback.md")
    ignored = [
        f"ignored the unknown field {name[:80]!r}; docs/feedback.md lists the names"
        for name in data.keys() - _KNOWN_FIELDS
    ]
    try:
        return _build_outcome(data), sorted(ignored)
    except ValidationError as error:
        raise ValueError(_explain_error(error)) from None


def _build_outcome(data: dict[str, Any]) -> Outcome:
    given = {name: data.get(name) for name in _PLAIN_FIELDS}
    diffs = {name: _build_diff(data.get(name)) for name in _DIFF_FIELDS}
    comments = data.get("comments")
    unknown = {name for name, value in {**given, **diffs, "words": comments}.items() if value is None}
    if data["outcome"] == OutcomeKind.UNKNOWN:
        unknown.add("kind")
    fields = {
        **given,
        **diffs,
        "repository": data["repository"],
        "number": data["number"],
        "title": data["title"],
        "kind": data["outcome"],
        "agent": data.get("agent") or data.get("author") or "the agent",
        "recognised_by": "export",
        "words": [_build_comment(item) for item in comments] if isinstance(comments, list) else comments or (),
        "evidence": _build_evidence(data.get("evidence")),
        "cause": data.get("cause") or "unknown",
        "cause_by": data.get("cause_by") or ("person" if data.get("cause") else None),
        "cause_evidence": _build_evidence(data.get("cause_evidence")),
        "unknown_fields": sorted(unknown),
    }
    return assign_cause(Outcome.model_validate(fields))


def _build_diff(text: object) -> object:
    return Diff.from_text(text) if isinstance(text, str) else text


def _build_evidence(items: object) -> object:
    if not isinstance(items, list):
        return items or ()
    return [{"source": "export", **item} if isinstance(item, dict) else item for item in items]


def _build_comment(item: object) -> object:
    """Return the fields of a `Comment`, which has one place instead of a path and a line."""
    if not isinstance(item, dict):
        return item
    fields = {name: value for name, value in item.items() if name not in ("path", "line")}
    path, line = item.get("path"), item.get("line")
    if path is not None:
        fields["place"] = f"{path}:{line}" if line is not None else str(path)
    if isinstance(association := fields.get("association"), str):
        fields["association"] = association.strip().upper() or None
    return fields


def _explain_error(error: ValidationError) -> str:
    """Return the first thing that is wrong, under the field's name in the export."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(_EXPORT_NAMES.get(str(part), str(part)) for part in first["loc"]) or "line"
    return f"{where}: {first['msg'][:200]}; see docs/feedback.md"


def format_export_line(outcome: Outcome) -> str:
    """Return the outcome as a line of an export, without the line end.

    Reading it back loses only how the agent was recognised and which fields the source could not know.
    """
    data: dict[str, Any] = {
        "repository": outcome.repository,
        "number": outcome.number,
        "title": outcome.title,
        "outcome": outcome.kind.value,
        "agent": outcome.agent,
    }
    dumped = outcome.model_dump(mode="json")
    data |= {name: dumped[name] for name in _PLAIN_FIELDS if dumped[name] is not None}
    data |= {name: dumped[name]["text"] for name in _DIFF_FIELDS if dumped[name] is not None}
    if outcome.cause_by:
        data |= {name: dumped[name] for name in ("cause", "cause_by", "cause_evidence")}
    if "words" not in outcome.unknown_fields:
        data["comments"] = [_format_comment(comment) for comment in dumped["words"]]
    if outcome.evidence:
        data["evidence"] = dumped["evidence"]
    return json.dumps(data, ensure_ascii=False)


def _format_comment(comment: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in comment.items() if value is not None}
    if place := fields.pop("place", None):
        path, _, line = place.rpartition(":")
        fields |= {"path": path, "line": int(line)} if path and line.isdecimal() else {"path": place}
    return fields
