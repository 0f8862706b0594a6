"""Reads meta.toml into `Settings`, and writes one that explains every setting.

Reading uses the standard library, because importing tomlkit takes several times as long as reading the whole file.
"""

from __future__ import annotations

import os
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from meta.errors import ExitCode, MetaError
from meta.settings import Settings
from safeguards.known_secrets import remember_address, remember_secret

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

SETTINGS_FILE = "meta.toml"

Keys = tuple[str | int, ...]
"""The keys that lead to a value, such as `("repositories", 0, "path")`."""

_INTRO = """\
# Settings of meta. All are optional. A commented line shows the default, or an example where there is none."""
_NOT_IN_FILE = ("root",)
_WIDTH, _LONG, _GROUPED = 120, 60, 10_000
"""Length of lines, of settings with their explanation above, and size of numbers with grouped digits."""


# Reading.


def load_settings(root: Path) -> Settings:
    """Read the settings in the folder `root`; without a meta.toml, all defaults.

    Raises `MetaError` (exit code 2) with one line for each problem: the file, the setting, its line and what is wrong.
    """
    root = root.resolve()
    path = root / SETTINGS_FILE
    text, data = "", dict[str, Any]()
    if path.exists():
        try:
            text = path.read_text("utf-8")
            data = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise MetaError(
                f"{path}: {error}", "fix the file; `meta init --show` prints a valid one", ExitCode.USAGE
            ) from None
    try:
        return _remember_secrets(Settings.model_validate({**data, "root": root}))
    except ValidationError as error:
        problems = "\n".join(f"{path}: {_problem(text, found)}" for found in error.errors(include_url=False))
        raise MetaError(problems, "fix the file; `meta init --show` explains every setting", ExitCode.USAGE) from None


def _remember_secrets(settings: Settings) -> Settings:
    """Have the secrets that the settings hold or name masked in whatever is stored or shown."""
    for model in (settings.worker, settings.proposer):
        remember_address(model.base_url)
    for variable in (settings.worker.key_variable, settings.proposer.key_variable, settings.github.token_variable):
        remember_secret(os.environ.get(variable, ""))
    remember_secret(settings.nightly.webhook.get_secret_value())
    return settings


def _problem(text: str, found: ErrorDetails) -> str:
    keys, line = found["loc"], _line(text, found["loc"])
    where = _dotted(keys) + (f" (line {line})" if line else "")
    return f"{where}: {_message(found)}" if where else _message(found)


def _message(found: ErrorDetails) -> str:
    """Say what is wrong with a setting, in terms of meta.toml rather than Python."""
    keys, kind, text = found["loc"], found["type"], found["msg"]
    field = _field(keys)
    if kind == "extra_forbidden":
        return _suggestion(keys)
    if kind == "missing":
        return "missing; add it"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if kind in ("model_type", "dict_type"):
        return f"must be a section: [{_dotted(keys)}]"
    if kind == "tuple_type":
        return (
            f"must be a list of sections: [[{_dotted(keys)}]]"
            if field and settings_model_of(field)
            else "must be a [list]"
        )
    if kind == "string_pattern_mismatch" and field and field.examples:
        return f'must be written like "{field.examples[0]}"'
    return text[:1].lower() + text[1:]


def _dotted(keys: Keys) -> str:
    return ".".join(str(key) for key in keys)


def _line(text: str, keys: Keys) -> int | None:
    """Return the line where the value at `keys`, or the nearest table, begins.

    It parses more and more lines, until the value appears.
    """
    lines, begins, found, depth = text.split("\n"), 1, None, 0
    for number in range(1, len(lines) + 1):
        try:
            data = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # inside a value that goes over several lines
        if (reached := _depth(data, keys)) > depth:
            found, depth = begins, reached
        begins = number + 1
    return found


def _depth(data: Any, keys: Keys) -> int:
    """Return how many of the keys, counted from the first, exist in `data`."""
    for depth, key in enumerate(keys):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(keys)


def _suggestion(keys: Keys) -> str:
    """Name the known setting that an unknown one was probably meant to be."""
    import difflib

    key = str(keys[-1])
    around = _model(keys[:-1])
    known = [name for name in around.model_fields if name not in _NOT_IN_FILE] if around else []
    if near := difflib.get_close_matches(key, known, n=1):
        return f"unknown setting; did you mean {near[0]}?"
    names = dict(_names(Settings))
    elsewhere = [dotted for dotted, name in names.items() if name == key]
    elsewhere = elsewhere or difflib.get_close_matches(_dotted(keys), names, n=1)
    if elsewhere:
        return f"unknown setting; did you mean {' or '.join(elsewhere)}?"
    return f"unknown setting; known here: {', '.join(known)}"


