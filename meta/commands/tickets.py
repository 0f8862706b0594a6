"""`meta tickets`: what can be replayed, where it came from, and why each ticket can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.output import json_option, out, say, tell

app = typer.Typer(
    help="Replayable tickets: add or mine them, and see which have proved themselves.", rich_markup_mode=None
)
HERE = Path(".")


@app.callback(invoke_without_command=True)
def tickets(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_tickets()


@app.command("list")
def list_tickets(as_json: Annotated[bool, json_option()] = False) -> None:
    """All tickets with their status: admitted, quarantined (and why), or new."""
    from meta.context import reading
    from meta.review.text import table

    with reading(HERE) as context:
        rows = context.store.rows(
            "select id, status, held_out, source, title, reason from tickets order by added_at, id"
        )
    if as_json:
        out(rows)
        return
    if not rows:
        say("no tickets yet: `meta tickets mine PATH` or `meta tickets add FILE`")
        return
    first = [(r["reason"].splitlines() or [""])[0][:70] for r in rows]
    use = ["" if r["status"] != "admitted" else "held out" if r["held_out"] else "search" for r in rows]
    cells = [(r["id"], r["status"], u, r["title"][:50], why) for r, u, why in zip(rows, use, first, strict=True)]
    say(table(cells, ["ticket", "status", "use", "title", "reason"]))


@app.command()
def show(ticket: str) -> None:
    """One ticket: its brief, where it starts, what decides it: the tests, and the acceptance checks."""
    from meta.context import reading
    from meta.errors import MetaError
    from meta.replay.acceptance.checks import described
    from meta.replay.junit import WEAKER

    with reading(HERE) as context:
        found = context.store.ticket(ticket)
        row = context.store.one("select status, reason from tickets where id = ?", ticket)
    if not found or not row:
        raise MetaError(f"there is no ticket {ticket!r}", "see `meta tickets list`", code=2)
    say(f"{found.id}: {found.title}\n\n{found.body}\n")
    say(f"repository    {found.repo}\nbase          {found.base_commit}\nsource        {found.source}")
    say(f"themes        {', '.join(found.labels) or 'none'}\nstatus        {row['status']} {row['reason']}")
    for name, tests in (("FAIL_TO_PASS", found.grader.fail_to_pass), ("PASS_TO_PASS", found.grader.pass_to_pass)):
        say(f"{name}  {len(tests)}" + "".join(f"\n  {t}" for t in tests[:20]))
    if junit := found.grader.junit:
        say(f"run by        {junit.command}{WEAKER}")
    checks = described(found.grader)
    say(f"checks        {len(checks)}" + "".join(f"\n  {line}" for line in checks))


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="JSONL, TOML or Markdown; see docs/tickets.md.")],
    check: Annotated[bool, typer.Option(help="Let each prove itself at once.")] = True,
) -> None:
    """Add tickets from files. A file with a bad entry is named with it, and none of that file is taken."""
    from meta.context import writing
    from meta.tickets.files import load

    with writing(HERE, "tickets add", tell) as context:
        loaded = [ticket for file in files for ticket in load(file)]
        added = sum(context.store.add_ticket(ticket) for ticket in loaded)
        say(f"{added} tickets added or changed")
        if check:
            _check(context)


@app.command()
def check(
    runs: Annotated[int, typer.Option(min=1, help="Runs of gold and of base.")] = 3,
    again: Annotated[bool, typer.Option("--again", help="Also those already admitted or quarantined.")] = False,
) -> None:
    """Let new tickets prove themselves: gold must pass, base and rejected diffs must fail."""
    from meta.context import writing

    with writing(HERE, "tickets check", tell) as context:
        if again:
            context.store.write("update tickets set status = 'new', reason = ''")
        _check(context, runs)


def _check(context: object, runs: int = 3) -> None:
    from meta.context import Context
    from meta.tickets.admit_all import admit_all

    assert isinstance(context, Context)
    found = admit_all(context, runs)
    admitted = sum(a.status == "admitted" for a in found)
    say(f"{admitted} admitted, {len(found) - admitted} quarantined")


@app.command()
def mine(
    path: Annotated[Path, typer.Argument(help="A clone, best with refs/pull/*/head.")],
    since: Annotated[str, typer.Option(help="Only changes since this day (YYYY-MM-DD).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Stop after so many admitted tickets.")] = 50,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Make tickets from a repository's history: changes that touch source and tests and are small enough."""
    from meta.context import writing
    from meta.tickets.mine_into import mine_into

    counts = {"admitted": 0, "quarantined": 0}
    with writing(HERE, "tickets mine", tell) as context:
        for mined in mine_into(context, path, since or None, limit):
            counts[mined.status] += 1
            if as_json:
                out(mined.line())
            else:
                why = f"  ({mined.reason.splitlines()[0][:100]})" if mined.reason else ""
                say(f"{mined.status:<12} {mined.fix_commit[:10]}  {mined.title[:60]}{why}")
    tell(f"{counts['admitted']} admitted, {counts['quarantined']} quarantined")


@app.command("from-feedback")
def from_feedback(
    draft: Annotated[
        bool, typer.Option(help="Let the model draft checks from reviewers' words where tests see no difference.")
    ] = True,
    again: Annotated[bool, typer.Option("--again", help="Also those that were tried before.")] = False,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Make tickets of pull requests that came back: what was merged must pass, what was submitted must fail."""
    from meta.context import writing
    from meta.tickets.from_feedback import from_feedback as make

    counts = {"admitted": 0, "quarantined": 0, "no ticket": 0}
    with writing(HERE, "tickets from-feedback", tell) as context:
        for found in make(context, draft=draft, again=again):
            counts[found.status or "no ticket"] += 1
            if as_json:
                out(found.model_dump(mode="json"))
                continue
            why = f"  ({found.reason.splitlines()[0][:150]})" if found.reason else ""
            drafted = f"  [{found.review_checks} checks drafted from reviewers' words]" if found.review_checks else ""
            known = "  (as before)" if found.known else ""
            say(f"{found.status or 'no ticket':<12} {found.pull_request}  {found.title[:60]}{drafted}{known}{why}")
    if not sum(counts.values()):
        tell("no pull request came back yet: `meta ingest-feedback` reads what became of them")
        raise typer.Exit(3)
    tell(", ".join(f"{n} {name}" for name, n in counts.items()))
