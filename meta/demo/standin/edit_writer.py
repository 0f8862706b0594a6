"""Plays the proposer: edits the engineer's prompts on the evidence it is shown.

Asked in one message, it answers with search/replace edits; given tools, it reads the evidence, edits and proposes.
Asked to fix a rejected edit, it gives that one up.
"""

from __future__ import annotations

import re
from typing import Any

from meta.demo.standin.choice import IdeaChoice, choose_ideas, split_sections
from meta.demo.standin.luck import Luck
from meta.demo.standin.reply import StandInAnswer
from meta.demo.standin.request import StandInRequest, ToolResultBlock, strip_line_numbers

SYSTEM_PROMPT_PATH = "prompts/system.md"
EVIDENCE_FILE = "evidence.md"

_FENCED = rf"^\W*{re.escape(SYSTEM_PROMPT_PATH)}\W*\n+(?P<fence>`{{3,}}|~{{3,}})\w*\n(?P<text>.*?)^(?P=fence)[ \t]*$"


def is_asked_for_edits(request: StandInRequest) -> bool:
    """Return whether this request is for the proposer.

    Such a request speaks of proposing, and shows the evidence or the tools for it.
    """
    shown = {"Surface", "What went wrong"} <= set(split_sections(request.messages[0].text))
    return "propos" in request.system_text.lower() and (shown or _has_tools(request))


def write_edits(request: StandInRequest, luck: Luck) -> StandInAnswer:
    """Return the edits, or the next turn towards them."""
    if any(message.role == "user" and message.text for message in request.messages[1:]):
        return StandInAnswer("I have nothing better; leave this one out.")
    if _has_tools(request):
        return _with_tools(request, luck)
    evidence = split_sections(request.messages[0].text)
    prompt = re.search(_FENCED, evidence["Surface"], re.MULTILINE | re.DOTALL)
    chosen = choose_ideas(evidence, prompt["text"] if prompt else "")
    return StandInAnswer("\n\n".join(map(_written, chosen)) or "I have no idea that was not tried before.")


def _has_tools(request: StandInRequest) -> bool:
    return {"read_file", "edit_file", "propose"} <= {tool.name for tool in request.tools}


def _with_tools(request: StandInRequest, luck: Luck) -> StandInAnswer:
    """Read first, then edit and propose each idea, then end the turn."""
    results = [b.text for m in request.messages for b in m.blocks if isinstance(b, ToolResultBlock)]
    calls: list[tuple[str, dict[str, Any]]] = []
    if not results:
        calls = [
            ("read_file", {"path": path, "end": 10_000}) for path in (EVIDENCE_FILE, f"surface/{SYSTEM_PROMPT_PATH}")
        ]
    elif len(results) == 2:
        evidence, prompt = map(strip_line_numbers, results)
        for choice in choose_ideas(split_sections(evidence), prompt):
            calls.append(("edit_file", {"path": f"surface/{SYSTEM_PROMPT_PATH}", "old": choice.old, "new": choice.new}))
            calls.append(("propose", _described(choice)))
    text = "" if calls else "I have nothing better to propose."
    return StandInAnswer(text, [(luck.call_id("propose", n), name, given) for n, (name, given) in enumerate(calls)])


def _described(choice: IdeaChoice) -> dict[str, Any]:
    idea = choice.idea
    return {
        "title": idea.title,
        "themes": [idea.theme],
        "hypothesis": idea.hypothesis,
        "answers": list(choice.answers),
        "flips": list(choice.flips),
    }


def _written(choice: IdeaChoice) -> str:
    about = {
        "theme": choice.idea.theme,
        "hypothesis": choice.idea.hypothesis,
        "answers": ", ".join(choice.answers),
        "flips": ", ".join(choice.flips),
    }
    fields = "\n".join(f"{name}: {value}" for name, value in about.items() if value)
    return f"""\
## Edit: {choice.idea.title}
{fields}

{SYSTEM_PROMPT_PATH}
```
<<<<<<< SEARCH
{choice.old}
=======
{choice.new}
>>>>>>> REPLACE
```"""
