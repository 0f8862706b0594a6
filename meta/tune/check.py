"""What an edit must be before a replay is spent on it. Each objection says what to mend."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from meta.context import Context
from meta.records import Candidate, Edit, Ticket
from meta.versions import Version
from worker_agent.records import Environment
from worker_agent.surface import BadSurface, Surface, surface_files
from worker_agent.tool_session import ToolHostDied, ToolSession, ToolTimeout

GOLD_LINES = 3
"""So many lines in a row of a known solution are a leak, not an instruction."""


def objection(
    context: Context, parent: Version, edit: Edit, tickets: Sequence[Ticket], earlier: Sequence[Candidate]
) -> str | None:
    """Why this edit cannot be tried, in words for its author; `None` when it can.

    `tickets` are all tickets, held-out ones too: none may be spoken of. `earlier` are candidates that count as tried.
    """
    return (
        _outside(edit)
        or _leaks(edit, parent, tickets)
        or _repeats(edit, earlier)
        or _too_large(context, parent, edit)
        or _does_not_load(context, parent, edit)
    )


def _outside(edit: Edit) -> str | None:
    for path in edit.changes:
        pure = PurePosixPath(path)
        good = (
            path == "agent.toml"
            or (pure.parts[0] == "prompts" and pure.suffix == ".md")
            or (pure.parts[0] == "tools" and pure.suffix == ".py")
        )
        if not good or pure.is_absolute() or ".." in pure.parts or str(pure) != path:
            return f"{path} is not on the surface; only agent.toml, prompts/*.md and tools/*.py may be edited"
    return None


def _leaks(edit: Edit, parent: Version, tickets: Sequence[Ticket]) -> str | None:
    added = "\n".join(_added(parent.surface, path, text) for path, text in edit.changes.items())
    lines = {line.strip() for line in added.splitlines() if len(line.strip()) > 12}
    for ticket in tickets:
        if re.search(rf"(?<![\w-]){re.escape(ticket.id)}(?![\w-])", added):
            return "it names a past ticket; an edit has to be general"
        tests = {t.rsplit("::", 1)[-1].split("[")[0] for t in ticket.grader.fail_to_pass}
        if any(len(test) > 8 and test in added for test in tests):
            return "it names a test of a past ticket; an edit has to be general"
        run = 0
        for line in (ticket.gold or "").splitlines():
            run = run + 1 if line[:1] == "+" and line[1:].strip() in lines else 0
            if run >= GOLD_LINES:
                return "it contains a piece of a past solution; an edit has to be general"
    return None


def _added(surface: Surface, path: str, text: str | None) -> str:
    """The lines of a changed file that were not there before: what the surface already says is not the edit's."""
    file = surface.root / path
    before = set(file.read_text("utf-8", "replace").splitlines()) if file.is_file() else set()
    return "\n".join(line for line in (text or "").splitlines() if line not in before)


def _repeats(edit: Edit, earlier: Sequence[Candidate]) -> str | None:
    for candidate in earlier:
        if candidate.edit.changes == edit.changes:
            return f"it is the same as an earlier edit, {candidate.edit.title!r}, which is {candidate.status}"
    return None


def _too_large(context: Context, parent: Version, edit: Edit) -> str | None:
    root = parent.surface.root
    sizes = {str(path): (root / path).stat().st_size for path in surface_files(root)}
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
    if not any(path.startswith("tools/") or path == "agent.toml" for path in edit.changes):
        return None
    scratch = context.settings.cache / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="load-") as folder:
        return _trial(context, surface, edit, Path(folder))


def _trial(context: Context, surface: Surface, edit: Edit, workspace: Path) -> str | None:
    """Load all tools in the sandbox, and call each changed one without input: it must answer, if only with an error."""
    with ToolSession(context.sandbox, workspace, Environment(), surface) as session:
        try:
            _, errors = session.schemas()
            if errors:
                name, why = next(iter(errors.items()))
                return f"tools/{name}.py does not load: {why}"
            for path in edit.changes:
                name = PurePosixPath(path).stem
                if path.startswith("tools/") and name in surface.config.tools:
                    text, failed = session.call(name, {}, 20.0)
                    if failed and ("did not finish" in text or "ended the tool host" in text):
                        return f"a trial call failed: {text}"
        except (ToolHostDied, ToolTimeout) as error:
            return f"the tools do not load: {error}"
    return None
