"""A small project for benchmarks: the demo's, with a few of its tickets."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing
from itertools import islice
from pathlib import Path

from meta.app import open_writable
from meta.demo.folders import DemoFolders
from meta.demo.setup import make_demo
from meta.outcomes.ingest import ingest_feedback
from meta.records.ticket import Admission, Ticket
from meta.store.store import Store
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tickets.from_feedback.conversion import convert_outcomes
from meta.tickets.from_files.ticket_files import load_tickets
from meta.tickets.mining.attempt import MiningOptions

TRIED = 3
"""Pull requests that came back and were tried as tickets before the first night."""

SETTINGS = """\
[worker]
model = "stand-in"
retries = {retries}
timeout_seconds = {timeout}

[agent]
authors = ["demo-agent"]

[[repositories]]
path = "../project"
name = "team/tidybooks"
export = "../reviews.jsonl"

[replay]
parallel = {parallel}

[tune]
replays = {replays}

[nightly]
patience_minutes = {patience}
"""


def small_house(
    where: Path,
    tickets: int = 14,
    waiting: int = 2,
    *,
    replays: int = 40,
    parallel: int = 2,
    retries: int = 0,
    timeout: float = 10.0,
    patience: float = 0.0,
    reviews: int | None = None,
) -> DemoFolders:
    """Create the project, with `tickets` admitted tickets and `waiting` new ones.

    `reviews` limits the number of pull requests. A few of those that came back are already tried as tickets, so that a
    night that is killed every few seconds soon reaches its tuning.
    """
    settings = SETTINGS.format(replays=replays, parallel=parallel, retries=retries, timeout=timeout, patience=patience)
    house = make_demo(where.absolute(), settings)
    if reviews is not None:
        export = house.root / "reviews.jsonl"
        export.write_text("".join(export.read_text().splitlines(keepends=True)[:reviews]))
    loaded = load_tickets(house.tickets)
    with open_writable(house.agent, "bench") as app:
        for ticket in loaded[:tickets]:
            app.store.tickets.add(ticket)
        admit_waiting_tickets(app.store.tickets, app.workshop, app.settings.replay, app.report, runs=1)
        ingest_feedback(app.store, app.project, [])
        options = MiningOptions(runs=1)
        with closing(convert_outcomes(app.store, app.workshop, app.settings, app.report, options=options)) as tried:
            for _ in islice((found for found in tried if found.status and not found.known), TRIED):
                pass
        for thread in threading.enumerate():  # what was tried beside the last of them ends at its next step
            if thread.name.startswith("feedback"):
                thread.join()
        for ticket in loaded[tickets : tickets + waiting]:
            app.store.tickets.add(ticket)
    return house


def copy_house(house: DemoFolders, where: Path) -> DemoFolders:
    """Copy an unused project, so that the tickets point at the copy."""
    shutil.copytree(house.root, where, symlinks=True)
    copy = DemoFolders(where.absolute())
    store = Store(copy.agent / "runs.db")
    for ticket, standing in zip(store.tickets.all(), store.tickets.standings(), strict=True):
        moved = Ticket.model_validate_json(ticket.model_dump_json().replace(str(house.project), str(copy.project)))
        store.tickets.record_admission(
            moved, Admission(ticket=ticket.id, status=standing.status, reason=standing.reason)
        )
    store.close()
    return copy
