"""What an edit must be before a replay is spent on it. Each objection says what to mend."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from meta.app import Context
from meta.records.candidate import Candidate, Edit
from meta.records.ticket import Ticket
from meta.surfaces.versions import Version, read_surface_text
from meta.tune.propose.repetition import is_repeat
from worker_agent.records import Environment
from worker_agent.surface import BadSurface, Surface, list_surface_files
from worker_agent.tool_host.session import FATAL_CALL, UNFINISHED_CALL, ToolHostDied, ToolSession, ToolTimeout

MAX_GOLD_LINES, MAX_GOLD_CHARS = 3, 40
"""So many lines in a row of a known solution or a hidden test, and so long together, are a leak, not an instruction."""

BROKEN_TOOL_ERRORS = (
    "NameError",
    "ImportError",
    "ModuleNotFoundError",
    "AttributeError",
    "UnboundLocalError",
    "SyntaxError",
)
"""Errors that a tool never answers on purpose."""


def check_edit(
    context: Context, parent: Version, edit: Edit, tickets: Sequence[Ticket], earlier: Sequence[Candidate]
) -> str | None:
    """Why this edit cannot be tried, in words for its author; `None` when it can.

    `tickets` are all tickets, held-out ones too: none may be spoken of. `earlier` are candidates that count as tried.
    """
    return (
        _outside(edit)
        or _leaks(edit, parent, tickets)
        or _repeats(edit, parent, earlier)
        or _too_large(context, parent, edit)
        or _does_not_load(context, parent, edit)
    )


def _outside(edit: Edit) -> str | None:
    for path in edit.changes:
        pure = PurePosixPath(path)
        good = (
            path == "agent.toml"
            or (pure.parts[:1] == ("prompts",) and pure.suffix == ".md")
            or (pure.parts[:1] == ("tools",) and pure.suffix == ".py")
        )
        if not good or pure.is_absolute() or ".." in pure.parts or str(pure) != path:
            return f"{path} is not on the surface; only agent.toml, prompts/*.md and tools/*.py may be edited"
    return None


def _leaks(edit: Edit, parent: Version, tickets: Sequence[Ticket]) -> str | None:
    added = "\n".join(_added(parent.surface, path, text) for path, text in edit.changes.items())
    lines = [plain for line in added.splitlines() if (plain := _plain(line))]
    whole, text = set(lines), " ".join(lines)
    for ticket in tickets:
        if re.search(rf"(?<![\w-]){re.escape(ticket.id)}(?![\w-])", added):
            return "it names a past ticket; an edit has to be general"
        tests = {t.rsplit("::", 1)[-1].split("[")[0] for t in ticket.grader.fail_to_pass}
        if any(len(test) > 8 and test in added for test in tests):
            return "it names a test of a past ticket; an edit has to be general"
        gold = [line[1:] for line in (ticket.gold or "").splitlines() if line[:1] == "+" and line[:3] != "+++"]
        hidden = [file.content.decode("utf-8", "replace") for file in ticket.grader.hidden if file.content]
        if any(_run_of(whole, text, known) for known in (gold, *(file.splitlines() for file in hidden))):
            return "it contains a piece of a past solution; an edit has to be general"
    return None


def _run_of(whole: set[str], text: str, known: Sequence[str]) -> bool:
    """Whether some lines in a row of a known text, blank ones apart, all stand in an edit: each as one of its `whole`
    lines, or one after the other anywhere in its `text`, as in a sentence."""
    lines: list[str] = []
    words: list[str] = []
    for line in filter(None, map(_plain, known)):
        lines = [*lines, line] if line in whole else []
        words = [*words, line] if line in text else []
        while words and " ".join(words) not in text:
            words = words[1:]
        if any(len(run) >= MAX_GOLD_LINES and sum(map(len, run)) >= MAX_GOLD_CHARS for run in (lines, words)):
            return True
    return False


def _plain(line: str) -> str:
    """A line without the marks of quotations and lists around it, its spaces single."""
    return " ".join(line.strip().strip("`>*- ").split())


def _added(surface: Surface, path: str, text: str | None) -> str:
    """The lines of a changed file that were not there before: what the surface already says is not the edit's."""
    file = surface.root / path
    before = set(file.read_text("utf-8", "replace").splitlines()) if file.is_file() else set()
    return "\n".join(line for line in (text or "").splitlines() if line not in before)


