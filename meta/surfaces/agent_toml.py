"""Changes one setting of an agent.toml and keeps the rest, comments included."""

from __future__ import annotations

import tomllib

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

TomlValue = str | int | tuple[str, ...]


def replace_setting(text: str, name: str, value: TomlValue) -> str:
    """Return `text` with the setting `name` ("effort", "limits.turns") changed.

    What was written is read again, by another parser, before it is returned. Raises `ValueError` if the setting
    cannot be changed.
    """
    section, _, key = name.rpartition(".")
    plain = list(value) if isinstance(value, tuple) else value
    before = tomllib.loads(text)
    try:
        made = _written(text, section, key, plain)
        as_meant = tomllib.loads(made) == _wanted(before, section, key, plain)
    except (TOMLKitError, ValueError, TypeError):
        as_meant = False
    if not as_meant:
        raise ValueError(f"cannot set {name} in agent.toml; write it as a plain `{key} = ...` line")
    return made


def _written(text: str, section: str, key: str, value: str | int | list[str]) -> str:
    document = tomlkit.parse(text if text.endswith("\n") or not text else text + "\n")
    if not section:
        document[key] = value
    elif section not in document:
        if text:
            document.add(tomlkit.nl())
        document.add(section, tomlkit.table().add(key, value))
    else:
        table = document[section]
        if not isinstance(table, AbstractTable):
            raise TypeError(f"{section} is not a table")
        table[key] = value
    return tomlkit.dumps(document)


def _wanted(data: dict[str, object], section: str, key: str, value: str | int | list[str]) -> dict[str, object]:
    if not section:
        return {**data, key: value}
    inner = data.get(section)
    return {**data, section: {**(inner if isinstance(inner, dict) else {}), key: value}}
