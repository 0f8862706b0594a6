"""Runs replays that count even when they are void.

An edit must not gain by losing replays: if a void one were simply repeated, an edit whose failures look void would get
a second chance at each. So a void replay is repeated only while its control, a replay of the incumbent right
afterwards, is void as well: then the cause is an outage. docs/gate.md has the proof.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta.errors import BudgetSpent, MetaError
from meta.records.replay import Purpose, Replay
from meta.replay.replayer import VOID_RETRIES, Replayer, ReplayRequest
from meta.store.replays import Replays


def run_counted(
    replayer: Replayer,
    replays: Replays,
    requests: Sequence[ReplayRequest],
    purpose: Purpose,
    control: ReplayRequest | None = None,
) -> list[Replay]:
    """Run the requested replays and return them in the same order, those that stay void too.

    What is void in an outage is excused: it is repeated up to `VOID_RETRIES` times, or later if `Replayer.run` raises.
    What that raises is raised here too, unless the controls show that there is no outage. Without a control nothing is
    repeated, and `Replayer.run` is believed.
    """
    done: dict[int, Replay] = {}
    retries = VOID_RETRIES if control else 0
    while missing := [place for place in range(len(requests)) if place not in done]:
        last, trouble = replays.last_rank(), None
        try:
            made = replayer.run([requests[place] for place in missing], purpose, retry_void=False)
        except BudgetSpent:
            raise
        except MetaError as error:
            made, trouble = replays.after_rank(last), error
            if not made:
                raise
        void = [replay for replay in made if replay.verdict == "void"]
        if not trouble and not retries:
            excused = []
        elif control is None:
            excused = void
        else:
            excused = _find_outage(replayer, replays, void, control)
            retries = max(0, retries - 1)
        replays.excuse(excused)
        if trouble and (excused or control is None):
            raise trouble
        done.update({missing[replay.rank - last - 1]: replay for replay in made if replay not in excused})
    return [done[place] for place in range(len(requests))]


def _find_outage(replayer: Replayer, replays: Replays, void: Sequence[Replay], control: ReplayRequest) -> list[Replay]:
    """Return those of the void replays whose control is void as well.

    Each has a control of its own, so that one lucky control cannot give a second chance to many.
    """
    last = replays.last_rank()
    try:
        made = replayer.run([control] * len(void), "measure", retry_void=False) if void else []
    except BudgetSpent:
        raise
    except MetaError:
        made = replays.after_rank(last)
    answered = {replay.rank - last - 1 for replay in made if replay.verdict != "void"}
    return [replay for place, replay in enumerate(void) if place not in answered]
