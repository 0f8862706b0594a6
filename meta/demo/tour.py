"""Runs the whole loop on the built-in example, and tells it as a story.

Everything is real except the model service.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meta.app import App, open_writable
from meta.demo.folders import DemoFolders
from meta.demo.setup import make_demo
from meta.demo.standin.server import serve_stand_in
from meta.errors import ExitCode, MetaError
from meta.look.proposal_page import PAGE_RULE, proposal_page
from meta.measure.measurement import Measurement, choose_tickets, measure_version
from meta.nights.tuning import admit_and_tune
from meta.outcomes.ingest import ingest_feedback
from meta.project import Report
from meta.proposals.decision import accept_proposal
from meta.proposals.view import view_proposal
from meta.settings import Settings
from meta.settings_file import load_settings
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tickets.from_files.ticket_files import load_tickets

DEMO_SETTINGS = """\
# Settings of the demo's agent; `meta init --show` prints all there are.

[worker]
model = "stand-in"          # a scripted stand-in for a model; ANTHROPIC_BASE_URL says where it answers

[agent]
authors = ["demo-agent"]

[[repositories]]
path = "../project"
name = "team/tidybooks"
export = "../reviews.jsonl" # what reviewers said, as a forge would export it

[tune]
replays = 100               # few, because a demo is short; a useless edit is kept at most 20% of the time
"""


@dataclass(frozen=True)
class DemoResult:
    """How a demo ended: edits kept and refused, one-shot success, and where to look."""

    kept: tuple[str, ...]
    refused: tuple[str, ...]
    success_before: float
    success_after: float
    seconds: float
    agent: Path

    def to_json(self) -> dict[str, Any]:
        """Return what does not depend on where the demo was made."""
        return {name: value for name, value in asdict(self).items() if name != "agent"}


def run_demo(where: Path, *, seed: int, sandbox: str, report: Report) -> DemoResult:
    """Make the demo in `where` and run one night on it; `report` is told the story.

    Raises `MetaError` when `where` holds something else.
    """
    begun = time.monotonic()
    folders = _make_folders(where)
    settings = load_settings(folders.agent)
    with serve_stand_in(seed) as base_url:
        settings = _with_endpoint(settings, base_url, sandbox)
        with open_writable(folders.agent, "demo", report, settings) as app:
            return _tell_story(app, folders, begun)


def closing_words(result: DemoResult) -> str:
    """Say where to look around."""
    agent = result.agent
    return f"""
Done in {result.seconds:.0f} s. The model was a scripted stand-in; everything else was real. Look around:

  meta -C {agent} status
  meta -C {agent} proposals show 1
  meta -C {agent} tickets
  git -C {agent} log --stat
  git -C {agent} show meta/proposal-1

For your own agent, run `meta init`; the README's section "Use it on your repository" says how to go on."""


def _make_folders(where: Path) -> DemoFolders:
    folders = DemoFolders(where.absolute())
    if where.exists() and any(where.iterdir()):
        if not folders.tickets.exists() or not folders.agent.exists():
            raise MetaError(
                f"{where} already exists and is not a demo", "name another folder with --keep", ExitCode.USAGE
            )
        shutil.rmtree(where)
    return make_demo(where, DEMO_SETTINGS)


def _with_endpoint(settings: Settings, base_url: str, sandbox: str) -> Settings:
    worker = settings.worker.model_copy(update={"base_url": base_url})
    replay = Settings.model_validate({"replay": {"sandbox": sandbox}}).replay
    return settings.model_copy(update={"worker": worker, "replay": replay})


def _tell_story(app: App, folders: DemoFolders, begun: float) -> DemoResult:
    report, store = app.report, app.store
    _head(report, "1. What came back: the agent's pull requests, and what reviewers did with them")
    ingest_feedback(store, app.project, [])
    for kind, number in store.outcomes.counts_by_kind().items():
        report(f"  {number:3} {kind.value}")

    _head(report, "2. Which past tickets can be trusted? The merged change must pass; doing nothing must fail")
    for ticket in load_tickets(folders.tickets):
        store.tickets.add(ticket)
    admit_waiting_tickets(store.tickets, app.workshop, app.settings.replay, report)

    _head(report, "3. How good is the agent today? One fresh replay of every ticket")
    before = _measure(app)
    report(f"  {_rate(before)}")

    _head(report, "4. One night: propose edits, screen them, put each through the gate")
    admit_and_tune(app.project, app.store, app.workshop, app.history, app.open_tuning)

    _head(report, "5. What the night suggests, as a reviewer sees it")
    kept = store.proposals.pending()
    for proposal in kept:
        report(proposal_page(view_proposal(store, app.versions, proposal)))
    _head(report, "6. What it does not suggest, and why")
    refused = store.candidates.not_kept()
    for candidate in refused:
        report(f"  {candidate.edit.title}: {candidate.status.replace('_', ' ')}; {candidate.why}")

    _head(report, "7. A person accepts the suggestion; then every ticket is replayed again")
    accepted = [accept_proposal(store, app.versions, proposal) for proposal in kept]
    after = _measure(app)
    report(f"  before  {_rate(before)}\n  after   {_rate(after)}")
    return DemoResult(
        kept=tuple(store.candidates.find(proposal.candidate).edit.title for proposal in accepted),
        refused=tuple(candidate.edit.title for candidate in refused),
        success_before=before.one_shot.value,
        success_after=after.one_shot.value,
        seconds=round(time.monotonic() - begun, 1),
        agent=folders.agent,
    )


def _measure(app: App) -> Measurement:
    return measure_version(app.replayer(), app.history.head(), choose_tickets(app.store.tickets, []), 1, app.report)


def _rate(measured: Measurement) -> str:
    rate = f"{measured.one_shot} one-shot success on {measured.one_shot.n} tickets"
    return f"{rate}; {measured.passes_tests.value:.0%} pass the tests"


def _head(report: Report, text: str) -> None:
    report(f"\n{PAGE_RULE}\n{text}\n{PAGE_RULE}")
