"""`meta demo`: the whole loop on the built-in example, told as a story. Everything is real but the model's service."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from meta.context import Context, writing
from meta.demo.project import DemoHouse, make
from meta.demo.standin import serve
from meta.errors import MetaError
from meta.ingest import ingest
from meta.measure import Measured, measure
from meta.output import say, tell
from meta.records import Proposal
from meta.review.decide import accept
from meta.review.text import RULE, page
from meta.review.view import view
from meta.settings import Settings, load
from meta.store.tuning import candidates, proposals
from meta.tickets.admit_all import admit_all
from meta.tickets.files import load as load_tickets
from meta.tune.run import tune

SETTINGS = """\
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


def run(where: Path, *, seed: int, as_json: bool, sandbox: str) -> None:
    """Make the demo under `where` and run one night on it. Raises `MetaError` when `where` holds something else."""
    begun = time.monotonic()
    house = _house(where)
    settings = load(house.agent)
    with serve(seed) as base_url:
        settings = _pointed_at(settings, base_url, sandbox)
        with writing(house.agent, "demo", tell, settings) as context:
            result = _story(context, house)
    result["seconds"] = round(time.monotonic() - begun, 1)
    if as_json:
        say(json.dumps(result))
        return
    say(_next(house, result))


def _house(where: Path) -> DemoHouse:
    house = DemoHouse(where.absolute())
    if where.exists() and any(where.iterdir()):
        if not house.tickets.exists() or not house.agent.exists():
            raise MetaError(f"{where} exists and is no demo", "name another folder with --keep", code=2)
        shutil.rmtree(where)
    return make(where, SETTINGS)


def _pointed_at(settings: Settings, base_url: str, sandbox: str) -> Settings:
    worker = settings.worker.model_copy(update={"base_url": base_url})
    replay = Settings.model_validate({"replay": {"sandbox": sandbox}}).replay
    return settings.model_copy(update={"worker": worker, "replay": replay})


def _story(context: Context, house: DemoHouse) -> dict[str, Any]:
    _head("1. What came back: the agent's pull requests, and what reviewers did with them")
    ingest(context, [])
    for row in context.store.rows("select kind, count(*) as n from feedback group by kind order by n desc"):
        tell(f"  {row['n']:3} {row['kind']}")

    _head(
        "2. Past tickets prove themselves: the merged change must pass, doing nothing and the rejected diff must fail"
    )
    for ticket in load_tickets(house.tickets):
        context.store.add_ticket(ticket)
    admit_all(context)

    _head("3. How good is the agent today? One fresh replay of every ticket")
    before = measure(context, "HEAD", 1, [])
    tell(f"  {_rate(before)}")

    _head("4. One night: propose edits, screen them, put each through the gate")
    tune(context)

    _head("5. What the night suggests, as a reviewer sees it")
    kept = proposals(context.store, "status = 'pending'")
    for proposal in kept:
        tell(page(view(context, proposal)))
    _head("6. What it did not suggest, and why")
    refused = candidates(context.store, "status in ('refused', 'screened_out', 'invalid', 'testing')")
    for candidate in refused:
        tell(f"  {candidate.edit.title}: {candidate.status.replace('_', ' ')}; {candidate.why}")

    _head("7. A person accepts what was suggested; then every ticket is replayed afresh")
    accepted = _accept(context, kept)
    after = measure(context, "HEAD", 1, [])
    tell(f"  before  {_rate(before)}\n  after   {_rate(after)}")
    return {
        "kept": [_title(context, p) for p in accepted],
        "refused": [c.edit.title for c in refused],
        "success_before": before.data["one_shot"],
        "success_after": after.data["one_shot"],
    }


def _accept(context: Context, kept: list[Proposal]) -> list[Proposal]:
    return [accept(context, proposal) for proposal in kept]


def _title(context: Context, proposal: Proposal) -> str:
    return candidates(context.store, "id = ?", proposal.candidate)[0].edit.title


def _rate(measured: Measured) -> str:
    d = measured.data
    rate = f"{d['one_shot']:.0%} one-shot success ({d['low']:.0%} to {d['high']:.0%}) on {d['tickets']} tickets"
    return f"{rate}; {d['passes_tests']:.0%} pass the tests"


def _head(text: str) -> None:
    tell(f"\n{RULE}\n{text}\n{RULE}")


def _next(house: DemoHouse, result: dict[str, Any]) -> str:
    agent = house.agent
    return f"""
Done in {result["seconds"]:.0f} s. The model was a scripted stand-in; everything else was real. Look around:

  meta -C {agent} status
  meta -C {agent} proposals show 1
  meta -C {agent} tickets
  git -C {agent} log --stat
  git -C {agent} show meta/proposal-1

Your own agent: `meta init`, then the README's section "Your own repository"."""
