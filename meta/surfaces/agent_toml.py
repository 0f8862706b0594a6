"""Changes one setting in an agent.toml and keeps the rest, including comments."""

from __future__ import annotations

import tomllib

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

TomlValue = str | int | tuple[str, ...]


def replace_setting(text: str, name: str, value: TomlValue) -> str:
    """Return `text` with the setting `name` ("effort", "limits.turns") changed.

    Another parser reads the result back before it is returned. Raises `ValueError` if the setting cannot be changed.
    """
    section, _, key = name.rpartition(".")
    plain = list(value) if isinstance(value, tuple) else value
    before = tomllib.loads(text)
    try:
        changed = _set_value(text, section, key, plain)
        is_correct = tomllib.loads(changed) == _expected_data(before, section, key, plain)
    except (TOMLKitError, ValueError, TypeError):
        is_correct = False
    if not is_correct:
        raise ValueError(f"cannot set {name} in agent.toml; write it as a plain `{key} = ...` line")
    return changed


def _set_value(text: str, section: str, key: str, value: str | int | list[str]) -> str:
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


def _expected_data(data: dict[str, object], section: str, key: str, value: str | int | list[str]) -> dict[str, object]:
    if not section:
        return {**data, key: value}
    inner = data.get(section)
    return {**data, section: {**(inner if isinstance(inner, dict) else {}), key: value}}
