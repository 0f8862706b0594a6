"""A person goes through what is pending, one proposal after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from meta.app import Context
from meta.errors import MetaError
from meta.look.proposal_page import proposal_page
from meta.proposals.decision import accept_proposal, reject_proposal
from meta.proposals.view import view_proposal
from meta.records.candidate import Proposal


def review_pending(context: Context, waiting: Sequence[Proposal], *, ask: bool = True) -> None:
    """Show each proposal and ask for a word on it. Without a terminal they are shown and stay pending."""
    if not waiting:
        typer.echo("nothing to review: no change could be shown to be better")
        return
    ask = ask and sys.stdin.isatty()
    for proposal in waiting:
        proposal = context.store.proposals.find(proposal.id)
        if proposal.status != "pending":  # an earlier word has settled it
            continue
        typer.echo(proposal_page(view_proposal(context.store, context.versions, proposal)))
        if ask:
            ask_decision(context, proposal)
    if not ask:
        typer.echo("\nThey stay pending: `meta proposals accept N`, `meta proposals reject N --reason TEXT`")


def ask_decision(context: Context, proposal: Proposal) -> None:
    while True:
        word = typer.prompt("\n[a]ccept, [r]eject, [s]kip", default="s").strip().lower()[:1]
        try:
            if word == "a":
                done = accept_proposal(context.store, context.versions, proposal)
                typer.echo(f"merged as {(done.merge_commit or '')[:10]}")
            elif word == "r":
                reject_proposal(context.store, proposal, typer.prompt("why (the proposer learns from it)"))
                typer.echo("rejected, and remembered")
            elif word != "s":
                continue
            return
        except MetaError as error:
            typer.echo(f"{error.message}\n  -> {error.remedy}", err=True)
