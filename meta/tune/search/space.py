"""Lists the choices: settings, and promising edits that gained too little alone.

A choice is a dictionary such as {"edit 12": True, "effort": "high"}; whatever it does not name stays unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from meta.records.candidate import Candidate, Edit
from meta.records.ticket import Ticket
from meta.settings import SearchSettings
from meta.store.store import Store
from meta.surfaces.agent_toml import replace_setting
from meta.surfaces.versions import Changes, Version, VersionHistory
from meta.tune.search.race_record import recorded_score_of

ChoiceValue = bool | int | str
SearchChoice = dict[str, ChoiceValue]

UNCHANGED_SETTING = "in use"
"""The value of a setting that stays unchanged."""

MAX_COMBINED_EDITS = 6
"""How many earlier edits may be combined; the most promising are taken."""

MAX_REFUSED_READ = 30
"""How many refused edits are considered."""

MAX_CHOICES_LISTED = 1024
"""The largest number of choices that is listed to see whether all have been tried."""


@dataclass(frozen=True)
class SearchSpace:
    """The edits that may be on or off, by number, and the values of each setting.

    `in_use` has the setting values of the version in use.
    """

    edits: dict[int, Candidate]
    settings: dict[str, tuple[ChoiceValue, ...]]
    in_use: dict[str, ChoiceValue]

    @property
    def is_empty(self) -> bool:
        return not self.first_choices()

    def names(self) -> dict[str, tuple[ChoiceValue, ...]]:
        """Return every parameter with its values, the first of which changes nothing."""
        edits: dict[str, tuple[ChoiceValue, ...]] = {f"edit {number}": (False, True) for number in self.edits}
        return {**edits, **{name: (UNCHANGED_SETTING, *values) for name, values in self.settings.items()}}

    def changed(self, values: Mapping[str, ChoiceValue]) -> SearchChoice:
        """Return those of the values that are in this space and change something."""
        return {
            name: values[name]
            for name, (same, *_) in self.names().items()
            if name in values and values[name] not in (same, self.in_use.get(name))
        }

    def first_choices(self) -> list[SearchChoice]:
        """Return what to try first: all edits together, and each other setting alone."""
        together: list[SearchChoice] = (
            [{f"edit {number}": True for number in self.edits}] if len(self.edits) > 1 else []
        )
        alone = [self.changed({name: value}) for name, values in self.settings.items() for value in values]
        return [*together, *(choice for choice in alone if choice)]

    def all_choices(self) -> list[SearchChoice] | None:
        """Return every choice but single, tested edits; `None` if there are too many."""
        names = self.names()
        if math.prod(len(values) for values in names.values()) > MAX_CHOICES_LISTED:
            return None
        found = [self.changed(dict(zip(names, values, strict=True))) for values in product(*names.values())]
        return [c for c in found if len(c) > 1 or any(not name.startswith("edit ") for name in c)]


def space_of(
    incumbent: Version, settings: SearchSettings, default_model: str, combinable: Mapping[int, Candidate]
) -> SearchSpace:
    """Return today's space: the team's settings and the edits to combine."""
    config = incumbent.surface.config
    lists: dict[str, tuple[ChoiceValue, ...]] = {
        "model": settings.models,
        "effort": settings.efforts,
        "limits.turns": settings.turns,
        "limits.tokens": settings.tokens,
        **{f"tool {tool}": ("on", "off") for tool in settings.tools},
    }
    in_use: dict[str, ChoiceValue] = {
        "model": config.model or default_model,
        "effort": config.effort,
        "limits.turns": config.limits.turns,
        "limits.tokens": config.limits.tokens or 0,
        **{f"tool {tool}": "on" if tool in config.tools else "off" for tool in settings.tools},
    }
    return SearchSpace(dict(combinable), {name: values for name, values in lists.items() if values}, in_use)


def find_combinable(store: Store, doubling: float) -> dict[int, Candidate]:
    """Find edits that looked good in their race but could not show a gain."""
    promising = []
    for candidate in store.candidates.refused(MAX_REFUSED_READ):
        score = recorded_score_of(store.replays, candidate) if candidate.commit and not candidate.edit.choice else None
        if score and score.at(doubling) > 0.0:
            promising.append((score.at(doubling), candidate))
    best = sorted(promising, key=lambda pair: (-pair[0], -pair[1].id))[:MAX_COMBINED_EDITS]
    return {candidate.id: candidate for _, candidate in sorted(best, key=lambda pair: pair[1].id)}


def edit_of_choice(
    history: VersionHistory, incumbent: Version, space: SearchSpace, choice: SearchChoice, search: Sequence[Ticket]
) -> Edit:
    """Turn the choice into an edit of the incumbent.

    Raises `ValueError` when its parts overlap.
    """
    version = incumbent
    changes: Changes = {}
    chosen = [space.edits[number] for number in space.edits if choice.get(f"edit {number}")]
    for part in chosen:
        merged = history.carry_over(f"{part.commit}^", part.commit or "", version)
        if merged is None:
            raise ValueError(f"{part.edit.title} overlaps with what is in use or with another part")
        changes |= merged
        version = Version(incumbent.commit, history.lay_out(version, merged))
    settings = {name: value for name, value in choice.items() if not name.startswith("edit ")}
    if settings:
        text = (version.surface.root / "agent.toml").read_text("utf-8")
        changes["agent.toml"] = _with_settings(text, settings, version.surface.config.tools)
    edits = [part.edit for part in chosen]
    words = [f"{name} = {value}" for name, value in settings.items()]
    everywhere = sorted({label for ticket in search for label in ticket.labels}) if settings else []
    return Edit(
        title=" + ".join([*words, *(e.title for e in edits)])[:120],
        themes=tuple(dict.fromkeys([*(theme for e in edits for theme in e.themes), *everywhere])),
        hypothesis=_hypothesis(words, edits)[:600],
        answers=tuple(dict.fromkeys(a for e in edits for a in e.answers)),
        flips=tuple(dict.fromkeys(f for e in edits for f in e.flips)),
        changes=changes,
        choice=choice,
    )


def _with_settings(text: str, settings: SearchChoice, tools: tuple[str, ...]) -> str:
    for name, value in settings.items():
        if name.startswith("tool "):
            tool = name.removeprefix("tool ")
            tools = (*tools, tool) if value == "on" else tuple(t for t in tools if t != tool)
            text = replace_setting(text, "tools", tools)
        else:
            text = replace_setting(text, name, value)
    return text


def _hypothesis(words: Sequence[str], edits: Sequence[Edit]) -> str:
    parts = []
    if edits:
        parts.append(
            "Each of these looked promising on search tickets, but its gain alone was too small to be shown; "
            "together it may be large enough."
        )
    if words:
        parts.append(f"With {', '.join(words)} the agent may do better, or as well for less.")
    return " ".join([*parts, *(e.hypothesis for e in edits)])
