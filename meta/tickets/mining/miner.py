"""Mines a repository's history: tries merged changes, several at a time."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

from meta.environments.workshop import Workshop
from meta.project import Report, ignore_report
from meta.settings import ReplaySettings
from meta.store.tickets import Tickets
from meta.tickets.mining.attempt import MiningOptions, mine_change
from meta.tickets.mining.briefs import brief_title_of
from meta.tickets.mining.changes import MainLine, UnreadableChange, find_minable_changes
from meta.tickets.mining.main_branch import choose_branch, report_gaps
from meta.tickets.mining.mined_ticket import MinedTicket
from worker_agent.sandbox.process import kill_all_jobs


def mine_repository(
    repository: Path,
    workshop: Workshop,
    options: MiningOptions = MiningOptions(),
    *,
    main_line: MainLine = MainLine(),
    limit: int | None = None,
    jobs: int = 2,
    skip: Collection[str] = (),
    report: Report = ignore_report,
) -> Iterator[MinedTicket]:
    """Try the changes of the main line, newest first, and yield each result.

    Ends when `limit` tickets are admitted. `skip` holds fix commits that were tried before, so that an interrupted run
    can resume. `jobs` changes are tried at a time. Raises `MetaError` when there is no history to read.
    """
    workshop.require_sandbox()  # do not quarantine tickets because this machine has none
    report_gaps(repository, report)
    main_line = replace(main_line, branch=choose_branch(repository, main_line.branch, report))
    waiting = find_minable_changes(repository, main_line, skip)
    progress, admitted = CancellableProgress(report), 0
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="mine")
    running: list[Future[MinedTicket]] = []
    try:
        while limit is None or admitted < limit:
            # Twice as many as run at a time, so that no thread idles while the oldest is still being tried.
            while len(running) < 2 * jobs and (change := next(waiting, None)) is not None:
                if isinstance(change, UnreadableChange):
                    running.append(pool.submit(_set_aside, repository, change))
                    continue
                running.append(pool.submit(mine_change, repository, change, workshop, options, report=progress))
            if not running:
                return
            mined = running.pop(0).result()
            admitted += mined.status == "admitted"
            yield mined
    finally:
        progress.stop()
        pool.shutdown(wait=False, cancel_futures=True)


def _set_aside(repository: Path, change: UnreadableChange) -> MinedTicket:
    return MinedTicket(
        repo=str(repository),
        base_commit=change.base_commit,
        fix_commit=change.fix_commit,
        title=brief_title_of(change.subject),
        status="quarantined",
        reason=change.reason,
        set_aside=True,
    )


class CancellableProgress:
    """Reports progress until the caller stops listening.

    Then running programs are killed, and each attempt ends at its next line of progress.
    """

    def __init__(self, report: Report) -> None:
        self._report, self._over = report, Event()

    def __call__(self, line: str) -> None:
        if self._over.is_set():
            raise _MiningCancelled
        self._report(line)

    def stop(self) -> None:
        """Kill what is running, since nobody wants its result."""
        self._over.set()
        kill_all_jobs()


class _MiningCancelled(BaseException):
    """The caller no longer wants the result; nothing on the way may take it for an error."""


def mine_into_store(
    tickets: Tickets,
    workshop: Workshop,
    repository: Path,
    settings: ReplaySettings,
    report: Report,
    *,
    main_line: MainLine = MainLine(),
    limit: int,
    skip: Collection[str] = (),
) -> Generator[MinedTicket]:
    """Mine a clone as `mine_repository` does, and keep each ticket, admitted or not.

    Changes that became a ticket in an earlier run are not tried again, also if it was removed since, nor those whose
    fix commits are in `skip`.
    """
    workshop.prune_environments(settings.environments_mb, report)
    known = {t.fix_commit for t in tickets.all() if t.fix_commit} | set(skip)
    for mined in mine_repository(
        repository.resolve(),
        workshop,
        main_line=main_line,
        limit=limit,
        jobs=settings.parallel,
        skip=known,
        report=report,
    ):
        if mined.ticket and mined.admission:
            tickets.add(mined.ticket)
            tickets.record_admission(mined.ticket, mined.admission)
        yield mined
