"""Measures a version with fresh replays on all admitted tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meta.errors import ExitCode, MetaError
from meta.project import Report
from meta.rates import Rate, describe_cost, group_by_ticket, one_shot_success_of, pass_hat_k_of
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import Replayer, ReplayRequest, explain_no_answer
from meta.store.tickets import Tickets
from meta.surfaces.versions import Version


@dataclass(frozen=True)
class Measurement:
    """A version's replays, `k` on each ticket, and the figures drawn from them."""

    version: str
    k: int
    tickets: tuple[Ticket, ...]
    replays: tuple[Replay, ...]

    @property
    def outcomes(self) -> dict[str, list[bool]]:
        """Whether each replay passed, by ticket, without void ones."""
        return group_by_ticket(self.replays)

    @property
    def tests_outcomes(self) -> dict[str, list[bool]]:
        """The same judged by the tests alone, ignoring acceptance checks."""
        return group_by_ticket(self.replays, tests_only=True)

    @property
    def one_shot(self) -> Rate:
        return one_shot_success_of(self.outcomes)

    @property
    def passes_tests(self) -> Rate:
        return one_shot_success_of(self.tests_outcomes)

    @property
    def pass_hat_k(self) -> float | None:
        """`None` when no ticket has `k` replays."""
        return pass_hat_k_of(self.outcomes, self.k)

    @property
    def voids(self) -> list[Replay]:
        """The replays that ended without a verdict on the agent."""
        return [replay for replay in self.replays if replay.verdict == "void"]

    def first_failure(self, ticket: str) -> Replay | None:
        """Return the first replay of this ticket that failed, if any."""
        return next((r for r in self.replays if r.ticket == ticket and r.has_failed), None)

    def to_json(self) -> dict[str, Any]:
        """Return what `meta replay --json` prints."""
        rate, tested, dollars = self.one_shot, self.passes_tests, [r.usage.usd for r in self.replays]
        return {
            "version": self.version,
            "one_shot": rate.value,
            "low": rate.low,
            "high": rate.high,
            "passes_tests": tested.value,
            "passes_tests_low": tested.low,
            "passes_tests_high": tested.high,
            "tickets": rate.n,
            "k": self.k,
            "pass_hat_k": self.pass_hat_k,
            "void": len(self.voids),
            "usd": None if None in dollars else sum(usd or 0 for usd in dollars),
            "tokens": sum(r.usage.tokens for r in self.replays),
            "outcomes": {name: [int(o) for o in runs] for name, runs in self.outcomes.items()},
            "tests_outcomes": {name: [int(o) for o in runs] for name, runs in self.tests_outcomes.items()},
            "replays": [
                {"id": r.id, "ticket": r.ticket, "verdict": r.verdict, "reason": r.reason, "alarms": list(r.alarms)}
                for r in self.replays
            ],
        }


def choose_tickets(tickets: Tickets, only: Sequence[str]) -> list[Ticket]:
    """Return the admitted tickets, or just those named in `only`.

    Raises `MetaError` when no ticket is admitted, or one of those named is not.
    """
    admitted = tickets.admitted()
    if not only:
        if not admitted:
            raise MetaError(
                "no tickets have been admitted",
                "add some: `meta tickets mine PATH` or `meta tickets add FILE`",
                ExitCode.NOTHING_TO_DO,
            )
        return admitted
    known = {ticket.id: ticket for ticket in admitted}
    if missing := [name for name in only if name not in known]:
        raise MetaError(f"ticket {missing[0]!r} is not admitted", "see `meta tickets list`", ExitCode.USAGE)
    return [known[name] for name in only]


def measure_version(
    replayer: Replayer, version: Version, tickets: Sequence[Ticket], k: int, report: Report
) -> Measurement:
    """Replay each ticket `k` times.

    Raises `ServiceDown` when the model did not answer a single replay.
    """
    report(f"{len(tickets)} tickets, {k} {'replay' if k == 1 else 'replays'} each, version {version.id[:10]}")
    replays: list[Replay] = []
    for turn in range(k):  # every ticket once before any twice, so that an interrupted run covers the most
        replays += replayer.run([ReplayRequest(ticket, version.surface) for ticket in tickets], "measure")
        if k > 1:
            rate = one_shot_success_of(group_by_ticket(replays))
            report(f"  {turn + 1} of {k} done: {rate} so far, {describe_cost(replays)}")
    # The replayer calls no outage on a single ticket, which the model may choke on; here it is all there is.
    if all(r.ended == "model_unavailable" for r in replays):
        raise explain_no_answer(replays[-1].reason)
    return Measurement(version.id, k, tuple(tickets), tuple(replays))
