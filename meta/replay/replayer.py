"""Making replays: requests in, records out, each written down before the next counts."""

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
"""After this many replays in a row without an answer of the model, and as many as run at a time, no other begins."""

VOID_RETRIES = 2
"""How often a void replay is made again. The gate has its own rule, which is the same for both arms."""

WORK_KEPT = "what was finished is kept"


@dataclass(frozen=True)
class ReplayRequest:
    """A replay that somebody wants: which version on which ticket, and for which candidate."""

    ticket: Ticket
    surface: Surface
    candidate: int | None = None


class OutageWatch:
    """Tells an outage of the model's service from a ticket that the model chokes on.

    The service is down when the newest `least` replays got no answer and were of more than one ticket.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._unanswered: list[str] = []

    def note(self, replay: Replay) -> None:
        """Take account of a replay that has just ended."""
        if replay.ended == "model_unavailable":
            self._unanswered.append(replay.ticket)
        else:
            self._unanswered.clear()

    @property
    def is_down(self) -> bool:
        return len(self._unanswered) >= self._least and len(set(self._unanswered)) > 1

    def until_outage(self, jobs: Sequence[ReplayJob]) -> Iterator[ReplayJob]:
        """Yield these jobs until the service is down; the rest waits until it is back."""
        for job in jobs:
            if self.is_down:
                return
            yield job

    def forget(self) -> None:
        """Start afresh: whoever was told of the outage will try again later."""
        self._unanswered.clear()


class Replayer:
    """Makes replays, several at a time, and writes each down before the next counts."""

    def __init__(self, store: Store, executor: Executor, night: Night | None = None) -> None:
        self._store, self._executor, self._night = store, executor, night
        self._watch = OutageWatch(max(MAX_UNANSWERED, executor.parallel))

    @property
    def parallel(self) -> int:
        """How many replays run at a time."""
        return self._executor.parallel

    def run(self, requests: Sequence[ReplayRequest], purpose: Purpose, *, retry_void: bool = True) -> list[Replay]:
        """Return the replays in the order of the requests; void ones are made again up to `VOID_RETRIES` times.

        Raises `ServiceDown` when the model answers nobody and `MetaError` when none can be made here; what was
        finished is kept.
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
                if self._watch.is_down:  # else it answered again while the last were under way
                    break
        self._raise_if_pointless(list(made.values()))
        return made

    def _raise_if_pointless(self, made: Sequence[Replay]) -> None:
        """Raise `MetaError` when this machine can make no replay, and `ServiceDown` when the service is down."""
        if len(made) > 1 and all(r.verdict == "void" and r.reason.startswith(MACHINE_FAULT) for r in made):
            raise MetaError(f"no replay can be made here: {made[0].reason}", f"mend that and start again; {WORK_KEPT}")
        if self._watch.is_down:
            self._watch.forget()
            raise explain_no_answer(next(r.reason for r in reversed(made) if r.verdict == "void"))


def explain_no_answer(detail: str) -> ServiceDown:
    """The error for replays that cannot go on because nobody answers; `detail` is the newest one's reason."""
    return ServiceDown(f"the model's service does not answer ({detail})", f"start again when it does; {WORK_KEPT}")
