"""Admission of all tickets that wait for it: several at a time, each written down as soon as it is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from meta.app import Context
from meta.errors import MetaError
from meta.records.replay import MACHINE_FAULT
from meta.records.ticket import Admission, Ticket
from meta.tickets.admission.proof import admit_ticket
from worker_agent.sandbox.process import kill_all_jobs


def limit_environment_cache(context: Context) -> None:
    """Remove the built environments that were not used for longest, down to the limit in meta.toml.

    Called before tickets are tried, when nothing runs in any of them: one `meta` works here at a time.
    """
    removed = context.workshop.prune_environments(context.settings.replay.environments_mb)
    if removed:
        context.tell(f"{removed} environments that were not used for long are removed; they are built when needed")


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
    context.workshop.require_sandbox()  # a machine without one is no reason to quarantine anything
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
    with ExitStack() as stack:
        try:
            bench = stack.enter_context(context.workshop.ticket_bench(ticket))
        except MetaError as error:
            return Admission(ticket=ticket.id, status="quarantined", reason=error.message), ticket
        return admit_ticket(ticket, bench, runs=runs)