def _repeats(edit: Edit, parent: Version, earlier: Sequence[Candidate]) -> str | None:
    surface: dict[str, str] | None = None
    for candidate in reversed(earlier):
        if candidate.edit.changes.keys() != edit.changes.keys():
            continue
        if surface is None:
            surface = read_surface_text(parent.surface, list_surface_files(parent.surface.root))
        if is_repeat(edit, candidate.edit, surface):
            state = candidate.status.replace("_", " ")
            return f"it is the same as an earlier edit, {candidate.edit.title!r}, which is {state}"
    return None


def _too_large(context: Context, parent: Version, edit: Edit) -> str | None:
    root = parent.surface.root
    sizes = {str(path): (root / path).stat().st_size for path in list_surface_files(root)}
    before = sum(sizes.values())
    for path, text in edit.changes.items():
        sizes[path] = len((text or "").encode())
    limit = context.settings.tune.surface_chars
    if (after := sum(sizes.values())) > max(limit, before):
        return f"the surface would grow to {after} characters; its budget is {limit}. Shorten or remove something"
    return None


def _does_not_load(context: Context, parent: Version, edit: Edit) -> str | None:
    try:
        surface = context.versions.lay_out(parent, edit.changes)
    except BadSurface as error:
        return f"it does not load: {error}"
    if surface.version == parent.id:
        return "it changes nothing"
    if unknown := _unknown_model(context, parent, surface):
        return unknown
    for path, text in edit.changes.items():
        name = PurePosixPath(path).stem
        if path.startswith("tools/") and text is not None and name not in surface.config.tools:
            return f"agent.toml does not name the tool {name!r}, so that nobody would call it: add it to `tools`"
    if not any(path.startswith("tools/") or path == "agent.toml" for path in edit.changes):
        return None
    scratch = context.settings.cache / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="load-") as folder:
        return _trial(context, surface, edit, Path(folder))


def _unknown_model(context: Context, parent: Version, surface: Surface) -> str | None:
    """A model that nobody listed may not exist, and would end the night at its first replay."""
    wanted, listed = surface.config.model, context.settings.search.models
    if wanted in ("", parent.surface.config.model, context.settings.worker_endpoint().model, *listed):
        return None
    return f"it asks for the model {wanted!r}, which is not among the models under [search] in meta.toml"


def _trial(context: Context, surface: Surface, edit: Edit, workspace: Path) -> str | None:
    """Load all tools in the sandbox and call each changed one, with made-up input: it must answer, if only with an
    error of its own."""
    (workspace / "README.md").write_text("A trial.\n", "utf-8")
    with ToolSession(context.sandbox, workspace, Environment(), surface) as session:
        try:
            schemas, errors = session.schemas()
            if errors:
                name, why = next(iter(errors.items()))
                return f"tools/{name}.py does not load: {why}"
            for schema in schemas:
                name = schema["name"]
                if f"tools/{name}.py" in edit.changes:
                    text, failed = session.call(name, _made_up(schema["input_schema"]), 20.0)
                    if failed and (
                        text.startswith(BROKEN_TOOL_ERRORS) or UNFINISHED_CALL in text or FATAL_CALL in text
                    ):
                        return f"a trial call of {name} failed: {text}"
        except (ToolHostDied, ToolTimeout) as error:
            return f"the tools do not load: {error}"
    return None


def _made_up(schema: dict[str, Any]) -> dict[str, object]:
    """Input that fits a tool's schema, for its required parameters."""
    some = {"string": "README.md", "integer": 1, "number": 1.0, "boolean": False, "array": [], "object": {}}
    properties = schema["properties"]
    return {name: properties[name].get("enum", [some[properties[name]["type"]]])[0] for name in schema["required"]}
