"""Proposals: candidates that the gate kept, what people decided on them, and their pull requests."""

from __future__ import annotations

from meta.errors import ExitCode, MetaError
from meta.records.candidate import Proposal, ProposalStatus
from meta.records.record import Record
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


class ProposalEntry(Record):
    """A proposal as a list shows it."""

    id: int
    status: ProposalStatus
    branch: str
    title: str
    made_at: str
    reason: str


class PublishedProposal(Record):
    """A proposal and the pull request that was opened for it."""

    proposal: Proposal
    repository: str
    """owner/name"""
    number: int


class Proposals:
    """The tables `proposals` and `published`. Lists are in the order of creation."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def add(self, candidate: int, commit: str, base: str) -> Proposal:
        """Add a pending proposal; its branch is named after its number."""
        row = {
            "candidate": candidate,
            "branch": "",
            "commit_id": commit,
            "base_commit": base,
            "status": "pending",
            "made_at": take_timestamp(),
        }
        number = self._db.insert("proposals", row)
        self._db.update("proposals", number, {"branch": f"meta/proposal-{number}"})
        return self.find(number)

    def decide(
        self, proposal: Proposal, status: ProposalStatus, reason: str = "", merge_commit: str | None = None
    ) -> Proposal:
        """Record what was decided on a proposal, and why."""
        changes = {
            "status": status,
            "reason": reason,
            "merge_commit": merge_commit or proposal.merge_commit,
            "decided_at": take_timestamp(),
        }
        self._db.update("proposals", proposal.id, changes)
        return proposal.model_copy(update=changes)

    def find(self, number: int) -> Proposal:
        """Return the proposal with this number. Raises `MetaError` (exit code 2)."""
        found = self._read("id = ?", number)
        if not found:
            known = ", ".join(str(p.id) for p in self.all()) or "none yet"
            raise MetaError(
                f"proposal {number} does not exist", f"proposals: {known}; see `meta proposals`", ExitCode.USAGE
            )
        return found[0]

    def all(self) -> list[Proposal]:
        """Return every proposal."""
        return self._read("1")

    def pending(self) -> list[Proposal]:
        """Return proposals that wait for a person's decision."""
        return self._read("status = 'pending'")

    def accepted(self) -> list[Proposal]:
        """Return proposals that were merged and not rolled back."""
        return self._read("status = 'accepted' and decided_at is not null")

    def of_candidate(self, candidate: int) -> Proposal | None:
        """Return the proposal made from a candidate, if there is one."""
        return next(iter(self._read("candidate = ?", candidate)), None)

    def at_commit(self, commit: str) -> Proposal | None:
        """Return the proposal whose branch points at this commit, if there is one."""
        return next(iter(self._read("commit_id = ?", commit)), None)

    def resting_on(self, proposal: Proposal) -> list[Proposal]:
        """Return pending proposals that build on this one."""
        return self._read("status = 'pending' and base_commit = ?", proposal.commit_id)

    def entries(self) -> list[ProposalEntry]:
        """Return every proposal with the title of its edit."""
        found = self._db.rows(
            "select p.id, p.status, p.branch, c.title, p.made_at, p.reason from proposals p"
            " join candidates c on c.id = p.candidate order by p.id"
        )
        return [ProposalEntry(**row) for row in found]

    # Pull requests for proposals.

    def publish(self, proposal: Proposal, repository: str, number: int, url: str) -> None:
        """Record the pull request of a proposal."""
        row = {"proposal": proposal.id, "repository": repository, "number": number, "url": url, "at": take_timestamp()}
        self._db.insert("published", row, replace=True)

    def published(self, sent_back: str) -> list[PublishedProposal]:
        """Return proposals whose pull request may still decide something.

        These are pending ones, and those whose rejection has a reason that begins with `sent_back`: what a reviewer
        sent back may be merged after all.
        """
        found = self._db.rows(
            "select u.proposal, u.repository, u.number from published u join proposals p on p.id = u.proposal"
            " where p.status = 'pending' or (p.status = 'rejected' and p.reason like ? || '%') order by u.proposal",
            sent_back,
        )
        return [
            PublishedProposal(proposal=self.find(row["proposal"]), repository=row["repository"], number=row["number"])
            for row in found
        ]

    def _read(self, condition: str, *values: object) -> list[Proposal]:
        found = self._db.rows(f"select * from proposals where {condition} order by id", *values)
        return [Proposal(**row) for row in found]
