"""Runs inside the sandbox: loads the tools, describes them, and runs them.

A request on stdin is a dictionary in `marshal`'s format, written outside by the same interpreter. An answer on stdout
is "ok" or "error", the number of bytes, a newline, and that many bytes of text. Before any tool is loaded comes the
line "ready".

    {"op": "schemas"}                                a JSON object: {"tools": [...], "errors": {"name": "why"}}
    {"op": "call", "tool": "search", "input": {}}    what the tool returned
    {"op": "list"}                                   a JSON list of files
    {"op": "read", "path": "a.py"}                   the file's bytes
    {"op": "write", "path": "a.py", "data": b"..."}  nothing

A tool is a file with one public function of the same name; its JSON schema comes from its signature and docstring
(Google style `Args:`). This file uses the standard library only, and imports nothing of its package.
Usage: python inside_host.py TOOLS_FOLDER [NAME ...]
"""

import marshal
import os
import sys

_SKIPPED_FOLDERS = {".git", "__pycache__", "node_modules", ".venv", ".tox", ".mypy_cache", ".pytest_cache"}
_VARIADIC = 0x04 | 0x08
"""Flags of a code object that takes *args or **kwargs."""

# A host is started for every replay, often for a single call, and an import costs more than a call. So each request
# imports what it needs, and a tool is loaded when it is first called.


def load_tool(folder, name):
    """Return the function in a tool's file.

    Raises what importing it raises, or `LookupError` if it is not there.
    """
    path = os.path.join(folder, f"{name}.py")
    if not os.path.isfile(path):
        raise LookupError(f"there is no tools/{name}.py")
    module = sys.modules[f"tool_{name}"] = type(sys)(f"tool_{name}")
    module.__file__ = path
    with open(path, "rb") as source:
        exec(compile(source.read(), path, "exec"), module.__dict__)
    function = getattr(module, name, None)
    if not isinstance(function, type(load_tool)):
        raise LookupError(f"tools/{name}.py has no function {name}()")
    return function


def json_type_of(annotation):
    """Return the JSON schema of a parameter's annotation.

    Raises `TypeError` for what JSON cannot express.
    """
    import types
    import typing

    names = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return json_type_of(next(a for a in args if a is not type(None)))
    if origin is typing.Literal:
        return {"type": "string", "enum": list(args)}
    if origin is list:
        return {"type": "array", "items": json_type_of(args[0])}
    if (origin or annotation) in names:
        return {"type": names[origin or annotation]}
    raise TypeError(f"a tool's parameter cannot be {annotation!r}")


def schema_of(name, function):
    """Return `{"name", "description", "input_schema"}` as the Messages API wants it."""
    import inspect
    import re
    import typing

    text = inspect.getdoc(function) or ""
    if not text:
        raise LookupError(f"{name}() has no docstring, so the model would not know what it does")
    head, _, arguments = text.partition("\nArgs:\n")
    descriptions = dict(re.findall(r"^\s+(\w+):\s*((?:.+(?:\n\s{8,}.+)*))", arguments, re.MULTILINE))
    hints = typing.get_type_hints(function)
    properties, required = {}, []
    for key, parameter in inspect.signature(function).parameters.items():
        if key not in hints:
            raise TypeError(f"{name}({key}) has no type")
        properties[key] = json_type_of(hints[key])
        if key in descriptions:
            properties[key]["description"] = " ".join(descriptions[key].split())
        if parameter.default is inspect.Parameter.empty:
            required.append(key)
        elif isinstance(parameter.default, (str, int, float, bool)):
            properties[key]["default"] = parameter.default
    return {
        "name": name,
        "description": head.strip(),
        "input_schema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
    }


def parameters_of(function):
    """Return the parameters' names in order, each with whether it is required."""
    code = function.__code__
    if code.co_flags & _VARIADIC or hasattr(function, "__wrapped__"):
        import inspect

        found = inspect.signature(function).parameters
        return {name: parameter.default is inspect.Parameter.empty for name, parameter in found.items()}
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    with_default = code.co_argcount - len(function.__defaults__ or ())
    needed = {name: place < with_default for place, name in enumerate(names[: code.co_argcount])}
    return needed | {name: name not in (function.__kwdefaults__ or {}) for name in names[code.co_argcount :]}