def _names(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the full and the short name of every setting."""
    for name, field in model.model_fields.items():
        if inner := settings_model_of(field):
            yield from _names(inner, f"{above}{name}.")
        elif above:
            yield above + name, name


def _field(keys: Keys) -> FieldInfo | None:
    """Return the field at `keys`, or the one whose list holds it."""
    while keys and isinstance(keys[-1], int):
        keys = keys[:-1]
    around = _model(keys[:-1])
    return around.model_fields.get(str(keys[-1])) if around and keys else None


def _model(keys: Keys) -> type[BaseModel] | None:
    """Return the model of the table at `keys`.

    The table may be a field, an item of a list or an entry of a dict.
    """
    model: type[BaseModel] | None = Settings
    entry = False
    for key in keys:
        if entry or not model:
            entry = False
            continue
        field = model.model_fields.get(str(key))
        model = settings_model_of(field) if field else None
        entry = bool(field and get_origin(field.annotation) in (tuple, dict))
    return model


def settings_model_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a table, or of tables in a list or dict, if it is one."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


# Writing.


def render_settings(settings: Settings | None = None) -> str:
    """Return a meta.toml that explains every setting and reads back as `settings`.

    Defaults, and examples if there is no default, are commented out. Raises `ValueError` for a None that is not the
    default, because TOML cannot express it.
    """
    return "\n\n".join([_INTRO, *_tables(settings or Settings())]) + "\n"


def _tables(model: BaseModel, above: str = "") -> Iterator[str]:
    """Yield the sections inside a table, each followed by those inside it."""
    for name, field in type(model).model_fields.items():
        if not settings_model_of(field):
            continue
        path, value = above + name, getattr(model, name)
        about = f"# {field.description}"
        if isinstance(value, BaseModel):
            yield _section(about, f"[{path}]", value)
            yield from _tables(value, f"{path}.")
            continue
        shown = value or field.examples[0] if field.examples else value
        headers = [f"[{path}.{_text(key)}]" for key in shown] if isinstance(shown, Mapping) else repeat(f"[[{path}]]")
        items = shown.values() if isinstance(shown, Mapping) else shown
        for header, item in zip(headers, items, strict=False):
            yield _section(about, header, item, real=bool(value))


def _section(about: str, header: str, model: BaseModel, real: bool = True) -> str:
    """Render one table: `about`, its header and its plain values.

    Unless it is `real`, all of it is commented out.
    """
    settings: list[tuple[str, FieldInfo]] = []
    for name, field in type(model).model_fields.items():
        if name in _NOT_IN_FILE or settings_model_of(field):
            continue
        value, default = getattr(model, name), field.get_default(call_default_factory=True)
        if value is None and default is not None:
            raise ValueError(f"{header} {name} cannot be None in a file")
        shown = field.examples[0] if value is None and field.examples else value
        off = "" if real and value != default else "# "
        settings.append((f"{off}{name} = {_text(shown)}", field))
    column = max((len(setting) for setting, _ in settings if len(setting) < _LONG), default=0) + 2
    lines = [_explain(setting, _about(field), column) for setting, field in settings]
    return "\n".join([about, header if real else f"# {header}", *lines])


def _about(field: FieldInfo) -> str:
    """Describe a setting: its choices, its description, and an example.

    The example is left out if it stands in for the default.
    """
    about, kind = field.description or "", field.annotation
    if get_origin(kind) is tuple and get_origin(get_args(kind)[0]) is Literal:
        about = f"{about}: {_choices(get_args(kind)[0])}"
    elif get_origin(kind) is Literal:
        about = f"{_choices(kind)}; {about}"
    if field.examples and field.default is not None and not field.is_required():
        about += f", such as {_text(field.examples[0])}"
    return about


def _choices(literal: Any) -> str:
    *most, last = (_text(choice) for choice in get_args(literal))
    return f"{', '.join(most)} or {last}"


def _explain(setting: str, about: str, column: int) -> str:
    """Put `about` beside `setting`, or above it if `setting` is long."""
    above = len(setting) > column
    margin = "" if above else ("#" if setting.startswith("#") else "").ljust(column)
    lines = textwrap.wrap(about, _WIDTH - len(margin) - 2, break_on_hyphens=False)
    first, *rest = [f"{margin}# {line}" for line in lines]
    return "\n".join([first, *rest, setting] if above else [setting.ljust(column) + first[column:], *rest])


def _text(value: Any) -> str:
    """Write a value as TOML."""
    import tomlkit

    if isinstance(value, int) and abs(value) >= _GROUPED:
        return f"{value:_}"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    return tomlkit.item(plain).as_string()
