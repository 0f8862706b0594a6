"""Makes a ticket of one merged change, and tries it."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from meta.environments.commit_tree import CommitTree
from meta.environments.workshop import Bench, Workshop
from meta.errors import MetaError
from meta.project import Report, ignore_report
from meta.records.ticket import UNDER_SPECIFIED, EnvironmentSpec, Grader, Ticket
from meta.set_aside import quote_bytes, why_set_aside
from meta.tickets.admission.proof import CheckDrafter, admit_ticket
from meta.tickets.mining.briefs import brief_title_of, why_not_a_brief, write_brief
from meta.tickets.mining.change_sides import ChangeSides, split_change
from meta.tickets.mining.changes import MainlineChange, pull_messages_of
from meta.tickets.mining.contrast import MAX_SUITE_SECONDS, Contrast, NoContrast, find_contrast
from meta.tickets.mining.derived_environment import derive_working_environment
from meta.tickets.mining.file_changes import require_storable_paths
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.specification import themes_of, unspecified_names
from worker_agent.git import GitError, run_git
from worker_agent.submission_diff import RefusedDiff
from worker_agent.workspace import BadBase


@dataclass(frozen=True)
class MiningOptions:
    """How to try changes."""

    runs: int = 3
    """How often gold must pass and base must fail."""
    environment: EnvironmentSpec | None = None
    """The environment for the tests; `None` derives it from what the project declares."""
    suite_seconds: float = MAX_SUITE_SECONDS


@dataclass(frozen=True)
class ChangeOrigin:
    """What is known about a change besides its history."""

    source: str = "history"
    labels: tuple[str, ...] = ()
    rejected: str | None = None
    """What an agent first submitted for it, as a diff against the base."""
    draft: CheckDrafter | None = None


def mine_change(
    repository: Path,
    change: MainlineChange,
    workshop: Workshop,
    options: MiningOptions = MiningOptions(),
    *,
    origin: ChangeOrigin = ChangeOrigin(),
    report: Report = ignore_report,
) -> MinedTicket:
    """Make a ticket of one change, and try it.

    A change that cannot be a ticket is quarantined with the reason, and so is one that nothing here can read or run:
    that one is also set aside. Raises `OSError` when this machine is at fault.
    """
    begun, title = time.monotonic(), brief_title_of(change.subject)

    def found(reason: str, ticket: Ticket | None = None, **more: Any) -> MinedTicket:
        return MinedTicket(
            repo=str(repository),
            base_commit=change.base_commit,
            fix_commit=change.fix_commit,
            title=title,
            fail_to_pass=ticket.grader.fail_to_pass if ticket else (),
            pass_to_pass=ticket.grader.pass_to_pass if ticket else (),
            reason=quote_bytes(reason),
            ticket=ticket,
            seconds=round(time.monotonic() - begun, 3),
            **{"status": "quarantined", **more},
        )

    try:
        subject = _find_subject(repository, change)
        title = brief_title_of(subject)
        if reason := why_not_a_brief(subject):
            return found(reason)
        tell = partial(_tell, report, f"{change.fix_commit[:10]} {title[:60]}: ")
        with ExitStack() as stack:
            ticket, bench = _prepare(repository, change, subject, workshop, options, origin, tell, stack)
            admission, ticket = admit_ticket(ticket, bench, runs=options.runs, draft=origin.draft, report=tell)
            ticket.model_dump_json()  # a name or a text that cannot be stored is found out here
        return found(admission.reason, ticket, status=admission.status)
    except (NoContrast, BadBase, RefusedDiff) as refused:
        return found(str(refused))
    except Exception as error:
        return found(why_set_aside(error), set_aside=not isinstance(error, MetaError))


def _tell(report: Report, heading: str, text: str) -> None:
    report(heading + text)


def _prepare(
    repository: Path,
    change: MainlineChange,
    subject: str,
    workshop: Workshop,
    options: MiningOptions,
    origin: ChangeOrigin,
    tell: Report,
    stack: ExitStack,
) -> tuple[Ticket, Bench]:
    """Return the ticket of a change with the bench that it is tried on, which `stack` closes."""
    sides = split_change(repository, change.base_commit, change.fix_commit)
    if reason := why_unusable(sides):
        raise NoContrast(reason)
    require_storable_paths(CommitTree(repository, change.base_commit).files)
    tell("building its environment")
    spec = options.environment or derive_working_environment(repository, change, sides, workshop, tell)
    bench = stack.enter_context(workshop.bench(repository, change.base_commit, spec))
    tell("comparing the tests before and after")
    seen = find_contrast(sides.gold, sides.hidden, bench, options.suite_seconds)
    return _make_ticket(repository, change, subject, sides, spec, seen, origin), bench


def _make_ticket(
    repository: Path,
    change: MainlineChange,
    subject: str,
    sides: ChangeSides,
    spec: EnvironmentSpec,
    seen: Contrast,
    origin: ChangeOrigin,
) -> Ticket:
    bodies = [change.message.partition("\n")[2]] if not change.is_merge else []
    if not any(body.strip() for body in bodies):
        bodies = [message.partition("\n")[2] for message in pull_messages_of(repository, change)]
    words = write_brief(subject, bodies, sides.gold)
    base, fix = CommitTree(repository, change.base_commit), CommitTree(repository, change.fix_commit)
    marks = themes_of(change, subject, sides.gold)
    if unspecified_names(words.text, sides.gold, base, fix, sides.test_files):
        marks.append(UNDER_SPECIFIED)
    number = f"-{change.pull}" if change.pull else ""
    return Ticket(
        id=f"{_name_project(repository)[:40]}{number}-{change.fix_commit[:10]}",
        title=words.title,
        body=words.body,
        repo=str(repository),
        base_commit=change.base_commit,
        fix_commit=change.fix_commit,
        gold=sides.gold,
        rejected=origin.rejected,
        environment=spec,
        grader=Grader(
            fail_to_pass=seen.fail_to_pass,
            pass_to_pass=seen.pass_to_pass,
            hidden=sides.hidden,
            # Far above what the change needs, but no more: a hang would cost all of it in every replay.
            seconds=min(1800.0, max(60.0, 10 * seen.seconds)),
            test_seconds=seen.test_seconds,
        ),
        labels=(*origin.labels, *marks),
        source=origin.source,
    )


def why_unusable(sides: ChangeSides) -> str:
    """Say why a change cannot become a ticket; empty if it can."""
    if sides.links:
        return f"it changes a link or a submodule, which no submission may do: {sides.links[0]}"
    if not sides.gold.strip():
        return "all of the change is on the test side"
    if not sides.test_files:
        return "it leaves no test behind that could be run"
    return ""


def _find_subject(repository: Path, change: MainlineChange) -> str:
    """Return the line that says what the change is.

    A merge's is the pull request's title, in its body or its commits.
    """
    if not change.is_merge:
        return change.subject
    body = [line.strip() for line in change.message.split("\n")[1:] if line.strip()]
    if body:
        return body[0]
    if len(change.merged) > 1:
        raise NoContrast(f"it merges {len(change.merged)} branches at once, and its message does not say what they do")
    return next((message.partition("\n")[0] for message in pull_messages_of(repository, change)), change.subject)


def _name_project(repository: Path) -> str:
    """Return the project's name, from the URL it was cloned from, else its folder."""
    with suppress(GitError, OSError):
        url = run_git("config", "--get", "remote.origin.url", cwd=repository).strip().rstrip("/")
        if name := re.sub(r"[^A-Za-z0-9._-]", "-", url.removesuffix(".git").rsplit("/", 1)[-1].rsplit(":", 1)[-1]):
            return name.lstrip("._-") or "ticket"
    path = repository.resolve()
    folder = path.parent.name if path.name in (".git", "repo") else path.name
    return re.sub(r"[^A-Za-z0-9._-]", "-", folder.removesuffix(".git")).lstrip("._-") or "ticket"
