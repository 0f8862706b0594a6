"""What share of the pull requests that came back is the agent's doing, and how many nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable

from feedback.outcome import AGENT_CAUSES, Cause
from meta.interval import wilson_interval_of
from meta.records.record import Record
from meta.store.store import Store


class AgentShare(Record):
    """Unmerged pull requests by whose doing it was. Those of unknown cause are counted, not left out."""

    rejected: int = 0
    agents: int = 0
    others: int = 0
    unknown: int = 0
    by_rule: int = 0
    by_model: int = 0
    by_person: int = 0

    @property
    def text(self) -> str:
        """For a person, in one or two lines; empty where nothing was rejected."""
        if not self.rejected:
            return ""
        low, high = wilson_interval_of(self.agents / self.rejected, self.rejected)
        said = (
            f"Of {self.rejected} closed unmerged, {self.agents} ({self.agents / self.rejected:.0%}, 95 % interval"
            f" {low:.0%} to {high:.0%}) are clear failures of the agent, {self.others} are not its doing,"
            f" {self.unknown} ({self.unknown / self.rejected:.0%}) unknown."
        )
        known = f" Told by rule: {self.by_rule}, by the model: {self.by_model}, by a person: {self.by_person}."
        return said + (known if self.agents + self.others else "")


def read_agent_share(store: Store) -> AgentShare:
    """Counted over everything in runs.db."""
    return count_agent_share(store.outcomes.rejected_causes())


def count_agent_share(causes: Iterable[tuple[str, str | None]]) -> AgentShare:
    rows = [(Cause(cause), by) for cause, by in causes]
    known = [by for cause, by in rows if cause is not Cause.UNKNOWN]
    agents = sum(cause in AGENT_CAUSES for cause, _ in rows)
    return AgentShare(
        rejected=len(rows),
        agents=agents,
        others=len(known) - agents,
        unknown=len(rows) - len(known),
        by_rule=known.count("rule"),
        by_model=known.count("model"),
        by_person=known.count("person"),
    )
