"""Measuring a version with fresh replays on all admitted tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meta.app import Context
from meta.errors import MetaError
from meta.look.table import format_table
from meta.rates import describe_cost, group_by_ticket, one_shot_success_of, pass_hat_k_of
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import ReplayRequest, explain_no_answer


@dataclass(frozen=True)
class Measurement:
    """What `meta replay` prints."""

    text: str
    data: dict[str, Any]


def measure_version(context: Context, revision: str, k: int, only: list[str]) -> Measurement:
    """Replay every admitted ticket (or `only` these) `k` times, and sum it up."""
    version = context.versions.at(revision)
    tickets = _tickets(context, only)
    context.tell(f"{len(tickets)} tickets, {k} replays each, version {version.id[:10]}")
    replays: list[Replay] = []
    for turn in range(k):  # every ticket once before any twice: a run that is cut short covers the most
        replays += context.replayer.run([ReplayRequest(t, version.surface) for t in tickets], "measure")
        if k > 1:
            context.tell(
                f"  {turn + 1} of {k} done: {one_shot_success_of(group_by_ticket(replays))} so far, "
                f"{describe_cost(replays)}"
            )
    if all(r.ended == "model_unavailable" for r in replays):  # a single ticket too, which shows a night nothing
        raise explain_no_answer(replays[-1].reason)
    outcomes, tests = group_by_ticket(replays), group_by_ticket(replays, tests_only=True)
    rate, hat, tested = one_shot_success_of(outcomes), pass_hat_k_of(outcomes, k), one_shot_success_of(tests)
    voids = sum(r.verdict == "void" for r in replays)
    rows = [
        (t.id, f"{sum(tests[t.id])}/{len(o)}", f"{sum(o)}/{len(o)}", _why(replays, t))
        for t in tickets
        if (o := outcomes.get(t.id, []))
    ]
    lines = [
        format_table(rows, ["ticket", "tests", "as it is", "first failure"]),
        "",
        f"passes the tests          {tested}",
        f"would be merged as it is  {rate}   <- one-shot success, {rate.n} tickets",
        f"pass^{k:<21}{'unknown' if hat is None else f'{hat:.0%}'}",
        f"cost                      {describe_cost(replays)}",
    ]
    if voids:
        lines.append(f"void                      {voids} replays told nothing: {_first_void(replays)}")
    data = {
        "version": version.id,
        "one_shot": rate.value,
        "low": rate.low,
        "high": rate.high,
        "passes_tests": tested.value,
        "passes_tests_low": tested.low,
        "passes_tests_high": tested.high,
        "tickets": rate.n,
        "k": k,
        "pass_hat_k": hat,
        "void": voids,
        "usd": None if any(r.usage.usd is None for r in replays) else sum(r.usage.usd or 0 for r in replays),
        "tokens": sum(r.usage.tokens for r in replays),
        "outcomes": {name: [int(o) for o in runs] for name, runs in outcomes.items()},
        "tests_outcomes": {name: [int(o) for o in runs] for name, runs in tests.items()},
    }
    return Measurement("\n".join(lines), data)


def _tickets(context: Context, only: list[str]) -> list[Ticket]:
    admitted = context.store.tickets.admitted()
    if not only:
        if not admitted:
            raise MetaError("no ticket is admitted", "`meta tickets mine PATH` or `meta tickets add FILE`", code=3)
        return admitted
    known = {t.id: t for t in admitted}
    if missing := [name for name in only if name not in known]:
        raise MetaError(f"ticket {missing[0]!r} is not admitted", "see `meta tickets list`", code=2)
    return [known[name] for name in only]


def _why(replays: list[Replay], ticket: Ticket) -> str:
    failed = next((r for r in replays if r.ticket == ticket.id and r.verdict == "failed"), None)
    return failed.reason.splitlines()[0][:90] if failed else ""


def _first_void(replays: list[Replay]) -> str:
    return next(r.reason for r in replays if r.verdict == "void").splitlines()[0][:120]
