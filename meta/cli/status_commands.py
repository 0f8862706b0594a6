"""`meta status`, and `meta` alone: where things stand, and what to do next."""

from __future__ import annotations

from meta.cli.options import HERE, JSON_OPTION
from meta.cli.output import print_json, print_result
from meta.look.status_page import empty_page, status_page
from meta.store.summary import read_summary


def status_command(as_json: JSON_OPTION = False) -> None:
    """Show where things stand.

    The version in use and its one-shot success, tickets, feedback, proposals, what was spent, and what to do next.
    """
    found = read_summary(HERE)
    if as_json:
        print_json(found)
    else:
        print_result(status_page(found))


def print_overview() -> None:
    """Show where things stand and what to do next, even before anything is set up."""
    if (HERE / "runs.db").exists():
        print_result(status_page(read_summary(HERE)))
    else:
        print_result(empty_page((HERE / "meta.toml").exists()))
    print_result("`meta --help` lists all commands")