def check_input(function, given):
    """Check a call's input against the tool's parameters.

    Raises `TypeError`, in words that a model can act on, if it does not fit.
    """
    parameters = parameters_of(function)
    if unknown := sorted(set(given) - set(parameters)):
        raise TypeError(f"{function.__name__} has no parameter {', '.join(unknown)}; it has: {', '.join(parameters)}")
    if missing := [name for name, needed in parameters.items() if needed and name not in given]:
        raise TypeError(f"{function.__name__} needs: {', '.join(missing)}")


def resolve_in_workspace(path):
    """Return the full path of a file in the workspace, the current folder.

    Raises `ValueError` for anything outside.
    """
    from pathlib import Path

    root = Path.cwd().resolve()
    full = (root / path).resolve()
    if not full.is_relative_to(root) or ".git" in full.relative_to(root).parts:
        raise ValueError(f"{path} is outside the workspace")
    return full


def list_workspace_files():
    """Return the paths of all files here that may be text, sorted."""
    found, folders = [], [""]
    while folders:  # no recursion: folders may be nested deeper than Python's stack
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder or "."))
        except OSError:  # its path is too long, or nobody may read it
            continue
        for entry in entries:
            if is_folder(entry):
                if entry.name not in _SKIPPED_FOLDERS and not entry.is_symlink():
                    folders.append(f"{folder}{entry.name}/")
            elif not entry.name.endswith((".pyc", ".so")):
                found.append(folder + entry.name)
    return sorted(found)


def is_folder(entry):
    """Whether a directory entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


class ToolLoader:
    """The tools in a folder, each loaded when it is first needed.

    `errors` says why a tool does not load.
    """

    def __init__(self, folder, names):
        self.names, self._folder = names, folder
        self._functions, self.errors = {}, {}

    def function_of(self, name):
        """Return the tool's function, or `None` if it does not load."""
        if name not in self._functions and name not in self.errors:
            try:
                self._functions[name] = load_tool(self._folder, name)
            except BaseException as error:
                self.errors[name] = f"{type(error).__name__}: {error}"
        return self._functions.get(name)

    def schemas(self):
        """Return the schemas of all tools that load."""
        found = []
        for name in self.names:
            try:
                if function := self.function_of(name):
                    found.append(schema_of(name, function))
            except BaseException as error:
                self.errors[name] = f"{type(error).__name__}: {error}"
        return found


def answer_request(request, tools):
    """Return the text or bytes to answer with. Raises whatever prevents an answer."""
    op = request.get("op")
    if op == "schemas":
        import json

        return json.dumps({"tools": tools.schemas(), "errors": tools.errors})
    if op == "call":
        name, given = request.get("tool"), request.get("input") or {}
        function = tools.function_of(name) if name in tools.names else None
        if function is None:
            known = ", ".join(n for n in tools.names if n not in tools.errors)
            raise LookupError(f"there is no tool {name!r}; there are: {known}")
        check_input(function, given)
        return str(function(**given))
    if op == "list":
        import json

        return json.dumps(list_workspace_files())
    if op == "read":
        return resolve_in_workspace(request["path"]).read_bytes()
    if op == "write":
        path = resolve_in_workspace(request["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(request["data"])
        return ""
    raise LookupError(f"unknown op {op!r}")


def serve_tools():
    """Answer requests until stdin ends."""
    folder, names = sys.argv[1], sys.argv[2:]
    # What a tool prints must not be taken for an answer. So answers get their own descriptor, and what is printed is
    # dropped: outside, stdout and stderr are the same pipe.
    answers = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    tools = ToolLoader(folder, names)
    answers.write(b"ready\n")
    answers.flush()
    while True:
        try:
            request = marshal.load(requests)
        except EOFError:
            return
        try:
            word, text = b"ok", answer_request(request, tools)
        except BaseException as error:
            word, text = b"error", f"{type(error).__name__}: {error}"
        data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        answers.write(b"%s %d\n%s" % (word, len(data), data))
        answers.flush()


if __name__ == "__main__":
    serve_tools()
