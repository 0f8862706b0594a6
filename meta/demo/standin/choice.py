"""Chooses which ideas the stand-in proposes, and where in the prompt they go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meta.demo.standin.habits import read_habits
from meta.demo.standin.ideas import IDEAS, Idea

_SECTION = re.compile(r"^# (Surface|What went wrong|What passed|Tried before|Now)\b.*\n", re.MULTILINE)
_MOST = re.compile(r"at most (\d+) edits")
_PULL = re.compile(r"^\W*(PR #\d+)\b", re.MULTILINE)
_TICKET = re.compile(r"^> ticket: ([\w.-]+)$", re.MULTILINE)


@dataclass(frozen=True)
class IdeaChoice:
    """An idea, the passage of the prompt that it replaces, and its evidence."""

    idea: Idea
    old: str
    new: str
    answers: tuple[str, ...]
    flips: tuple[str, ...]


def split_sections(text: str) -> dict[str, str]:
    """Split the evidence, as `draft_format.render_question` writes it, by heading."""
    _, *parts = _SECTION.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def choose_ideas(evidence: dict[str, str], prompt: str) -> list[IdeaChoice]:
    """Choose up to the requested number of untried ideas that suit the evidence."""
    most = int(found[1]) if (found := _MOST.search(evidence.get("Now", ""))) else 3
    wrong, tried = evidence.get("What went wrong", ""), evidence.get("Tried before", "").lower()
    chosen: list[IdeaChoice] = []
    for idea in IDEAS:
        about = _about(idea.theme, wrong)
        new = idea.title.lower() not in tried and idea.theme not in {other.idea.theme for other in chosen}
        if new and (about or not idea.needs_feedback) and not idea.has(read_habits(prompt)):
            chosen += _placed(idea, prompt, about, wrong)
    return chosen[:most]


def _about(theme: str, wrong: str) -> str:
    """Return the parts of the evidence whose heading or themes name a cause."""
    parts = re.split(r"^(?=#{2,} )", wrong, flags=re.MULTILINE)
    name = re.compile(rf"^(?:#+|> themes:) .*{theme.replace('_', '[_ -]')}", re.IGNORECASE | re.MULTILINE)
    return "".join(part for part in parts if name.search(part))


def _placed(idea: Idea, prompt: str, about: str, wrong: str) -> list[IdeaChoice]:
    """Place the idea in the prompt; none if no unique line can anchor it."""
    lines = [line for line in prompt.splitlines() if line.strip() and prompt.count(line) == 1]
    if not lines:
        return []
    old = next((line for line in lines if idea.replaces and idea.replaces in line), "")
    new = idea.text
    if not old:
        # Far apart, so that one edit still applies to a prompt that another has changed.
        first = idea.theme == "ignored_convention"
        old = lines[0] if first else lines[-1]
        new = f"{old}\n{idea.text}" if first else f"{idea.text}\n{old}"
    answers = dict.fromkeys(_PULL.findall(about))
    flips = dict.fromkeys(_TICKET.findall(about) or _TICKET.findall(wrong)[:3])  # an idea about nothing claims some
    return [IdeaChoice(idea, old, new, tuple(answers), tuple(flips))]
