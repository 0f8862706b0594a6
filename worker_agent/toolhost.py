"""Runs inside the sandbox: loads the tools, tells their schemas, runs them. Speaks JSON lines on stdin and stdout.

    -> {"op": "schemas"}                                <- {"tools": [...], "errors": {"name": "why"}}
    -> {"op": "call", "tool": "search", "input": {}}    <- {"ok": true, "result": "..."}
    -> {"op": "list"}                                   <- {"ok": true, "files": ["..."]}
    -> {"op": "read", "path": "a.py"}                   <- {"ok": true, "result": "..."}
    -> {"op": "write", "path": "a.py", "text": "..."}   <- {"ok": true}

A tool is one file with one public function of the file's name; its JSON schema comes from its signature and
docstring (Google style `Args:`). Standard library only. The process that holds the key never imports a tool.
Usage: python toolhost.py TOOLS_FOLDER [NAME ...]
"""

import importlib.util
import inspect
import json
import os
import re
import sys
import types
import typing
from pathlib import Path

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}
_SKIP = {".git", "__pycache__", "node_modules", ".venv", ".tox", ".mypy_cache", ".pytest_cache"}


def load(folder, name):
    """The function of a tool's file. Raises whatever importing it raises, or `LookupError`."""
    path = Path(folder) / f"{name}.py"
    if not path.is_file():
        raise LookupError(f"there is no tools/{name}.py")
    spec = importlib.util.spec_from_file_location(f"tool_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not inspect.isfunction(function):
        raise LookupError(f"tools/{name}.py has no function {name}()")
    return function


def json_type(annotation):
    """JSON schema of one parameter's annotation. Raises `TypeError` for what JSON cannot carry."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return json_type(next(a for a in args if a is not type(None)))
    if origin is typing.Literal:
        return {"type": "string", "enum": list(args)}
    if origin is list:
        return {"type": "array", "items": json_type(args[0])}
    if (origin or annotation) in _TYPES:
        return {"type": _TYPES[origin or annotation]}
    raise TypeError(f"a tool's parameter cannot be {annotation!r}")


def schema(function):
    """`{"name", "description", "input_schema"}` as the Messages API wants it."""
    text = inspect.getdoc(function) or ""
    if not text:
        raise LookupError(f"{function.__name__}() has no docstring, so the model would not know what it does")
    head, _, arguments = text.partition("\nArgs:\n")
    told = dict(re.findall(r"^\s+(\w+):\s*((?:.+(?:\n\s{8,}.+)*))", arguments, re.MULTILINE))
    hints = typing.get_type_hints(function)
    properties, required = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise TypeError(f"{function.__name__}({name}) has no type")
        properties[name] = json_type(hints[name])
        if name in told:
            properties[name]["description"] = " ".join(told[name].split())
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
        elif isinstance(parameter.default, (str, int, float, bool)):
            properties[name]["default"] = parameter.default
    return {
        "name": function.__name__,
        "description": head.strip(),
        "input_schema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
    }


def check_input(function, given):
    """Raise `TypeError` in words that a model can act on when the input does not fit."""
    parameters = inspect.signature(function).parameters
    if unknown := sorted(set(given) - set(parameters)):
        raise TypeError(f"{function.__name__} has no parameter {', '.join(unknown)}; it has: {', '.join(parameters)}")
    missing = [n for n, p in parameters.items() if p.default is inspect.Parameter.empty and n not in given]
    if missing:
        raise TypeError(f"{function.__name__} needs: {', '.join(missing)}")


def inside(path):
    """A path of the workspace, which is the current folder. Raises `ValueError` for anything outside."""
    root = Path.cwd().resolve()
    full = (root / path).resolve()
    if not full.is_relative_to(root) or ".git" in full.relative_to(root).parts:
        raise ValueError(f"{path} is outside the workspace")
    return full


def workspace_files():
    """Paths of all text-like files below the current folder, sorted."""
    found = []
    for folder, names, files in os.walk("."):
        names[:] = sorted(n for n in names if n not in _SKIP)
        found += [os.path.normpath(os.path.join(folder, f)) for f in files if not f.endswith((".pyc", ".so"))]
    return sorted(found)


def answer(request, functions, errors):
    op = request.get("op")
    if op == "schemas":
        return {"tools": [schema(f) for f in functions.values()], "errors": errors}
    if op == "call":
        name, given = request.get("tool"), request.get("input") or {}
        if name not in functions:
            return {"ok": False, "error": f"there is no tool {name!r}; there are: {', '.join(functions)}"}
        check_input(functions[name], given)
        return {"ok": True, "result": str(functions[name](**given))}
    if op == "list":
        return {"ok": True, "files": workspace_files()}
    if op == "read":
        return {"ok": True, "result": inside(request["path"]).read_text("utf-8", "replace")}
    if op == "write":
        path = inside(request["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(request["text"], "utf-8", newline="")
        return {"ok": True}
    return {"ok": False, "error": f"unknown op {op!r}"}


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    # What a tool prints must not be taken for an answer: answers get a descriptor of their own, and what is printed
    # goes nowhere, since both streams lead to the same pipe outside.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    functions, errors = {}, {}
    for name in names:
        try:
            functions[name] = load(folder, name)
            schema(functions[name])
        except BaseException as error:
            functions.pop(name, None)
            errors[name] = f"{type(error).__name__}: {error}"
    for line in requests:
        try:
            reply = answer(json.loads(line), functions, errors)
        except BaseException as error:
            reply = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
