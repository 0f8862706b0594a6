"""Making replays for the loop: asked for in order, written down one by one, within the night's budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meta.app import Context
from meta.errors import MetaError, ServiceDown
from meta.records.replay import MACHINE_FAULT, Purpose, Replay
from meta.records.ticket import Ticket
from meta.replay.executor import ReplayJob
from meta.store.replays import count_replays_used
from worker_agent.model import ModelMisconfigured
from worker_agent.surface import Surface

MAX_UNANSWERED = 3
"""After so many replays in a row without an answer of the model, and as many as run at a time, no other is begun."""

VOID_RETRIES = 2
"""How often a void replay is made again. The gate has the same rule of its own, for both arms alike."""


@dataclass(frozen=True)
class ReplayRequest:
    """A replay that somebody wants: which version on which ticket."""

    ticket: Ticket
    surface: Surface
    candidate: int | None = None


def make_replays(
    context: Context, wanted: Sequence[ReplayRequest], purpose: Purpose, *, retry: bool = True
) -> list[Replay]:
    """Make these replays, several at a time; each is durable before it counts. In the order of `wanted`.

    With `retry`, void ones are made again up to `VOID_RETRIES` times. Raises `MetaError` when none can succeed.
    """
    done: dict[int, Replay] = {}
    todo = list(range(len(wanted)))
    for _ in range(1 + (VOID_RETRIES if retry else 0)):
        done.update(_run_batch(context, wanted, todo, purpose))
        todo = [key for key in todo if done[key].verdict == "void"]
        if not todo:
            break
    return [done[key] for key in range(len(wanted))]


def _run_batch(
    context: Context, wanted: Sequence[ReplayRequest], keys: Sequence[int], purpose: Purpose
) -> dict[int, Replay]:
    store = context.store
    incumbent = store.incumbent()
    row = store.one("select coalesce(max(asked), 0) as last from replays")
    first = (int(row["last"]) if row else 0) + 1
    jobs = [ReplayJob(k, wanted[k].ticket, wanted[k].surface, purpose, wanted[k].candidate) for k in keys]
    ranks = {key: first + place for place, key in enumerate(keys)}
    made: dict[int, Replay] = {}
    try:
        while todo := [job for job in jobs if job.key not in made]:
            for job, finished in context.executor.run(_until_outage(context, todo)):
                replay = finished.replay.model_copy(update={"asked": ranks[job.key]})
                store.add_replay(replay, finished.events, context.night, incumbent["id"] if incumbent else None)
                made[job.key] = replay
                if replay.ended == "model_unavailable":
                    context.unanswered.append(replay.ticket)
                else:
                    context.unanswered.clear()
            if _is_down(context):  # else it answered again while the last were under way
                break
    except ModelMisconfigured as error:
        raise MetaError(
            f"the model's service refuses: {error}", "check key, model and base_url; what was finished is kept"
        ) from None
    if len(made) > 1 and all(r.verdict == "void" and r.reason.startswith(MACHINE_FAULT) for r in made.values()):
        raise MetaError(
            f"no replay can be made here: {next(iter(made.values())).reason}",
            "mend that and start again; what was finished is kept",
        )
    if _is_down(context):
        context.unanswered.clear()
        detail = next(r.reason for r in reversed(made.values()) if r.verdict == "void")
        raise explain_no_answer(detail)
    return made


def explain_no_answer(detail: str) -> ServiceDown:
    """What is said when replays cannot go on for want of answers."""
    return ServiceDown(
        f"the model's service does not answer ({detail})", "start again when it does; what was finished is kept"
    )


def _until_outage(context: Context, jobs: Sequence[ReplayJob]) -> Iterator[ReplayJob]:
    """These jobs, until the service is down: what is still to be made then is made when it is back."""
    for job in jobs:
        if _is_down(context):
            return
        yield job


def _is_down(context: Context) -> bool:
    """Whether the model's service answers nobody. One ticket alone shows nothing: the model may choke on it."""
    least = max(MAX_UNANSWERED, context.executor.parallel)
    return len(context.unanswered) >= least and len(set(context.unanswered)) > 1


def count_remaining_replays(context: Context, budget: int) -> int:
    """Replays that the night may still make."""
    return budget if context.night is None else max(0, budget - count_replays_used(context.store, context.night))
