"""The agent's records: what it is given, what it reports, and what it hands in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker_agent.storable import StorableAmount, StorableCount, StorableText


class AgentRecord(BaseModel):
    """A frozen value, compared by content. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Brief(AgentRecord):
    """What a person asks for.

    Untrusted: it reaches the model quoted as the task, never as a command to `meta`.
    """

    title: str
    body: str = ""

    @property
    def text(self) -> str:
        return f"{self.title}\n\n{self.body}".strip()


class Limits(AgentRecord):
    """Where a run is ended if it has not ended by itself. `None` means no limit."""

    turns: int = Field(40, ge=1, description="model calls")
    tokens: int | None = Field(1_000_000, ge=1, description="input, output and cache together")
    usd: float | None = Field(5.0, gt=0, description="US dollars; needs a price for the model")
    seconds: float = Field(1800.0, gt=0, description="time for the whole run")
    command_seconds: float = Field(300.0, gt=0, description="time for one tool call or check")


RunEnding = Literal[
    "submitted",  # the objective is met: there is a change, and the repository's own checks are no worse than before
    "checks_failed",  # there is a change, but it fails a check that passed before
    "no_change",  # the agent stopped without changing anything
    "refusal",  # the model declined to work on the ticket
    "context_too_long",  # the conversation no longer fits the model
    "request_rejected",  # the service rejects this conversation, but answers others with the same settings
    "tool_failed",  # the tool host ended or hung
    "runtime_error",  # what the run did raised an error in the runtime
    "turn_limit",
    "token_limit",
    "cost_limit",
    "time_limit",
    "refused_diff",  # the change contains what no submission may (a link, a submodule)
    "model_unavailable",  # overload, rate limit, time-out or nonsense: the service's fault
    "sandbox_failed",  # the sandbox could not be started
    "bad_surface",  # agent.toml, a prompt or a tool of this version does not load
]

INFRASTRUCTURE_ENDINGS: frozenset[RunEnding] = frozenset({"model_unavailable", "sandbox_failed"})
"""Endings that say nothing about the agent: a replay that ends so is void."""


class Usage(AgentRecord):
    """What a number of model calls used.

    Cache counts are `None` if the server does not report them, `usd` if there is no price for the model.
    """

    calls: int = 0
    input_tokens: StorableCount = 0
    output_tokens: StorableCount = 0
    cache_read_tokens: StorableCount | None = None
    cache_write_tokens: StorableCount | None = None
    usd: StorableAmount = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens + (self.cache_read_tokens or 0) + (self.cache_write_tokens or 0)

    def __add__(self, other: Usage) -> Usage:
        if not self.calls:
            return other
        if not other.calls:
            return self
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=_add_counts(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens=_add_counts(self.cache_write_tokens, other.cache_write_tokens),
            usd=None if self.usd is None or other.usd is None else self.usd + other.usd,
        )


def _add_counts(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


class Environment(AgentRecord):
    """What a repository's own commands need: mounts, `PATH` entries, variables.

    Mounts are read-only. `checks` are commands that a change must not make fail (exit code 0 is a pass). `test_command`
    is what the `run_tests` tool runs. `linters` maps a linter's name to the environment that it runs in when a
    submission is checked.
    """

    mounts: tuple[Path, ...] = ()
    path: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    test_command: str = "python -m pytest -q"
    checks: tuple[str, ...] = ()
    linters: dict[str, Environment] = {}


class Submission(AgentRecord):
    """What a run hands in, however it ended."""

    ended: RunEnding
    diff: StorableText = ""
    summary: StorableText = ""
    detail: StorableText = ""
    usage: Usage = Usage()
    seconds: float = 0.0
    model: StorableText | None = None
    """The id of the model that answered, as the service reports it; not the one that was asked for."""
    version: str = ""


Event = dict[str, Any]
"""One line of a transcript: `{"kind": "start"|"reply"|"tool"|"check"|"end", ...}`, JSON-serialisable."""
