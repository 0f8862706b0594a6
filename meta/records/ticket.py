"""Tickets, their graders, and the result of their admission."""

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
    """A file that grading lays over the submission.

    `content` is `None` if the gold change removed it.
    """

    path: str
    content: Base64
    executable: bool = False


class ReviewCheck(Record):
    """What a reviewer asked for, as a check drafted by a model; see docs/tickets.md."""

    kind: Literal["must_add", "must_not_add", "must_use", "must_touch", "must_not_touch"]
    files: str = Field("*", min_length=1, max_length=200, pattern=r"^[^\n\[\]]+$")
    """A path relative to the root; `*` stands for any characters."""
    text: str = Field("", max_length=200, pattern=r"^[^\n]*$")
    """Plain text on one line, not a pattern; empty for the kinds that only look at paths."""
    quote: str = Field(min_length=8, max_length=500)
    """The reviewer's words behind it."""
    author: str = Field(min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> ReviewCheck:
        by_path = self.kind in ("must_touch", "must_not_touch")
        if by_path == bool(self.text.strip()):
            raise ValueError("`text` is required for the kinds that look at lines, and only for those")
        if by_path and self.files == "*":
            raise ValueError("`files` must name the files")
        return self


class JUnit(Record):
    """A command that writes JUnit XML, for tests that do not run with pytest."""

    command: str = Field(min_length=1)
    """Run by `sh -c` in the workspace."""
    report: str = Field(min_length=1, pattern=r"^[^/\n][^\n]*$")
    """Path of the report, relative to the workspace; `*` and `**` work as in a shell."""
    protected: tuple[str, ...] = ()
    """More files to take from the base, such as those that control the command."""

    @model_validator(mode="after")
    def _reports_inside(self) -> JUnit:
        if ".." in self.report.split("/"):
            raise ValueError("`report` must be inside the workspace")
        return self


class Grader(Record):
    """The tests and checks that decide a replay.

    Test ids are pytest node ids relative to the repository's root, or `classname::name` with `junit`.
    """

    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    hidden: tuple[HiddenFile, ...] = ()
    test_files: tuple[str, ...] = ()
    """The files passed to pytest: those of the hidden tests and of PASS_TO_PASS."""
    seconds: float = Field(300.0, gt=0, description="wall-clock time of the whole test run")
    test_seconds: float = Field(60.0, gt=0, description="wall-clock time of one test")
    junit: JUnit | None = None
    """How to run tests without pytest; such verdicts are weaker, see `meta.languages.junit.junit_run`."""
    checks: tuple[str, ...] = ()
    """Names of acceptance checks that the merged change passed at admission; see `meta.grading.acceptance`."""
    review: tuple[ReviewCheck, ...] = ()
    """Review checks that the merged change passes and the rejected diff fails."""

    protected: tuple[str, ...] = ()
    """Files outside the test folders that the tests need; grading takes them from the base."""
    unaltered: tuple[str, ...] = ()
    """Deciding tests of which no altered copy fails with the merged change."""
    weak: str = ""
    """Why code that solves nothing may pass; empty if admission found no way."""

    @property
    def deciding_tests(self) -> tuple[str, ...]:
        """All the tests that have to pass."""
        return (*self.fail_to_pass, *self.pass_to_pass)


class EnvironmentSpec(Record):
    """What a repository's tests need. Equal specs share one built environment."""

    python: str = ""
    """A version such as "3.11", the path of an interpreter with everything installed, or "" for `meta`'s own."""
    packages: tuple[str, ...] = ()
    exclude_newer: str | None = None
    """Ignore packages newer than this day (ISO 8601)."""
    project: bool = True
    """Install the repository itself, as an editable install in the workspace."""
    variables: tuple[tuple[str, str], ...] = ()
    test_command: str = "python -m pytest -q"
    checks: tuple[str, ...] = ()
    """Commands whose result a submission must not make worse; the worker runs them before it submits."""
    linters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Programs of acceptance checks that the environment lacks or has in another version.

    Each is installed into a separate environment, with these requirements.
    """


UNDER_SPECIFIED = "under-specified"
"""Label of a ticket whose brief omits a name or text that its tests require; the gate cannot use it."""


class Ticket(Record):
    """A brief, a repository, a base commit and a grader."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    title: str
    body: str = ""
    repo: str
    base_commit: str
    grader: Grader = Grader()
    gold: str | None = None
    """Diff of the merged change against the base, without the hidden files."""
    rejected: str | None = None
    """What the agent first submitted, if a reviewer rejected or changed it."""
    environment: EnvironmentSpec = EnvironmentSpec()
    labels: tuple[str, ...] = ()
    """Themes, assigned before any edit is written: cause, kind of work, part of the repository."""
    source: str = "file"
    fix_commit: str | None = None

    def with_grader(self, **changes: object) -> Ticket:
        """Return the ticket with these fields of its grader changed."""
        return self.model_copy(update={"grader": self.grader.model_copy(update=changes)})


TicketStatus = Literal["new", "admitted", "quarantined"]


class Admission(Record):
    """The result of checking whether a ticket can be admitted."""

    ticket: str
    status: TicketStatus
    reason: str = ""
    runs: int = 0
    seconds: float = 0.0
