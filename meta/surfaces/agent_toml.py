"""agent.toml with one setting changed: all other lines, and their comments, stay as they are."""

from __future__ import annotations

import json
import re
import tomllib

TomlValue = str | int | tuple[str, ...]

_LINE = re.compile(r"""[^=]*=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|\[.*\]|[^#"'\[]*?)(?P<comment>\s*\#.*)?$""")
"""A setting on one line: name, value and perhaps a comment."""


def replace_setting(text: str, name: str, value: TomlValue) -> str:
    """`text` with `name` ("effort", "limits.turns") set to `value`. Raises `ValueError` where that cannot be done."""
    section, _, key = name.rpartition(".")
    lines = text.splitlines()
    new = f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"
    where, first_header = "", len(lines)
    at = end = None
    header = None
    for number, line in enumerate(lines):
        if found := re.match(r"\s*\[([\w.]+)\]", line):
            where, first_header = found[1], min(first_header, number)
            header = number if where == section else header
        elif where == section and at is None and re.match(rf"\s*{re.escape(key)}\s*=", line):
            at, end = number, _end(lines, number)
    if at is not None and end is not None:
        read = _LINE.match(lines[at]) if end == at + 1 else None
        lines[at:end] = [new + ((read["comment"] or "") if read else "")]
    elif not section:
        lines.insert(first_header, new)
    elif header is not None:
        lines.insert(header + 1, new)
    else:
        lines += ["", f"[{section}]", new]
    made = "\n".join(lines) + "\n"
    if _parsed(made) != _wanted(tomllib.loads(text), section, key, value):
        raise ValueError(f"agent.toml is written in a way in which {name} cannot be set")
    return made


def _parsed(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _end(lines: list[str], start: int) -> int:
    """The line after a value, which may go over several lines."""
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return start + 1


def _wanted(data: dict[str, object], section: str, key: str, value: TomlValue) -> dict[str, object]:
    plain: object = list(value) if isinstance(value, tuple) else value
    if not section:
        return {**data, key: plain}
    inner = data.get(section)
    return {**data, section: {**(inner if isinstance(inner, dict) else {}), key: plain}}
