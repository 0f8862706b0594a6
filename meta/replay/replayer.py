"""Runs requested replays, and records each before the next counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meta.errors import MetaError, ServiceDown
from meta.gateway.models import explain_service_errors
from meta.records.account import Night
from meta.records.replay import MACHINE_FAULT, Purpose, Replay
from meta.records.ticket import Ticket
from meta.replay.executor import Executor
from meta.replay.run import ReplayJob
from meta.store.store import Store
from worker_agent.surface import Surface

MAX_UNANSWERED = 3
"""After this many unanswered replays in a row (or as many as run at a time, if more), none begins."""

VOID_RETRIES = 2
"""How often a void replay is repeated. The gate has its own rule, the same for both arms."""

WORK_KEPT = "finished replays are kept"


@dataclass(frozen=True)
class ReplayRequest:
    """A replay to run: which version, on which ticket, for which candidate."""

    ticket: Ticket
    surface: Surface
    candidate: int | None = None


class OutageWatch:
    """Tells an outage of the model service from a ticket that the model chokes on.

    The service is down when the newest `least` replays, on more than one ticket, got no answer.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._unanswered: list[str] = []

    def note(self, replay: Replay) -> None:
        """Note whether a replay that just ended got an answer."""
        if replay.ended == "model_unavailable":
            self._unanswered.append(replay.ticket)
        else:
            self._unanswered.clear()

    @property
    def is_down(self) -> bool:
        return len(self._unanswered) >= self._least and len(set(self._unanswered)) > 1

    def until_outage(self, jobs: Sequence[ReplayJob]) -> Iterator[ReplayJob]:
        """Yield jobs until the service is down."""
        for job in jobs:
            if self.is_down:
                return
            yield job

    def forget(self) -> None:
        """Start over, once the outage is reported: the caller will try again later."""
        self._unanswered.clear()


class Replayer:
    """Runs replays, several at a time, and records each before the next counts."""

    def __init__(self, store: Store, executor: Executor, night: Night | None = None) -> None:
        self._store, self._executor, self._night = store, executor, night
        self._watch = OutageWatch(max(MAX_UNANSWERED, executor.parallel))

    @property
    def parallel(self) -> int:
        """How many replays run at a time."""
        return self._executor.parallel

    def run(self, requests: Sequence[ReplayRequest], purpose: Purpose, *, retry_void: bool = True) -> list[Replay]:
        """Run the requested replays and return them in the same order.

        Void ones are repeated up to `VOID_RETRIES` times. Raises `ServiceDown` if the model service is down, and
        `MetaError` if this machine cannot run replays; finished replays are kept.
        """
        done: dict[int, Replay] = {}
        pending = list(range(len(requests)))
        for _ in range(1 + (VOID_RETRIES if retry_void else 0)):
            done.update(self._run_batch({place: requests[place] for place in pending}, purpose))
            pending = [place for place in pending if done[place].verdict == "void"]
            if not pending:
                break
        return [done[place] for place in range(len(requests))]

    def _run_batch(self, requests: dict[int, ReplayRequest], purpose: Purpose) -> dict[int, Replay]:
        incumbent = self._store.incumbents.current()
        promotion = incumbent.id if incumbent else None
        first = self._store.replays.last_rank() + 1
        jobs = [ReplayJob(place, r.ticket, r.surface, purpose, r.candidate) for place, r in requests.items()]
        ranks = {job.key: first + number for number, job in enumerate(jobs)}
        night = self._night.id if self._night else None
        made: dict[int, Replay] = {}
        with explain_service_errors(WORK_KEPT):
            while pending := [job for job in jobs if job.key not in made]:
                for job, finished in self._executor.run(self._watch.until_outage(pending)):
                    replay = finished.replay.model_copy(update={"rank": ranks[job.key]})
                    self._store.replays.add(replay, finished.events, night, promotion)
                    made[job.key] = replay
                    self._watch.note(replay)
                if self._watch.is_down:  # else it answered again while the last ones ran
                    break
        self._raise_if_pointless(list(made.values()))
        return made

    def _raise_if_pointless(self, made: Sequence[Replay]) -> None:
        """Raise `MetaError` if this machine or the settings fail all, `ServiceDown` in an outage."""
        if len(made) > 1 and all(r.verdict == "void" and r.reason.startswith(MACHINE_FAULT) for r in made):
            reason = made[0].reason.removeprefix(MACHINE_FAULT).strip()
            raise MetaError(
                f"cannot run replays on this machine: {reason}", f"fix this and run the command again; {WORK_KEPT}"
            )
        if len({r.ticket for r in made}) > 1 and all(
            r.ended == "request_rejected" and r.candidate is None for r in made
        ):
            raise MetaError(
                f"the model service rejects every conversation of this version: {made[0].reason}",
                f"see what it says about the tools, prompts, effort and max_tokens in agent.toml; {WORK_KEPT}",
            )
        if self._watch.is_down:
            self._watch.forget()
            raise explain_no_answer(next(r.reason for r in reversed(made) if r.verdict == "void"))


def explain_no_answer(detail: str) -> ServiceDown:
    """Return the error for an outage; `detail` is the reason of the newest replay."""
    return ServiceDown(f"the model service does not answer ({detail})", f"run the command again later; {WORK_KEPT}")
