"""Tickets, what decides a replay of one, and how it proved itself."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from meta.records.record import Record


def _bytes(value: object) -> bytes | None:
    return b64decode(value) if isinstance(value, str) else value  # type: ignore[return-value]


Base64 = Annotated[
    bytes | None, PlainValidator(_bytes), PlainSerializer(lambda b: b if b is None else b64encode(b).decode())
]


class HiddenFile(Record):
    """A file that grading lays over the submission: its content, or `None` where the gold change removed it."""

    path: str
    content: Base64
    executable: bool = False


class ReviewCheck(Record):
    """What a reviewer asked for, as a declaration that a model drafted from the words; see `docs/tickets.md`."""

    kind: Literal["must_add", "must_not_add", "must_use", "must_touch", "must_not_touch"]
    files: str = Field("*", min_length=1, max_length=200, pattern=r"^[^\n\[\]]+$")
    """A path relative to the root, `*` for anything in it."""
    text: str = Field("", max_length=200, pattern=r"^[^\n]*$")
    """Plain text on one line, never a pattern; empty for the kinds that only look at paths."""
    quote: str = Field(min_length=8, max_length=500)
    """The reviewer's words that it was drafted from."""
    author: str = Field(min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> ReviewCheck:
        by_path = self.kind in ("must_touch", "must_not_touch")
        if by_path == bool(self.text.strip()):
            raise ValueError("`text` belongs to the kinds that look at lines, and only to them")
        if by_path and self.files == "*":
            raise ValueError("`files` has to say which")
        return self


class JUnit(Record):
    """A command that writes JUnit XML, for tests that pytest does not run."""

    command: str = Field(min_length=1)
    """Run by `sh -c` in the workspace."""
    report: str = Field(min_length=1, pattern=r"^[^/\n][^\n]*$")
    """Where it writes its report, relative to the workspace; `*` and `**` as in a shell."""
    protected: tuple[str, ...] = ()
    """Files that are taken from the base besides those that always are, such as what steers the command."""

    @model_validator(mode="after")
    def _reports_inside(self) -> JUnit:
        if ".." in self.report.split("/"):
            raise ValueError("`report` has to lie in the workspace")
        return self


class Grader(Record):
    """What decides a replay. Test ids are pytest node ids relative to the repository's root, or, with `junit`,
    `classname::name`."""

    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    hidden: tuple[HiddenFile, ...] = ()
    test_files: tuple[str, ...] = ()
    """The files handed to pytest; the hidden tests' files and those of PASS_TO_PASS."""
    seconds: float = Field(300.0, gt=0, description="wall-clock time of the whole test run")
    test_seconds: float = Field(60.0, gt=0, description="wall-clock time of one test")
    junit: JUnit | None = None
    """How the tests are run where not by pytest; such verdicts are weaker, see `meta.languages.junit.junit_run`."""
    checks: tuple[str, ...] = ()
    """Acceptance checks that the merged change passes, by name; found at admission, see `meta.grading.acceptance`."""
    review: tuple[ReviewCheck, ...] = ()
    """Review checks that the merged change passes and the rejected diff fails."""


class EnvironmentSpec(Record):
    """What a repository's tests need. Equal specs share one built environment."""

    python: str = ""
    """A version such as "3.11", the path of an interpreter with everything installed, or "" for `meta`'s own."""
    packages: tuple[str, ...] = ()
    exclude_newer: str | None = None
    """Resolve packages as of this day (ISO 8601)."""
    project: bool = True
    """Install the repository itself, editable, at its place in the workspace."""
    variables: tuple[tuple[str, str], ...] = ()
    test_command: str = "python -m pytest -q"
    checks: tuple[str, ...] = ()
    """Commands that a submission must not make worse; the worker runs them itself before it submits."""
    linters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Programs of acceptance checks that the tests' environment lacks, or has in another version, each with the
    requirements of the environment of its own that it is installed into."""


UNDER_SPECIFIED = "under-specified"
"""Label of a ticket whose brief leaves out a name or a text that its tests demand: no use to the gate."""


class Ticket(Record):
    """A brief, a repository, a base commit and a grader."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    title: str
    body: str = ""
    repo: str
    base_commit: str
    grader: Grader = Grader()
    gold: str | None = None
    """The merged change without its hidden files, as a diff against the base."""
    rejected: str | None = None
    """What the agent had first submitted, where a reviewer turned it down or changed it."""
    environment: EnvironmentSpec = EnvironmentSpec()
    labels: tuple[str, ...] = ()
    """Themes, given before any edit is written: cause, kind of work, part of the repository."""
    source: str = "file"
    fix_commit: str | None = None


TicketStatus = Literal["new", "admitted", "quarantined"]


class Admission(Record):
    """What was found when a ticket had to prove itself."""

    ticket: str
    status: TicketStatus
    reason: str = ""
    runs: int = 0
    seconds: float = 0.0
