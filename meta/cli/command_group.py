"""Groups of commands: their help is shown whole, in sections.

The group at the top imports a command only when it is run.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from meta.cli.command_list import SECTIONS, ListedCommand


class WholeHelpGroup(TyperGroup):
    """Lists its commands with their whole lines of help, however wide the terminal is."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        write_sections(formatter, {"Commands": [(name, first_line(c.help)) for name, c in self.commands.items()]})


class TopGroup(WholeHelpGroup):
    """Lists the commands of `meta` itself, by section."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for listed in (command for section in SECTIONS.values() for command in section):
            # A stand-in with the name alone, so that a misspelt command is answered with the nearest one.
            self.commands[listed.name] = ImportedLater(listed)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = self.commands.get(cmd_name)
        return command.load() if isinstance(command, ImportedLater) else command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        write_sections(formatter, {title: [(c.name, c.help) for c in section] for title, section in SECTIONS.items()})


class ImportedLater(TyperCommand):
    """Stands in for a command of the list until it is run."""

    def __init__(self, listed: ListedCommand) -> None:
        super().__init__(listed.name, help=listed.help, rich_markup_mode=None)
        self.listed = listed

    def load(self) -> Any:
        """Import the command and build it."""
        module, _, name = self.listed.place.partition(":")
        found = getattr(importlib.import_module(f"meta.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.listed.name)(found)
        return typer.main.get_command(alone)


def make_group(help_: str, *, needs_command: bool = False) -> typer.Typer:
    """Return a group for commands that belong together.

    With `needs_command`, it shows its help when no command is given.
    """
    return typer.Typer(
        cls=WholeHelpGroup,
        help=help_,
        no_args_is_help=needs_command,
        add_completion=False,
        rich_markup_mode=None,
    )


def first_line(text: str | None) -> str:
    """Return the first line of a help text."""
    return (text or "").strip().partition("\n")[0]


def write_sections(formatter: Any, sections: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Write commands with their lines of help, under a title for each section."""
    widest = max(len(name) for rows in sections.values() for name, _ in rows)
    for title, rows in sections.items():
        with formatter.section(title):
            for name, line in rows:
                formatter.write(f"{'':>{formatter.current_indent}}{name:<{widest}}  {line}\n")
