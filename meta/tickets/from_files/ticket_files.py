"""Reads tickets from JSON lines, TOML or Markdown, as in docs/tickets.md."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta.errors import MetaError
from meta.records.ticket import Ticket
from meta.set_aside import why_set_aside
from meta.tickets.from_files.ticket_entry import BadEntry, ticket_of

_Found = tuple[int, dict[str, Any] | str]
"""The line number and fields of an entry, or what is wrong with it."""


@dataclass(frozen=True)
class TicketFiles:
    """What files hold: tickets in order, and each entry that is none, as "file:line: what is wrong; what to do"."""

    tickets: tuple[Ticket, ...]
    problems: tuple[str, ...]


def read_ticket_files(paths: Iterable[Path]) -> TicketFiles:
    """Read the tickets of files, and of all ticket files of folders. A bad entry or file keeps no other back."""
    tickets: list[Ticket] = []
    problems: list[str] = []
    places: dict[str, str] = {}
    for file in (file for path in paths for file in _list_files(path)):
        place = str(file)
        try:
            for line, fields in _read_entries(file):
                place = f"{file}:{line}"
                try:
                    ticket = _read_ticket(fields, file.parent)
                    if ticket.id in places:
                        raise BadEntry(f"id {ticket.id!r} is taken by {places[ticket.id]}; give it another")
                    places[ticket.id] = place
                    tickets.append(ticket)
                except BadEntry as refused:
                    problems.append(f"{place}: {refused}")
        except MetaError as error:
            problems.append(f"{error.message}; {error.remedy}")
    return TicketFiles(tuple(tickets), tuple(problems))


def load_tickets(path: Path) -> list[Ticket]:
    """Read the tickets of a file or a folder, all of which must be good.

    Raises one `MetaError` that names every bad entry.
    """
    read = read_ticket_files([path])
    require_all_read(read, str(path))
    return list(read.tickets)


def require_all_read(read: TicketFiles, what: str) -> None:
    """Raise `MetaError` if an entry could not be read."""
    if read.problems:
        count = "an entry" if len(read.problems) == 1 else f"{len(read.problems)} entries"
        raise MetaError(
            f"{count} of {what} cannot be read:\n" + "\n".join(read.problems),
            "correct the file; docs/tickets.md has the format",
        )


def _list_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.suffix in (".jsonl", ".toml", ".md"))
    return [path]


def _read_ticket(fields: dict[str, Any] | str, folder: Path) -> Ticket:
    if isinstance(fields, str):
        raise BadEntry(fields)
    try:
        ticket = ticket_of(fields, folder)
        ticket.model_dump_json()  # what cannot be stored is found out here
        return ticket
    except BadEntry:
        raise
    except Exception as error:
        raise BadEntry(why_set_aside(error)) from None


def _read_entries(file: Path) -> Iterator[_Found]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise MetaError(f"{file} is not UTF-8 text", "name a .jsonl, .toml or .md file") from None
    except OSError as error:
        raise MetaError(f"cannot read {file}: {error.strerror}", "name a ticket file or a folder of them") from None
    match file.suffix:
        case ".jsonl" | ".json":
            yield from _read_json_lines(text)
        case ".toml":
            yield from _read_toml(text)
        case ".md":
            yield _read_markdown(text)
        case other:
            raise MetaError(f"{file}: {other or 'no ending'} is not a ticket format", "use .jsonl, .toml or .md")


def _read_json_lines(text: str) -> Iterator[_Found]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                fields = json.loads(line)
                yield number, fields if isinstance(fields, dict) else "a line has to be a JSON object"
            except json.JSONDecodeError as error:
                yield number, f"this is not JSON ({error.msg}, column {error.colno}); write one object a line"
            except (ValueError, RecursionError) as error:  # a number of too many digits, or too deep
                yield number, f"this cannot be read ({error})"


def _read_toml(text: str) -> Iterator[_Found]:
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        yield int(found[1]) if found else 1, f"this is not TOML ({error})"
        return
    except (ValueError, RecursionError) as error:
        yield 1, f"this is not TOML ({error})"
        return
    lines = [n for n, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*ticket\s*\]\]", line)]
    entries = parsed.get("ticket", [])
    if not isinstance(entries, list) or parsed.keys() - {"ticket"}:
        yield 1, "tickets are written as [[ticket]] tables, and nothing else stands in the file"
        return
    yield from ((lines[i] if i < len(lines) else 1, fields) for i, fields in enumerate(entries))


def _read_markdown(text: str) -> _Found:
    """Read front matter, then "# Title" and the body.

    Front matter is TOML between +++ lines, or plain "key: value" between --- lines.
    """
    found = re.match(r"(\+\+\+|---)[ \t]*\n(.*?)\n\1[ \t]*(?:\n|$)(.*)", text, re.DOTALL)
    if not found:
        return 1, "a Markdown ticket starts with its fields between two lines `+++`"
    fence, front, body = found.groups()
    try:
        fields = tomllib.loads(front + "\n") if fence == "+++" else _read_plain_fields(front)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        return 1 + int(at[1]) if at else 2, f"the fields are not TOML ({error})"
    except (ValueError, RecursionError) as error:
        return 2, str(error)
    heading = re.match(r"\s*#\s+(.+?)\s*\n(.*)", body + "\n", re.DOTALL)
    if heading and "title" not in fields:
        fields["title"], body = heading.groups()
    fields.setdefault("body", body.strip())
    return 1, fields


def _read_plain_fields(front: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    key = ""
    for line in front.split("\n"):
        if item := re.match(r"\s+-\s+(.+)|-\s+(.+)", line):
            if not isinstance(fields.get(key), list):
                fields[key] = []
            fields[key].append((item[1] or item[2]).strip().strip("\"'"))
        elif pair := re.match(r"([\w-]+):\s*(.*)", line):
            key, value = pair[1].replace("-", "_"), pair[2].strip()
            try:
                fields[key] = json.loads(value)
            except json.JSONDecodeError:
                fields[key] = value.strip("\"'")
            if key == "base_commit":  # an abbreviated commit may be all digits
                fields[key] = value.strip("\"'")
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ValueError(
                f"`{line.strip()[:60]}` is not `key: value`; for more than that put TOML between `+++` lines"
            )
    return fields
