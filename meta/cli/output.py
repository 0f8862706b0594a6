"""What all commands share in how they speak."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from meta.errors import MetaError


HERE = Path(".")
EXIT_NOTHING, EXIT_BUDGET = 3, 4
SANDBOX_OPTION = Annotated[str, typer.Option("--sandbox", help="bubblewrap, or none (no isolation: only if you must).")]


def make_folder_option() -> Any:
    return typer.Option("--folder", "-C", help="Folder with meta.toml and runs.db.", metavar="PATH")


def make_json_option() -> Any:
    return typer.Option("--json", help="Print one JSON document for programs.")


def print_result(text: str) -> None:
    """A result, on standard output."""
    typer.echo(text)


def report(line: str) -> None:
    """Progress, on standard error, so that results can be piped."""
    typer.echo(line, err=True)


def print_json(data: object) -> None:
    """JSON on one line."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str))


def print_error(error: MetaError) -> int:
    """Print what happened and what to do; returns the exit code."""
    sys.stderr.write(f"error: {error.message}\n")
    if error.remedy:
        sys.stderr.write(f"  -> {error.remedy}\n")
    return error.code
