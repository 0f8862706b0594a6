"""Prints results on standard output, progress and errors on standard error.

Whatever is printed goes through `_make_printable`: secrets are masked, and no character acts on the terminal.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from meta.errors import MetaError


def print_result(text: str) -> None:
    """Print a result on standard output."""
    typer.echo(_make_printable(text))


def report(line: str) -> None:
    """Print a line of progress on standard error, so that results can be piped."""
    typer.echo(_make_printable(line), err=True)


def print_json(data: object) -> None:
    """Print one JSON document on one line."""
    from safeguards.masking import mask_secrets
    from safeguards.terminal_text import show_controls_in_json

    typer.echo(show_controls_in_json(mask_secrets(json.dumps(data, ensure_ascii=False, default=str))))


FIRST_LINES = 5
"""How many of many lines of one kind a person is shown."""


def report_first(lines: Sequence[str]) -> None:
    """Print the first of many lines of progress, indented, and how many more there are."""
    for line in lines[:FIRST_LINES]:
        report(f"  {line}")
    if len(lines) > FIRST_LINES:
        report(f"  and {len(lines) - FIRST_LINES} more; --json has them all")


def report_set_aside(reasons: Sequence[str]) -> None:
    """Say how many inputs were set aside, and why the first of them were."""
    if reasons:
        report(f"set aside {len(reasons)}, and went on with the rest:")
        report_first([reason[:300] for reason in reasons])


def print_error(error: MetaError) -> int:
    """Print what happened and what to do about it; returns the exit code."""
    sys.stderr.write(f"error: {_make_printable(error.message)}\n")
    if error.remedy:
        sys.stderr.write(f"  -> {_make_printable(error.remedy)}\n")
    return int(error.code)


def print_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an error that nobody expected."""
    sys.stderr.write(_make_printable("".join(traceback.format_exception(kind, error, trace))))


def _make_printable(text: str) -> str:
    from safeguards.masking import mask_secrets
    from safeguards.terminal_text import show_controls

    return mask_secrets(show_controls(text))
