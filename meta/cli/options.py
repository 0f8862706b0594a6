"""Options and arguments that several commands share, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

HERE = Path(".")
"""The folder with meta.toml and runs.db: `meta` goes there before any command runs."""

_STARTED_IN = "meta.started_in"


def remember_start(context: typer.Context) -> None:
    """Remember where the person stands, before `--folder` leads elsewhere."""
    context.meta[_STARTED_IN] = Path.cwd()


def resolve_given(context: typer.Context, given: Any) -> Any:
    """Return given paths as seen from where the person stands, not from `--folder`."""
    if isinstance(given, list | tuple):
        return [resolve_given(context, path) for path in given]
    start = context.meta.get(_STARTED_IN)
    return given if given is None or start in (None, Path.cwd()) else start / given


def resolve_given_text(context: typer.Context, given: str) -> str:
    """Do the same for a text that may be a path; anything else stays as it is."""
    path = resolve_given(context, Path(given))
    return str(path) if given and path.exists() else given


def resolve_given_texts(context: typer.Context, given: list[str] | None) -> list[str]:
    return [resolve_given_text(context, text) for text in given or []]


JSON_OPTION = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
JSON_LINES_OPTION = Annotated[bool, typer.Option("--json", help="Print JSON lines, one for each result.")]
AGAIN_OPTION = Annotated[bool, typer.Option("--again", help="Retry those that were tried before, too.")]
REASON_OPTION = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Say why, in your own words.")]
SEED_OPTION = Annotated[int, typer.Option("--seed", metavar="NUMBER", help="Seed for the random numbers.")]
UNTIL_OPTION = Annotated[
    str, typer.Option("--until", metavar="HH:MM", help="Local time by which the night must be over.")
]
SHOW_OPTION = Annotated[bool, typer.Option("--show", help="Print the file instead of writing it.")]
NUMBER_ARGUMENT = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the proposal.")]
PULL_ARGUMENT = Annotated[str, typer.Argument(metavar="PULL", help="owner/name#12, or #12 if only one matches.")]
TICKETS_ARGUMENT = Annotated[list[str], typer.Argument(metavar="TICKET", help="Ids of the tickets.")]
