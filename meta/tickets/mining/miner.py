"""Makes tickets out of a repository's own history: each merged change with its tests, proved before it counts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from meta.app import Context
from meta.environments.commit_tree import CommitTree
from meta.environments.environment import build_environment
from meta.errors import MetaError
from meta.grading.linter_packages import find_linter_packages
from meta.languages.python.declared_packages import find_declared_packages
from meta.languages.python.requirements import derive_environment, derive_minimal_environment
from meta.records.ticket import UNDER_SPECIFIED, EnvironmentSpec, Grader, Ticket, TicketStatus
from meta.tickets.admission.proof import CheckDrafter, admit_ticket
from meta.tickets.admission.queue import limit_environment_cache
from meta.tickets.mining.briefs import brief_title_of, why_not_a_brief, write_brief
from meta.tickets.mining.change_sides import ChangeSides, split_change
from meta.tickets.mining.changes import MainlineChange, find_candidate_changes, pull_messages_of
from meta.tickets.mining.contrast import MAX_SUITE_SECONDS, Contrast, NoContrast, find_contrast
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.specification import themes_of, unspecified_names
from worker_agent.git import GitError, run_git
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox
from worker_agent.sandbox.process import kill_all_jobs
from worker_agent.submission_diff import RefusedDiff
from worker_agent.workspace import BadBase, make_template

MiningProgress = Callable[[str], None]


@dataclass(frozen=True)
class MiningWorkshop:
    """Where mining takes place. `cache` holds templates and environments, `scratch` workspaces while they are used."""

    sandbox: Sandbox
    cache: Path
    scratch: Path
    runs: int = 3
    environment: EnvironmentSpec | None = None
    """What every change runs in; `None` derives it from what the project declares."""
    suite_seconds: float = MAX_SUITE_SECONDS


def mine_repository(
    repository: Path,
    workshop: MiningWorkshop,
    *,
    since: str | None = None,
    limit: int | None = None,
    jobs: int = 2,
    skip: Collection[str] = (),
    progress: MiningProgress | None = None,
) -> Iterator[MinedTicket]:
    """Try the changes of a repository's main line, newest first; one result for each, in that order.

    Ends when `limit` tickets were admitted. `since` is anything that `git log --since` takes; `skip` holds fix commits
    that were tried before, so that an interrupted run can be taken up. `jobs` changes are tried at a time. Raises
    `MetaError` when there is no history to read.
    """
    waiting = (change for change in find_candidate_changes(repository, since) if change.fix_commit not in skip)
    tell, admitted = CancellableProgress(progress), 0
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="mine")
    running: list[Future[MinedTicket]] = []
    try:
        while limit is None or admitted < limit:
            # Twice as many as run at a time, so that nobody waits while the oldest is still being tried.
            while len(running) < 2 * jobs and (change := next(waiting, None)) is not None:
                running.append(pool.submit(mine_change, repository, change, workshop, progress=tell))
            if not running:
                return
            mined = running.pop(0).result()
            admitted += mined.status == "admitted"
            yield mined
    finally:
        tell.stop()
        pool.shutdown(wait=False, cancel_futures=True)


class CancellableProgress:
    """Tells how far the changes are that are being tried, as long as somebody wants their results. Then their programs
    are ended, and they themselves at the next thing that they tell."""

    def __init__(self, progress: MiningProgress | None) -> None:
        self._progress, self._over = progress, Event()

    def __call__(self, text: str) -> None:
        if self._over.is_set():
            raise _MiningCancelled
        if self._progress:
            self._progress(text)

    def stop(self) -> None:
        self._over.set()
        kill_all_jobs()


class _MiningCancelled(Exception):
    """Nobody wants the result any more."""


@dataclass(frozen=True)
class ChangeOrigin:
    """What is known of a change besides its history."""

    source: str = "history"
    labels: tuple[str, ...] = ()
    rejected: str | None = None
    """What an agent had first submitted for it, as a diff against the base."""
    draft: CheckDrafter | None = None


def mine_change(
    repository: Path,
    change: MainlineChange,
    workshop: MiningWorkshop,
    *,
    origin: ChangeOrigin = ChangeOrigin(),
    progress: MiningProgress | None = None,
) -> MinedTicket:
    """Make a ticket of one change and try it."""
    begun = time.monotonic()
    title = brief_title_of(_subject(repository, change))
    name = f"{change.fix_commit[:10]} {title[:60]}"
    tell: MiningProgress = (lambda text: progress(f"{name}: {text}")) if progress else (lambda _: None)

    def found(status: TicketStatus, reason: str, ticket: Ticket | None = None) -> MinedTicket:
        return MinedTicket(
            repo=str(repository),
            base_commit=change.base_commit,
            fix_commit=change.fix_commit,
            title=title,
            fail_to_pass=ticket.grader.fail_to_pass if ticket else (),
            pass_to_pass=ticket.grader.pass_to_pass if ticket else (),
            status=status,
            reason=reason,
            ticket=ticket,
            seconds=round(time.monotonic() - begun, 3),
        )

    if reason := why_not_a_brief(_subject(repository, change)):
        return found("quarantined", reason)
    sides = split_change(repository, change.base_commit, change.fix_commit)
    if reason := why_unusable(sides):
        return found("quarantined", reason)
    try:
        tell("building its environment")
        spec, environment = _environment(repository, change, sides, workshop, tell)
        template = make_template(repository, change.base_commit, workshop.cache / "templates")
        tell("comparing the tests before and after")
        seen = find_contrast(
            sides.gold,
            sides.hidden,
            template=template,
            environment=environment,
            sandbox=workshop.sandbox,
            scratch=workshop.scratch,
            suite_seconds=workshop.suite_seconds,
        )
    except (NoContrast, BadBase, RefusedDiff) as refused:
        return found("quarantined", str(refused))
    except MetaError as error:
        return found("quarantined", error.message)
    ticket = _ticket(repository, change, sides, spec, seen, origin)
    admission, ticket = admit_ticket(
        ticket,
        template=template,
        environment=environment,
        sandbox=workshop.sandbox,
        scratch=workshop.scratch,
        runs=workshop.runs,
        draft=origin.draft,
        progress=tell,
    )
    return found(admission.status, admission.reason, ticket)


def _ticket(
    repository: Path,
    change: MainlineChange,
    sides: ChangeSides,
    spec: EnvironmentSpec,
    seen: Contrast,
    origin: ChangeOrigin,
) -> Ticket:
    subject = _subject(repository, change)
    bodies = [change.message.partition("\n")[2]] if not change.merged else []
    if not any(body.strip() for body in bodies):
        bodies = [message.partition("\n")[2] for message in pull_messages_of(repository, change)]
    words = write_brief(subject, bodies, sides.gold)
    base, fix = CommitTree(repository, change.base_commit), CommitTree(repository, change.fix_commit)
    marks = themes_of(change, subject, sides.gold)
    if unspecified_names(words.text, sides.gold, base, fix, sides.test_files):
        marks.append(UNDER_SPECIFIED)
    number = f"-{change.pull}" if change.pull else ""
    return Ticket(
        id=f"{_name(repository)[:40]}{number}-{change.fix_commit[:10]}",
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
            # Far above what the change needs, and not more: a hang would cost all of it in every replay.
            seconds=min(1800.0, max(60.0, 10 * seen.seconds)),
            test_seconds=seen.test_seconds,
        ),
        labels=(*origin.labels, *marks),
        source=origin.source,
    )


def why_unusable(sides: ChangeSides) -> str:
    if sides.links:
        return f"it changes a link or a submodule, which no submission may do: {sides.links[0]}"
    if not sides.gold.strip():
        return "all of the change is on the test side"
    if not sides.test_files:
        return "it leaves no test behind that could be run"
    return ""


def _environment(
    repository: Path, change: MainlineChange, sides: ChangeSides, workshop: MiningWorkshop, tell: MiningProgress
) -> tuple[EnvironmentSpec, Environment]:
    """As declared; where that cannot be had, the least that the project and the changed tests need."""
    cache = workshop.cache / "environments"
    if workshop.environment is not None:
        return workshop.environment, build_environment(workshop.environment, repository, change.base_commit, cache)
    spec = derive_environment(repository, change.base_commit, change.fix_commit, sides.test_files)
    try:
        built = spec, build_environment(spec, repository, change.base_commit, cache)
    except MetaError as refused:
        bare = derive_minimal_environment(spec, repository, change.base_commit, sides.test_files)
        if bare == spec:
            raise
        tell("building the least that its tests need")
        try:
            built = bare, build_environment(bare, repository, change.base_commit, cache)
        except MetaError:
            raise refused from None
    return _with_linters(*built, repository, change, cache, tell)


def _with_linters(
    spec: EnvironmentSpec,
    environment: Environment,
    repository: Path,
    change: MainlineChange,
    cache: Path,
    tell: MiningProgress,
) -> tuple[EnvironmentSpec, Environment]:
    """The same with those linters of the base that can be had: for want of one, no ticket is turned down."""
    base = CommitTree(repository, change.base_commit)
    for linter in find_linter_packages(base, spec.packages, find_declared_packages(base).runtime):
        more = spec.model_copy(update={"linters": (*spec.linters, linter)})
        try:
            spec, environment = more, build_environment(more, repository, change.base_commit, cache)
        except MetaError as refused:
            tell(f"no check with {linter[0]}: {refused.message.strip().splitlines()[-1][:200]}")
    return spec, environment


def _subject(repository: Path, change: MainlineChange) -> str:
    """The line that says what the change is: a merge's is the pull request's title, in its body or its commits."""
    if not change.merged:
        return change.subject
    body = [line.strip() for line in change.message.split("\n")[1:] if line.strip()]
    if body:
        return body[0]
    return next((message.partition("\n")[0] for message in pull_messages_of(repository, change)), change.subject)


def _name(repository: Path) -> str:
    """The project's name: of the place that it was cloned from, else of its folder."""
    with suppress(GitError, OSError):
        url = run_git("config", "--get", "remote.origin.url", cwd=repository).strip().rstrip("/")
        if name := re.sub(r"[^A-Za-z0-9._-]", "-", url.removesuffix(".git").rsplit("/", 1)[-1].rsplit(":", 1)[-1]):
            return name.lstrip("._-") or "ticket"
    path = repository.resolve()
    folder = path.parent.name if path.name in (".git", "repo") else path.name
    return re.sub(r"[^A-Za-z0-9._-]", "-", folder.removesuffix(".git")).lstrip("._-") or "ticket"


def mine_into_store(
    context: Context, path: Path, since: str | None, limit: int, skip: Collection[str] = ()
) -> Generator[MinedTicket]:
    """Tickets from the history of the clone at `path`, newest change first, admitted or quarantined.

    Changes that became a ticket in an earlier run are not tried again, nor those whose fix commits are in `skip`.
    """
    limit_environment_cache(context)
    cache = context.settings.cache
    scratch = cache / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    workshop = MiningWorkshop(context.sandbox, cache, scratch)
    known = {t.fix_commit for t in context.store.tickets.all() if t.fix_commit} | set(skip)
    jobs = context.settings.replay.parallel
    for mined in mine_repository(
        path.resolve(), workshop, since=since, limit=limit, jobs=jobs, skip=known, progress=context.tell
    ):
        if mined.ticket and mined.admission:
            context.store.tickets.add(mined.ticket)
            context.store.tickets.admit(mined.ticket, mined.admission)
        yield mined
