"""Records the result of trying one change: a ticket, or why there is none."""

from __future__ import annotations

from meta.records.record import Record
from meta.records.ticket import Admission, Ticket, TicketStatus


class MinedTicket(Record):
    """One change, and the ticket that it became.

    The fields down to `set_aside` are one JSON line of `meta tickets mine --json`.
    """

    repo: str
    base_commit: str
    fix_commit: str
    title: str
    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    status: TicketStatus
    reason: str = ""
    set_aside: bool = False
    """Whether the change could not be read or tried at all, so that nothing is known of it."""
    ticket: Ticket | None = None
    """`None` if the change was rejected before it became a ticket."""
    seconds: float = 0.0

    @property
    def admission(self) -> Admission | None:
        """The result as it is stored beside the ticket; `None` without a ticket."""
        if self.ticket is None:
            return None
        return Admission(ticket=self.ticket.id, status=self.status, reason=self.reason, seconds=self.seconds)

    def line(self) -> dict[str, object]:
        """Return the documented fields, ready for JSON."""
        return self.model_dump(mode="json", exclude={"ticket", "seconds"})
