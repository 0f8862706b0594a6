"""The stages of a night: each is written down when it is done, and done once."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from meta.nights.patience import OutagePatience
from meta.store.nights import Nights

StageResult = dict[str, Any]
"""What is written down of a stage, as JSON; its `problems` are lines for the account."""


class Stage(StrEnum):
    """The stages in their order, by the names under which runs.db keeps them."""

    INGEST = "ingest"
    CAUSES = "causes"
    FEEDBACK = "feedback tickets"
    MINING = "mined tickets"
    ADMISSION = "tickets"
    TUNE = "tune"
    MERGE = "merge"
    PUBLISH = "publish"
    COMPARE = "compare"
    CLEAN = "clean"


def run_stage(
    nights: Nights, night: int, stage: Stage, work: Callable[[], StageResult], patience: OutagePatience | None = None
) -> None:
    """Do the work of a stage and write down its result, once in a night.

    With `patience`, the work is done again while the model service is down.
    """
    if stage not in nights.stage_results(night):
        nights.begin_stage(night, stage)
        nights.finish_stage(night, stage, patience.retry(work) if patience else work())
