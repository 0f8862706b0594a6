"""The stand-in as the one who proposes edits of the engineer's prompts, from the evidence that it is shown.

It expects a system prompt that speaks of proposing, and what `meta.tune.drafts.show` writes: a message with the
sections `# Surface` (files, each a path and a fenced block), `# What went wrong` (below headings that name tickets with their
themes, and causes) and `# Tried before`. It answers with some of its `ideas`, each as a search/replace edit of a
passage that it was shown. Asked to mend one, it gives it up.
"""

from __future__ import annotations

import re

from meta.demo.standin.habits import habits
from meta.demo.standin.ideas import IDEAS, Idea
from meta.demo.standin.wire import Answer, Request

PROMPT = "prompts/system.md"

_SECTION = re.compile(r"^# (Surface|What went wrong|What passed|Tried before|Now)\b.*\n", re.MULTILINE)
_FENCED = rf"^\W*{re.escape(PROMPT)}\W*\n+(?P<fence>`{{3,}}|~{{3,}})\w*\n(?P<text>.*?)^(?P=fence)[ \t]*$"
_MOST = re.compile(r"at most (\d+) edits")
_PULL = re.compile(r"^\W*(PR #\d+)\b", re.MULTILINE)
_TICKET = re.compile(r"^#+ ([\w.-]+) \(", re.MULTILINE)


def is_asked_for_edits(request: Request) -> bool:
    """Whether this request is the proposer's."""
    found = {match[1] for match in _SECTION.finditer(request.messages[0].text)}
    return "propos" in request.system_text.lower() and {"Surface", "What went wrong"} <= found


def propose(request: Request) -> Answer:
    """As many edits as were asked for, while there are ideas."""
    if len(request.messages) > 1:
        return Answer("I have nothing better; leave this one out.")
    sections = _sections(request.messages[0].text)
    most = int(found[1]) if (found := _MOST.search(sections.get("Now", ""))) else 3
    prompt = _prompt(sections["Surface"])
    wrong, tried = sections["What went wrong"], sections.get("Tried before", "").lower()
    chosen: list[Idea] = []
    for idea in IDEAS:
        new = idea.title.lower() not in tried and idea.theme not in {other.theme for other in chosen}
        if new and (_about(idea.theme, wrong) or not idea.needs_feedback) and not idea.has(habits(prompt)):
            chosen.append(idea)
    edits = [edit for idea in chosen[:most] if (edit := _edit(idea, prompt, _about(idea.theme, wrong)))]
    return Answer("\n\n".join(edits) or "I have no idea that was not tried before.")


def _sections(text: str) -> dict[str, str]:
    _, *parts = _SECTION.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _prompt(surface: str) -> str:
    found = re.search(_FENCED, surface, re.MULTILINE | re.DOTALL)
    return found["text"] if found else ""


def _about(theme: str, wrong: str) -> str:
    """The parts of the evidence whose heading names a cause."""
    parts = re.split(r"^(?=#{2,} )", wrong, flags=re.MULTILINE)
    name = re.compile(rf"#+ .*{theme.replace('_', '[_ -]')}", re.IGNORECASE)
    return "".join(part for part in parts if name.match(part))


def _edit(idea: Idea, prompt: str, about: str) -> str:
    """The idea as an edit; empty where the prompt has no line of its own to hold on to."""
    lines = [line for line in prompt.splitlines() if line.strip() and prompt.count(line) == 1]
    if not lines:
        return ""
    old = next((line for line in lines if idea.replaces and idea.replaces in line), "")
    new = idea.text
    if not old:
        # Each idea has a line of its own, so that one edit does not take another's place away.
        old = lines[0] if idea.theme == "ignored_convention" else lines[-1]
        new = f"{old}\n{idea.text}" if old == lines[0] else f"{idea.text}\n{old}"
    return f"""\
## Edit: {idea.title}
theme: {idea.theme}
hypothesis: {idea.hypothesis}
answers: {", ".join(dict.fromkeys(_PULL.findall(about)))}
flips: {", ".join(dict.fromkeys(_TICKET.findall(about)))}

{PROMPT}
```
<<<<<<< SEARCH
{old}
=======
{new}
>>>>>>> REPLACE
```"""
