"""Tries out an edit's tools: loads them in the sandbox, calls the changed ones."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from meta.disk.cache import Cache
from worker_agent.foreign_tree import temporary_folder
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox
from worker_agent.surface import Surface
from worker_agent.tool_host.session import ToolHostDied, ToolSession, ToolTimeout

TRIAL_SECONDS = 20.0

BROKEN_TOOL_ERRORS = (
    "NameError",
    "ImportError",
    "ModuleNotFoundError",
    "AttributeError",
    "UnboundLocalError",
    "SyntaxError",
)
"""How an answer begins that no tool gives on purpose."""

TOOL_DIED = ("did not finish", "ended the tool")
"""What the tool host says about a tool that gave no answer."""


class ToolTrial:
    """Tries tools out; opens the sandbox only when there is a tool to try."""

    def __init__(self, open_sandbox: Callable[[], Sandbox], cache: Cache) -> None:
        self._open_sandbox, self._cache = open_sandbox, cache

    def find_fault(self, surface: Surface, changed: Collection[str]) -> str | None:
        """Find what is wrong with a surface's tools; `None` if all load and answer.

        Each tool among the `changed` files is called with made-up input. It must answer, if only with an error.
        """
        with temporary_folder(self._cache.scratch(), "load-") as workspace:
            (workspace / "README.md").write_text("A trial.\n", "utf-8")
            with ToolSession(self._open_sandbox(), workspace, Environment(), surface) as session:
                try:
                    return _call_tools(session, changed)
                except (ToolHostDied, ToolTimeout) as error:
                    return f"the tools do not load: {error}"


def _call_tools(session: ToolSession, changed: Collection[str]) -> str | None:
    schemas, errors = session.schemas()
    if errors:
        name, why = next(iter(errors.items()))
        return f"tools/{name}.py does not load: {why}"
    for schema in schemas:
        name = schema["name"]
        if f"tools/{name}.py" in changed:
            text, failed = session.call(name, _made_up(schema["input_schema"]), TRIAL_SECONDS)
            if failed and (text.startswith(BROKEN_TOOL_ERRORS) or any(words in text for words in TOOL_DIED)):
                return f"a trial call of {name} failed: {text}"
    return None


def _made_up(schema: dict[str, Any]) -> dict[str, object]:
    """Make up input that fits a tool's schema, for its required parameters."""
    some = {"string": "README.md", "integer": 1, "number": 1.0, "boolean": False, "array": [], "object": {}}
    properties = schema["properties"]
    return {name: properties[name].get("enum", [some[properties[name]["type"]]])[0] for name in schema["required"]}
