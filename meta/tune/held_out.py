"""Divides tickets into those the search may see and those only the gate may use."""

from __future__ import annotations

from collections import defaultdict

from meta.errors import ExitCode, MetaError
from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.records.ticket import UNDER_SPECIFIED, Ticket
from meta.store.tickets import Tickets

SEARCH_SHARE = 0.4
"""Share of the first admitted tickets that goes to search; tickets admitted later start as held-out."""

MAX_DECISIONS = 20
"""Gate decisions after which a held-out ticket moves to search, if there are enough others."""


def divide_tickets(tickets: Tickets) -> tuple[list[Ticket], list[Ticket]]:
    """Return the (search, held-out) tickets.

    The first call divides them; later calls keep that division, and only rotate worn-out tickets. A ticket whose brief
    leaves out what its tests demand is used for search only, since no version can be held to it. With fewer than
    `MIN_TICKETS_FOR_CLAIM` other tickets, none is held out and both lists contain them all.
    """
    everything = tickets.admitted()
    clear = [ticket for ticket in everything if UNDER_SPECIFIED not in ticket.labels]
    tickets.move_to_search(ticket.id for ticket in everything if UNDER_SPECIFIED in ticket.labels)
    if len(clear) < MIN_TICKETS_FOR_CLAIM:
        return everything, clear
    held_out = {ticket.id for ticket in tickets.held_out()}
    if all(ticket.id in held_out for ticket in clear):
        most = max(0, len(clear) - MIN_TICKETS_FOR_CLAIM)
        wanted = min(round(len(clear) * SEARCH_SHARE), most) or min(most, 1)
        tickets.move_to_search(_spread(clear, wanted))
    _rotate(tickets, len(everything))
    return tickets.for_search(), tickets.held_out()


def explain_no_tickets() -> MetaError:
    """Return the error for a night that has no ticket to test an edit on."""
    return MetaError(
        "there are no admitted tickets that the gate may use",
        "`meta tickets mine PATH` or `meta tickets add FILE`; under-specified ones do not count",
        ExitCode.NOTHING_TO_DO,
    )


def _spread(tickets: list[Ticket], wanted: int) -> list[str]:
    """Choose ids for search from every theme, so that both sides cover all themes."""
    by_theme: dict[str, list[str]] = defaultdict(list)
    for ticket in tickets:
        by_theme[ticket.labels[0] if ticket.labels else ""].append(ticket.id)
    share = wanted / len(tickets)
    chosen: list[str] = []
    owed = 0.0
    for names in by_theme.values():
        owed += share * len(names)
        take = min(round(owed), wanted - len(chosen), len(names))
        chosen += names[:take]
        owed -= take
    rest = [t.id for t in tickets if t.id not in chosen]
    return chosen + rest[: wanted - len(chosen)]


def _rotate(tickets: Tickets, admitted: int) -> None:
    """Move worn-out tickets to search, as far as new ones can replace them.

    Shrinking the held-out set would do more harm than good: fewer tickets detect less, and represent future tickets
    less well. When no new tickets arrive, the old ones stay in use, and `meta outlook` asks the team to add some.
    """
    spare = len(tickets.held_out()) - max(MIN_TICKETS_FOR_CLAIM, admitted - round(admitted * SEARCH_SHARE))
    tickets.move_to_search(tickets.worn_out(MAX_DECISIONS)[: max(0, spare)])
