"""Checks the tools' definitions before the model service gets them.

They come from a process that runs the tools, so they may be anything. What the service would reject is named here as
the fault of one tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

MAX_SCHEMA_CHARS = 50_000
PARAMETER_TYPES = ("string", "integer", "number", "boolean", "object", "array")
_LEGAL_PARAMETER = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def read_schemas(answer: Any, names: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the definitions of the tools `names`, in that order.

    Also returns, by name, why each other tool cannot be used.
    """
    found = answer if isinstance(answer, dict) else {}
    tools, failed = found.get("tools"), found.get("errors")
    given = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    errors = {name: str(failed[name])[:1000] for name in names if isinstance(failed, dict) and name in failed}
    schemas: list[dict[str, Any]] = []
    for name in names:
        if name in errors:
            continue
        own = [tool for tool in given if tool.get("name") == name]
        if fault := "it is described twice" if len(own) > 1 else _find_fault(own[0]) if own else "it is not described":
            errors[name] = fault
        else:
            schemas.append({part: own[0][part] for part in ("name", "description", "input_schema")})
    return schemas, errors


def _find_fault(tool: dict[str, Any]) -> str | None:
    schema = tool.get("input_schema")
    if not isinstance(tool.get("description"), str) or not isinstance(schema, dict) or schema.get("type") != "object":
        return "its description is not one"
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return "its parameters are not described"
    if len(json.dumps(tool)) > MAX_SCHEMA_CHARS:
        return f"its description is longer than {MAX_SCHEMA_CHARS:,} characters"
    for name, parameter in properties.items():
        if not _LEGAL_PARAMETER.fullmatch(name):
            return f"the model service takes no parameter named {name!r}"
        if not isinstance(parameter, dict) or parameter.get("type") not in PARAMETER_TYPES:
            return f"the type of its parameter {name} is not one"
        if parameter.get("enum", ["one"]) == [] or not isinstance(parameter.get("enum", []), list):
            return f"its parameter {name} has no possible value"
    if not all(isinstance(name, str) and name in properties for name in required):
        return "it requires a parameter that it does not describe"
    return None
