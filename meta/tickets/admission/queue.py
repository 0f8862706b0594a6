"""Admission of all tickets that wait for it: several at a time, each written down as soon as it is known."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from meta.app import Context
from meta.environments.environment import build_environment
from meta.environments.workshop import template_of
from meta.errors import MetaError
from meta.records.replay import MACHINE_FAULT
from meta.records.ticket import Admission, Ticket
from meta.tickets.admission.proof import admit_ticket
from worker_agent.sandbox.process import kill_all_jobs


def limit_environment_cache(context: Context) -> None:
    """Remove the built environments that were not used for longest, down to the limit in meta.toml.

    Called before tickets are tried, when nothing runs in any of them: one `meta` works here at a time.
    """
    from meta.environments.builder import prune_environments

    removed = prune_environments(context.settings.cache / "environments", context.settings.replay.environments_mb)
    if removed:
        context.tell(f"{len(removed)} environments that were not used for long are removed; they are built when needed")


def admit_waiting_tickets(context: Context, runs: int = 3) -> list[Admission]:
    """Try every new ticket. A ticket whose repository or environment cannot be had is quarantined with that reason.

    One that could not be tried because of this machine, such as a full disk, stays new. Raises `MetaError` when that is
    true of all of them.
    """
    waiting, found = context.store.tickets.waiting(), list[Admission]()
    trouble = ""
    if not waiting:
        return []
    context.tell(f"checking {len(waiting)} tickets: gold must pass and base must fail, {runs} times each")
    limit_environment_cache(context)
    _ = context.sandbox  # opened here, once, not by several threads
    pool = ThreadPoolExecutor(context.settings.replay.parallel, thread_name_prefix="admit")
    futures = [pool.submit(_one, context, ticket, runs) for ticket in waiting]
    try:
        for future in as_completed(futures):
            try:
                admission, ticket = future.result()
            except OSError as error:
                trouble = str(error)
                context.tell(f"  not tried, {MACHINE_FAULT} {trouble[:300]}")
                continue
            context.store.tickets.admit(ticket, admission)
            found.append(admission)
            why = f" ({admission.reason.splitlines()[0][:150]})" if admission.reason else ""
            context.tell(f"  {len(found)}/{len(waiting)} {admission.status}: {ticket.id}{why}")
    except BaseException:
        kill_all_jobs()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if trouble and not found:
        raise MetaError(f"no ticket can be tried here: {trouble[:500]}", "mend that and start again; nothing was lost")
    return found


def _one(context: Context, ticket: Ticket, runs: int) -> tuple[Admission, Ticket]:
    cache = context.settings.cache
    scratch = cache / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        template = template_of(ticket, cache)
        environment = build_environment(
            ticket.environment, Path(ticket.repo), ticket.base_commit, cache / "environments"
        )
    except MetaError as error:
        return Admission(ticket=ticket.id, status="quarantined", reason=error.message), ticket
    with tempfile.TemporaryDirectory(dir=scratch, prefix="admit-", ignore_cleanup_errors=True) as folder:
        return admit_ticket(
            ticket,
            template=template,
            environment=environment,
            sandbox=context.sandbox,
            scratch=Path(folder),
            runs=runs,
        )
