"""`meta demo`: the whole loop on the built-in example, told as a story. Everything is real but the model's service."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from meta.app import App, Context, open_writable
from meta.cli.output import print_result, report
from meta.demo.folders import DemoFolders
from meta.demo.setup import make_demo
from meta.demo.standin.server import serve_stand_in
from meta.errors import MetaError
from meta.look.proposal_page import PAGE_RULE, proposal_page
from meta.measure.measurement import Measurement, choose_tickets, measure_version
from meta.nights.tuning import admit_and_tune
from meta.outcomes.ingest import ingest_feedback
from meta.proposals.decision import accept_proposal
from meta.proposals.view import view_proposal
from meta.records.candidate import Proposal
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
replays = 100               # a demo is short: at this size an edit that is no better is kept in at most 20 %
"""


def run_demo(where: Path, *, seed: int, as_json: bool, sandbox: str) -> None:
    """Make the demo under `where` and run one night on it. Raises `MetaError` when `where` holds something else."""
    begun = time.monotonic()
    house = _house(where)
    settings = load_settings(house.agent)
    with serve_stand_in(seed) as base_url:
        settings = _pointed_at(settings, base_url, sandbox)
        with open_writable(house.agent, "demo", report, settings) as app:
            result = _story(app, house)
    result["seconds"] = round(time.monotonic() - begun, 1)
    if as_json:
        print_result(json.dumps(result))
        return
    print_result(_next(house, result))


def _house(where: Path) -> DemoFolders:
    house = DemoFolders(where.absolute())
    if where.exists() and any(where.iterdir()):
        if not house.tickets.exists() or not house.agent.exists():
            raise MetaError(f"{where} exists and is no demo", "name another folder with --keep", code=2)
        shutil.rmtree(where)
    return make_demo(where, DEMO_SETTINGS)


def _pointed_at(settings: Settings, base_url: str, sandbox: str) -> Settings:
    worker = settings.worker.model_copy(update={"base_url": base_url})
    replay = Settings.model_validate({"replay": {"sandbox": sandbox}}).replay
    return settings.model_copy(update={"worker": worker, "replay": replay})


def _story(app: App, house: DemoFolders) -> dict[str, Any]:
    context = app.context
    _head("1. What came back: the agent's pull requests, and what reviewers did with them")
    ingest_feedback(context.store, context.app.project, [])
    for kind, number in context.store.outcomes.counts_by_kind().items():
        report(f"  {number:3} {kind.value}")

    _head(
        "2. Past tickets prove themselves: the merged change must pass, doing nothing and the rejected diff must fail"
    )
    for ticket in load_tickets(house.tickets):
        context.store.tickets.add(ticket)
    admit_waiting_tickets(context.store.tickets, context.workshop, context.settings.replay, report)

    _head("3. How good is the agent today? One fresh replay of every ticket")
    before = _measure(app)
    report(f"  {_rate(before)}")

    _head("4. One night: propose edits, screen them, put each through the gate")
    admit_and_tune(context, app.open_tuning)

    _head("5. What the night suggests, as a reviewer sees it")
    kept = context.store.proposals.pending()
    for proposal in kept:
        report(proposal_page(view_proposal(context.store, context.versions, proposal)))
    _head("6. What it did not suggest, and why")
    refused = context.store.candidates.not_kept()
    for candidate in refused:
        report(f"  {candidate.edit.title}: {candidate.status.replace('_', ' ')}; {candidate.why}")

    _head("7. A person accepts what was suggested; then every ticket is replayed afresh")
    accepted = _accept(context, kept)
    after = _measure(app)
    report(f"  before  {_rate(before)}\n  after   {_rate(after)}")
    return {
        "kept": [_title(context, p) for p in accepted],
        "refused": [c.edit.title for c in refused],
        "success_before": before.one_shot.value,
        "success_after": after.one_shot.value,
    }


def _accept(context: Context, kept: list[Proposal]) -> list[Proposal]:
    return [accept_proposal(context.store, context.versions, proposal) for proposal in kept]


def _title(context: Context, proposal: Proposal) -> str:
    return context.store.candidates.find(proposal.candidate).edit.title


def _measure(app: App) -> Measurement:
    return measure_version(app.replayer(), app.history.head(), choose_tickets(app.store.tickets, []), 1, report)


def _rate(measured: Measurement) -> str:
    d = measured.to_json()
    rate = f"{d['one_shot']:.0%} one-shot success ({d['low']:.0%} to {d['high']:.0%}) on {d['tickets']} tickets"
    return f"{rate}; {d['passes_tests']:.0%} pass the tests"


def _head(text: str) -> None:
    report(f"\n{PAGE_RULE}\n{text}\n{PAGE_RULE}")


def _next(house: DemoFolders, result: dict[str, Any]) -> str:
    agent = house.agent
    return f"""
Done in {result["seconds"]:.0f} s. The model was a scripted stand-in; everything else was real. Look around:

  meta -C {agent} status
  meta -C {agent} proposals show 1
  meta -C {agent} tickets
  git -C {agent} log --stat
  git -C {agent} show meta/proposal-1

Your own agent: `meta init`, then the README's section "Your own repository"."""
