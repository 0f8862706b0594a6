"""Checks an edit before a replay is spent on it; each objection says what to fix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from meta.records.candidate import Candidate, Edit
from meta.settings import Settings
from meta.store.store import Store
from meta.surfaces.versions import Version, VersionHistory, read_surface_text
from meta.tune.propose.leaks import find_leak
from meta.tune.propose.repetition import is_repeat
from meta.tune.propose.tool_trial import ToolTrial
from worker_agent.surface import BadSurface, Surface, check_surface_paths, list_surface_files

MAX_EARLIER_EDITS = 200
"""How many of the newest edits a new one may not repeat; older ones met another agent and other tickets."""


class EditCheck:
    """Checks edits against the record, the settings and the sandbox."""

    def __init__(self, store: Store, history: VersionHistory, settings: Settings, tools: ToolTrial) -> None:
        self._store, self._history, self._tools = store, history, tools
        self._max_chars = settings.tune.surface_chars
        self._models = (settings.worker_endpoint().model, *settings.search.models)

    def find_objection(self, edit: Edit, parent: Version) -> str | None:
        """Return why this edit of `parent` cannot be tried, or `None` if it can.

        The words are for its author. An edit may not mention a ticket, even a held-out one, nor repeat a recent edit.
        """
        return (
            _leaves_surface(edit)
            or find_leak(edit, parent, self._store.tickets.all())
            or _repeats(edit, parent, self._store.candidates.valid(MAX_EARLIER_EDITS))
            or self._grows_too_large(edit, parent)
            or self._does_not_load(edit, parent)
        )

    def _grows_too_large(self, edit: Edit, parent: Version) -> str | None:
        root = parent.surface.root
        sizes = {str(path): (root / path).stat().st_size for path in list_surface_files(root)}
        before = sum(sizes.values())
        for path, text in edit.changes.items():
            sizes[path] = len((text or "").encode())
        if (after := sum(sizes.values())) <= max(self._max_chars, before):
            return None
        limit = self._max_chars
        return f"the surface would grow to {after} characters, and the limit is {limit}; shorten or remove something"

    def _does_not_load(self, edit: Edit, parent: Version) -> str | None:
        try:
            surface = self._history.lay_out(parent, edit.changes)
        except BadSurface as error:
            return f"it does not load: {error}"
        if surface.version == parent.id:
            return "it changes nothing"
        if unknown := self._asks_for_unknown_model(surface, parent):
            return unknown
        for path, text in edit.changes.items():
            name = PurePosixPath(path).stem
            if path.startswith("tools/") and text is not None and name not in surface.config.tools:
                return f"agent.toml does not list the tool {name!r}, so nobody could call it; add it to `tools`"
        if not any(path.startswith("tools/") or path == "agent.toml" for path in edit.changes):
            return None
        return self._tools.find_fault(surface, edit.changes)

    def _asks_for_unknown_model(self, surface: Surface, parent: Version) -> str | None:
        """Object to a model that nobody listed: if it is missing, the night is over."""
        wanted = surface.config.model
        if wanted in ("", parent.surface.config.model, *self._models):
            return None
        return f"it asks for the model {wanted!r}, which is not listed under [search] in meta.toml"


def _leaves_surface(edit: Edit) -> str | None:
    try:
        check_surface_paths(edit.changes)
        "".join(text or "" for text in edit.changes.values()).encode()
    except BadSurface as error:
        return str(error)
    except UnicodeEncodeError:
        return "it has characters that UTF-8 cannot hold"
    for path in edit.changes:
        pure = PurePosixPath(path)
        good = (
            path == "agent.toml"
            or (pure.parts[:1] == ("prompts",) and pure.suffix == ".md")
            or (pure.parts[:1] == ("tools",) and pure.suffix == ".py")
        )
        if not good or not path.isprintable():
            return f"{path!r} is not on the surface; only agent.toml, prompts/*.md and tools/*.py may be edited"
    return None


def _repeats(edit: Edit, parent: Version, earlier: Sequence[Candidate]) -> str | None:
    surface: dict[str, str] | None = None
    for candidate in reversed(earlier):
        if candidate.edit.changes.keys() != edit.changes.keys():
            continue
        if surface is None:
            surface = read_surface_text(parent.surface, list_surface_files(parent.surface.root))
        if is_repeat(edit, candidate.edit, surface):
            state = candidate.status.replace("_", " ")
            return f"it repeats an earlier edit, {candidate.edit.title!r}, which is {state}"
    return None
