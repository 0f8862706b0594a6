"""Reads one ticket as a person writes it, in flat fields.

Diffs and hidden files may be inline, in files, or in the repository's history.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec, Grader, HiddenFile, JUnit, Ticket
from meta.tickets.mining.change_sides import split_change
from worker_agent.git import GitError, run_git


class BadEntry(Exception):
    """An entry cannot be read; the message says why, and what to do about it."""


class TicketEntry(BaseModel):
    """The fields of a ticket file; see docs/tickets.md.

    The names of repositories and files are relative to the ticket file.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    body: str = ""
    repo: str = "."
    base_commit: str = Field(min_length=1)
    fix_commit: str | None = None
    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    hidden: dict[str, str | None] = {}
    hidden_files: dict[str, str] = {}
    gold: str | None = None
    gold_file: str | None = None
    rejected: str | None = None
    rejected_file: str | None = None
    environment: EnvironmentSpec = EnvironmentSpec()
    labels: tuple[str, ...] = ()
    junit: JUnit | None = None
    seconds: float = Field(300.0, gt=0)
    test_seconds: float = Field(60.0, gt=0)
    source: str = "file"
    # `meta tickets mine --json` adds these; a mined line can be read back unchanged.
    status: str = ""
    reason: str = ""
    set_aside: bool = False


def ticket_of(fields: dict[str, Any], folder: Path) -> Ticket:
    """Return the ticket that an entry describes. Raises `BadEntry`.

    With a `fix_commit` and neither gold nor hidden files, both are taken from that commit's change.
    """
    try:
        if "grader" in fields:  # a record as `meta` itself writes it
            return Ticket.model_validate(fields)
        entry = TicketEntry.model_validate(fields)
        repo = _resolve_repository(entry.repo, folder)
        gold = _read_text(entry.gold, entry.gold_file, folder)
        hidden = tuple(_read_hidden(entry, folder))
        if entry.fix_commit and gold is None and not hidden:
            gold, hidden = _read_from_history(entry, repo)
        return Ticket(
            id=entry.id,
            title=entry.title,
            body=entry.body,
            repo=repo,
            base_commit=entry.base_commit,
            fix_commit=entry.fix_commit,
            gold=gold,
            rejected=_read_text(entry.rejected, entry.rejected_file, folder),
            environment=entry.environment,
            labels=entry.labels,
            source=entry.source,
            grader=Grader(
                fail_to_pass=entry.fail_to_pass,
                pass_to_pass=entry.pass_to_pass,
                test_files=entry.test_files,
                hidden=hidden,
                junit=entry.junit,
                seconds=entry.seconds,
                test_seconds=entry.test_seconds,
            ),
        )
    except ValidationError as error:
        raise BadEntry("; ".join(_explain_problem(problem) for problem in error.errors())) from None


def _read_hidden(entry: TicketEntry, folder: Path) -> list[HiddenFile]:
    found = [HiddenFile(path=p, content=None if t is None else t.encode()) for p, t in entry.hidden.items()]
    for path, source in entry.hidden_files.items():
        try:
            found.append(HiddenFile(path=path, content=(folder / source).read_bytes()))
        except OSError as error:
            raise BadEntry(f"hidden_files: cannot read {source} ({error.strerror}); correct its path") from None
    return found


def _read_from_history(entry: TicketEntry, repo: str) -> tuple[str, tuple[HiddenFile, ...]]:
    assert entry.fix_commit is not None
    try:
        run_git("rev-parse", "--verify", "--quiet", f"{entry.base_commit}^{{commit}}", cwd=Path(repo))
        sides = split_change(Path(repo), entry.base_commit, entry.fix_commit)
    except (GitError, OSError, MetaError):
        change = f"{entry.base_commit}..{entry.fix_commit}"
        raise BadEntry(f"cannot read the change {change} of {repo}; fetch it, or give `gold` and `hidden`") from None
    return sides.gold, sides.hidden


def _read_text(inline: str | None, file: str | None, folder: Path) -> str | None:
    if inline is not None or file is None:
        return inline
    try:
        return (folder / file).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise BadEntry(f"cannot read the diff {file} ({error.strerror}); correct its path") from None


def _resolve_repository(repo: str, folder: Path) -> str:
    return repo if "://" in repo else str((folder / Path(repo).expanduser()).resolve())


def _explain_problem(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"`{name}` is missing; add it"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, TicketEntry.model_fields, n=1)
        return f"there is no field `{name}`; " + (f"did you mean `{near[0]}`?" if near else "remove it")
    return f"`{name}`: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
