"""Outcomes from an export: a text file with one JSON object a line, UTF-8, in any order.

Required fields of a line:

    repository    "owner/name"
    number        the pull request's number, a whole number above 0
    title         one line
    outcome       merged | revised | rejected | reverted | open | unknown

Optional fields; one that is missing or null is recorded as unknown, never guessed:

    url, author (who opened it), agent (the agent's name), version (of the worker)
    opened_at, submitted_at, closed_at     times with a zone: "2026-03-01T10:00:00Z"
    base_sha, first_sha, submitted_sha, head_sha, merged_sha
    same_as_first, same_as_head            true or false
    submitted_diff, merged_diff, revision  unified diffs as text
    cause         wrong_behaviour | incomplete | weak_tests | ignored_convention | too_wide | invented_api |
                  duplicate_code | checks_not_run | superseded | duplicate_ticket | abandoned | plans_changed | unknown
    cause_by      rule | model | person (default: person)
    comments      list of {"author", "text", "association", "path", "line", "when"}; association is GitHub's:
                  OWNER, MEMBER, COLLABORATOR (write access), CONTRIBUTOR, NONE, …; only author and text are required
    evidence, cause_evidence
                  lists of {"kind", "text", "author", "place", "when", "source"}; only kind and text are required

An unknown field is named as a problem and otherwise ignored. A line that cannot be read is named as a problem and
left out; the others are kept. When two lines are about the same pull request the later one stands.
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
from feedback.source import Cursor

MAX_LINE_BYTES = 8_000_000
"""Longer lines are refused rather than read into memory."""

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
"""Names of an outcome's fields, where the export calls them otherwise."""


class JsonlExport:
    """An export file. A `FeedbackSource`; what was wrong with its lines is in `problems` afterwards."""

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
        """Outcomes whose content is new or changed, in the order of their lines.

        Raises `FeedbackError` when the file cannot be opened; bad lines only add to `problems`.
        """
        if since is not None and since.source != self.name:
            raise FeedbackError(f"This cursor is of {since.source}, not of {self.name}. Start without a cursor.")
        seen = self._seen = dict(since.seen) if since else {}
        self.problems = []
        # First where each pull request stands last and what it says there, then only the lines that are news.
        last: dict[str, tuple[int, str]] = {}
        for offset, outcome in self._read():
            last[outcome.key] = (offset, outcome.digest)
        news = [where for key, where in last.items() if seen.get(key) != where[1]]
        for offset, digest in sorted(news):
            outcome = self._read_at(offset)
            yield outcome
            seen[outcome.key] = digest

    def _read(self) -> Iterator[tuple[int, Outcome]]:
        """Offset and outcome of each good line; a problem for each bad one."""
        try:
            with self._path.open("rb") as file:
                number, offset = 0, 0
                while line := file.readline(MAX_LINE_BYTES + 1):
                    number += 1
                    start, offset = offset, offset + len(line)
                    place = f"{self._path}:{number}"
                    if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                        while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                            offset += len(line)
                        self.problems.append(Problem(place, f"longer than {MAX_LINE_BYTES} bytes; shorten its diffs"))
                    elif line.strip(b" \t\r\n\xef\xbb\xbf"):
                        try:
                            outcome, ignored = parse_export_line(line)
                        except ValueError as wrong:
                            self.problems.append(Problem(place, str(wrong)))
                            continue
                        self.problems += [Problem(place, text, kept=True) for text in ignored]
                        yield start, outcome
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
                raise FeedbackError(f"{self._path} changed while it was read. Ingest it again.") from None


def parse_export_line(line: bytes) -> tuple[Outcome, list[str]]:
    """The outcome of one line and what in it was ignored. Raises `ValueError` with what is wrong and what to do."""
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}); write one object a line") from None
    if not isinstance(data, dict):
        raise ValueError(f"a JSON {type(data).__name__}, not an object; write one object a line")
    if missing := [name for name in _REQUIRED_FIELDS if data.get(name) is None]:
        raise ValueError(f"{', '.join(missing)} missing; add what docs/feedback.md requires")
    if isinstance(data["number"], bool):
        raise ValueError("number: a whole number was expected, not true or false; see docs/feedback.md")
    ignored = [
        f"unknown field {name[:80]!r} ignored; see docs/feedback.md for the names"
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
    return Diff.limited(text) if isinstance(text, str) else text


def _build_evidence(items: object) -> object:
    if not isinstance(items, list):
        return items or ()
    return [{"source": "export", **item} if isinstance(item, dict) else item for item in items]


def _build_comment(item: object) -> object:
    """A comment of the export as the record has it: one place instead of path and line."""
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
    """The first thing wrong, by the name that the export gives the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(_EXPORT_NAMES.get(str(part), str(part)) for part in first["loc"]) or "line"
    return f"{where}: {first['msg'][:200]}; see docs/feedback.md"


def format_export_line(outcome: Outcome) -> str:
    """One line of an export, without its line end; reading it gives the outcome back, but for how it was recognised
    and what its source could not know."""
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
