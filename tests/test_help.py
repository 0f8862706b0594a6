"""What a person reads of the command line: one whole line for each command and option, in the same words everywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from meta.cli.command_list import SECTIONS
from meta.cli.entry import app

MAX_LINE = 60
LISTED = [command for section in SECTIONS.values() for command in section]

OTHER_WORDS_ON_PURPOSE = {
    "--version": "of meta itself; of the agent",
    "--limit": "tickets that are admitted; pull requests that the model is asked about",
    "--draft": "a pull request as a draft; checks that the model drafts",
}


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that lead to it."""
    yield path, command
    for name in getattr(command, "commands", {}):
        context = typer.Context(command, info_name=name)
        yield from walk(command.get_command(context, name), (*path, name))


COMMANDS = dict(walk(typer.main.get_command(app)))


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], prog_name="meta", env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_is_described_by_one_whole_line_that_begins_with_a_verb(path: tuple[str, ...]) -> None:
    line, *rest = COMMANDS[path].help.strip().split("\n")
    assert rest[:1] in ([], [""]), "the first line is a paragraph of its own"
    if path:
        assert len(line) < MAX_LINE, line
    assert re.match(r"[A-Z][a-z]+,? ", line), line
    assert line.endswith("."), line
    assert "..." not in shown(*path).replace("[ARGS]...", "").replace("}...", "")
    assert "…" not in shown(*path)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_and_argument_has_one_line_of_help(path: tuple[str, ...]) -> None:
    for parameter in COMMANDS[path].params:
        if not getattr(parameter, "hidden", False):
            words = parameter.help or ""
            assert 0 < len(words) < MAX_LINE, f"{parameter.name}: {words!r}"
            assert words.endswith("."), f"{parameter.name}: {words!r}"


def test_the_same_option_is_described_in_the_same_words_everywhere() -> None:
    words: dict[str, set[str]] = defaultdict(set)
    for command in COMMANDS.values():
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                for name in parameter.opts:
                    words[name].add(parameter.help)
    document, lines = "Print one JSON document instead of text.", "Print JSON lines, one for each result."
    assert words.pop("--json") == {document, lines}
    assert {name for name, said in words.items() if name.startswith("-") and len(said) > 1} == {*OTHER_WORDS_ON_PURPOSE}


@pytest.mark.parametrize("listed", LISTED, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_the_command_itself_says(listed: Any) -> None:
    assert COMMANDS[(listed.name,)].help.partition("\n")[0] == listed.help


def test_commands_are_listed_in_sections_and_none_is_missing() -> None:
    listed = shown()
    for title, commands in SECTIONS.items():
        assert f"\n{title}:\n" in listed
        for command in commands:
            assert re.search(rf"^  {command.name} +{re.escape(command.help)}$", listed, re.MULTILINE)


def test_a_misspelt_command_is_answered_with_the_nearest_one() -> None:
    done = CliRunner().invoke(app, ["statsu"], prog_name="meta")
    assert done.exit_code == 2
    assert "Did you mean 'status'?" in done.output


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    done = CliRunner().invoke(app, ["--version"], prog_name="meta")
    assert (done.exit_code, done.output) == (0, f"meta {version('meta-worker')}\n")
