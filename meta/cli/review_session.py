"""A person goes through what is pending, one proposal after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from meta.app import App
from meta.cli.output import print_error, print_result
from meta.errors import MetaError
from meta.look.proposal_page import proposal_page
from meta.proposals.decision import accept_proposal, reject_proposal
from meta.proposals.view import view_proposal
from meta.records.candidate import Proposal


def review_pending(app: App, waiting: Sequence[Proposal], *, ask: bool = True) -> None:
    """Show each proposal and ask for a decision.

    Without a terminal they are only shown, and stay pending.
    """
    if not waiting:
        print_result("nothing to review: no change proved to be better")
        return
    ask = ask and sys.stdin.isatty()
    for proposal in waiting:
        proposal = app.store.proposals.find(proposal.id)
        if proposal.status != "pending":  # an earlier decision has settled it
            continue
        print_result(proposal_page(view_proposal(app.store, app.versions, proposal)))
        if ask:
            ask_decision(app, proposal)
    if not ask:
        print_result("\nThey stay pending: `meta proposals accept N`, `meta proposals reject N --reason TEXT`")


def ask_decision(app: App, proposal: Proposal) -> None:
    """Ask until the proposal is accepted, rejected or skipped.

    Errors are shown and the question is repeated.
    """
    while True:
        word = typer.prompt("\n[a]ccept, [r]eject, [s]kip", default="s").strip().lower()[:1]
        try:
            if word == "a":
                done = accept_proposal(app.store, app.versions, proposal)
                print_result(f"merged as {(done.merge_commit or '')[:10]}")
            elif word == "r":
                reject_proposal(app.store, proposal, typer.prompt("why (the proposer learns from it)"))
                print_result("rejected, and remembered")
            elif word != "s":
                continue
            return
        except MetaError as error:
            print_error(error)
