"""The stand-in as the one who proposes edits of the engineer's prompts, from the evidence that it is shown.

Asked in one message, it answers with search/replace edits; given tools, it reads the evidence, edits and proposes.
Asked to mend an edit, it gives that one up.
"""

from __future__ import annotations

import re
from typing import Any

from meta.demo.standin.choice import Choice, choose, sections
from meta.demo.standin.luck import Luck
from meta.demo.standin.reply import Answer
from meta.demo.standin.wire import Request, ToolResult, without_line_numbers

PROMPT = "prompts/system.md"
EVIDENCE = "evidence.md"

_FENCED = rf"^\W*{re.escape(PROMPT)}\W*\n+(?P<fence>`{{3,}}|~{{3,}})\w*\n(?P<text>.*?)^(?P=fence)[ \t]*$"


def is_asked_for_edits(request: Request) -> bool:
    """Whether this request is the proposer's: it speaks of proposing, and shows the evidence or the tools for it."""
    shown = {"Surface", "What went wrong"} <= set(sections(request.messages[0].text))
    return "propos" in request.system_text.lower() and (shown or _has_tools(request))


def propose(request: Request, luck: Luck) -> Answer:
    """The edits, or the next turn towards them."""
    if any(message.role == "user" and message.text for message in request.messages[1:]):
        return Answer("I have nothing better; leave this one out.")
    if _has_tools(request):
        return _with_tools(request, luck)
    evidence = sections(request.messages[0].text)
    prompt = re.search(_FENCED, evidence["Surface"], re.MULTILINE | re.DOTALL)
    chosen = choose(evidence, prompt["text"] if prompt else "")
    return Answer("\n\n".join(map(_written, chosen)) or "I have no idea that was not tried before.")


def _has_tools(request: Request) -> bool:
    return {"read_file", "edit_file", "propose"} <= {tool.name for tool in request.tools}


def _with_tools(request: Request, luck: Luck) -> Answer:
    """First read, then one edit and one proposal for each idea, then the end of the turn."""
    results = [b.text for m in request.messages for b in m.blocks if isinstance(b, ToolResult)]
    calls: list[tuple[str, dict[str, Any]]] = []
    if not results:
        calls = [("read_file", {"path": path, "end": 10_000}) for path in (EVIDENCE, f"surface/{PROMPT}")]
    elif len(results) == 2:
        evidence, prompt = map(without_line_numbers, results)
        for choice in choose(sections(evidence), prompt):
            calls.append(("edit_file", {"path": f"surface/{PROMPT}", "old": choice.old, "new": choice.new}))
            calls.append(("propose", _described(choice)))
    text = "" if calls else "I have nothing better to propose."
    return Answer(text, [(luck.call_id("propose", n), name, given) for n, (name, given) in enumerate(calls)])


def _described(choice: Choice) -> dict[str, Any]:
    idea = choice.idea
    return {
        "title": idea.title,
        "themes": [idea.theme],
        "hypothesis": idea.hypothesis,
        "answers": list(choice.answers),
        "flips": list(choice.flips),
    }


def _written(choice: Choice) -> str:
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

{PROMPT}
```
<<<<<<< SEARCH
{choice.old}
=======
{choice.new}
>>>>>>> REPLACE
```"""
