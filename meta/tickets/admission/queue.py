"""Tries every waiting ticket, several at a time, and records each result at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from meta.environments.fault import describe_error, find_machine_fault
from meta.environments.workshop import Workshop
from meta.errors import MetaError, hide_cache_paths
from meta.project import Report
from meta.records.replay import MACHINE_FAULT
from meta.records.ticket import Admission, Ticket
from meta.settings import ReplaySettings
from meta.store.tickets import Tickets
from meta.tickets.admission.proof import admit_ticket
from worker_agent.machine_error import MachineError
from worker_agent.sandbox.process import kill_all_jobs


def admit_waiting_tickets(
    tickets: Tickets, workshop: Workshop, settings: ReplaySettings, report: Report, runs: int = 3
) -> list[Admission]:
    """Try every new ticket, and record each result as soon as it is known.

    A ticket whose repository or environment is unavailable is quarantined with that reason, as is one that raises any
    other error. One that could not be tried because of this machine, say a full disk, stays new. Raises `MetaError`
    when that is true of all of them.
    """
    waiting, found = tickets.waiting(), list[Admission]()
    trouble = ""
    if not waiting:
        return []
    report(f"checking {len(waiting)} tickets: gold must pass and base must fail, {runs} times each")
    workshop.prune_environments(settings.environments_mb, report)
    workshop.require_sandbox()  # do not quarantine tickets because this machine has none
    pool = ThreadPoolExecutor(settings.parallel, thread_name_prefix="admit")
    futures = [pool.submit(_admit_on_bench, ticket, workshop, runs, settings.keep_weak) for ticket in waiting]
    try:
        for future in as_completed(futures):
            try:
                admission, ticket = future.result()
            except OSError as error:
                trouble = hide_cache_paths(str(error))
                report(f"  not tried, {MACHINE_FAULT} {trouble[:300]}")
                continue
            tickets.record_admission(ticket, admission)
            found.append(admission)
            why = f" ({admission.reason.splitlines()[0][:150]})" if admission.reason else ""
            report(f"  {len(found)}/{len(waiting)} {admission.status}: {ticket.id}{why}")
    except BaseException:
        kill_all_jobs()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if trouble and not found:
        raise MetaError(
            f"cannot try tickets on this machine: {trouble[:500]}",
            "fix this and run the command again; nothing was lost",
        )
    return found


def _admit_on_bench(ticket: Ticket, workshop: Workshop, runs: int, keep_weak: bool) -> tuple[Admission, Ticket]:
    with ExitStack() as stack:
        try:
            bench = stack.enter_context(workshop.ticket_bench(ticket))
        except MetaError as error:
            return _quarantine(ticket, error.message), ticket
        try:
            return admit_ticket(ticket, bench, runs=runs, keep_weak=keep_weak)
        except MetaError as error:
            return _quarantine(ticket, error.message), ticket
        except Exception as error:
            if fault := find_machine_fault(error, bench):
                raise MachineError(fault) from None
            return _quarantine(ticket, f"trying it raised {describe_error(error)}"), ticket


def _quarantine(ticket: Ticket, reason: str) -> Admission:
    return Admission(ticket=ticket.id, status="quarantined", reason=reason)
