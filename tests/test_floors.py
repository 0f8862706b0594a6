"""The floors of the house: imports run down, never up and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS = (
    "cli",
    "demo",
    "app",
    "nights",
    "outcomes",
    "forges",
    "look doctor",
    "measure",
    "tune",
    "tickets",
    "proposals",
    "replay",
    "grading",
    "languages",
    "workers",
    "environments",
    "error_messages set_aside",
    "gateway",
    "store",
    "surfaces",
    "rates",
    "project",
    "settings_file",
    "settings",
    "records",
    "disk",
    "gate",
    "interval errors templates",
)
"""From the top down. Rooms on one floor do not import each other."""

LEVEL = {room: level for level, floor in enumerate(reversed(FLOORS)) for room in floor.split()}
NOT_IMPORTED = ("meta/demo/agent/", "meta/demo/changes/", "meta/demo/tidybooks/", "meta/languages/python/inside/")


def _modules(*roots: str) -> dict[str, Path]:
    """The modules of these packages by their dotted names."""
    found = {}
    for root in roots:
        for path in (ROOT / root).rglob("*.py"):
            place = path.relative_to(ROOT)
            if not str(place).startswith(NOT_IMPORTED):
                parts = place.with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules("meta", "worker_agent", "feedback", "safeguards")


def _imports(module: str) -> Iterator[str]:
    """The modules of this project that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in whole]
        yield from (name for name in names if name in MODULES)


def _room(module: str) -> str:
    return [*module.split("."), "cli"][1]


def test_every_room_has_a_floor() -> None:
    rooms = {_room(module) for module in MODULES if module.startswith("meta.") and module != "meta.__main__"}
    assert rooms == set(LEVEL)


def test_imports_run_down() -> None:
    upwards = [
        f"{module} imports {other}"
        for module in MODULES
        if module.startswith("meta.") and module != "meta.__main__"
        for other in _imports(module)
        if other.startswith("meta.")
        and (
            LEVEL[_room(other)] > LEVEL[_room(module)]
            or (LEVEL[_room(other)] == LEVEL[_room(module)] and _room(other) != _room(module))
        )
    ]
    assert upwards == []


def test_no_module_imports_itself_by_a_circle() -> None:
    graph = {module: {other for other in _imports(module) if other != module} for module in MODULES}
    while free := [module for module, others in graph.items() if not others & graph.keys()]:
        for module in free:
            del graph[module]
    assert {module: sorted(others & graph.keys()) for module, others in graph.items()} == {}
