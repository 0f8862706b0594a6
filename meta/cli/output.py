"""Prints results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from meta.errors import MetaError


def print_result(text: str) -> None:
    """Print a result on standard output."""
    typer.echo(text)


def report(line: str) -> None:
    """Print a line of progress on standard error, so that results can be piped."""
    typer.echo(line, err=True)


def print_json(data: object) -> None:
    """Print one JSON document on one line."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str))


def report_set_aside(reasons: Sequence[str], first: int = 3) -> None:
    """Say how many inputs were set aside, and why the first of them were, on standard error."""
    if reasons:
        report(f"set aside {len(reasons)}, and went on with the rest:")
        for reason in reasons[:first]:
            report(f"  {reason[:200]}")
        if len(reasons) > first:
            report(f"  and {len(reasons) - first} more; --json has them all")


def print_error(error: MetaError) -> int:
    """Print what happened and what to do about it; returns the exit code."""
    sys.stderr.write(f"error: {error.message}\n")
    if error.remedy:
        sys.stderr.write(f"  -> {error.remedy}\n")
    return int(error.code)
