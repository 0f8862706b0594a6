"""Plays the engineer: reads, edits, perhaps runs the tests, and submits.

Every turn depends on the messages alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meta.demo.change_file import DemoChange, DemoEdit
from meta.demo.standin.habits import Habits, read_habits
from meta.demo.standin.knowledge import choose_edits, correct_edits
from meta.demo.standin.luck import Luck, step_of_call
from meta.demo.standin.reply import StandInAnswer
from meta.demo.standin.request import StandInRequest, ToolResultBlock, ToolUseBlock, strip_line_numbers

HOUSE_RULES = "CONTRIBUTING.md"
_FENCED = re.compile(r"^(\S+)\n```\w*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
READ_STEP, EDIT_STEP, TEST_STEP, FIX_STEP, SUBMIT_STEP = "read", "edit", "test", "mend", "submit"


@dataclass(frozen=True)
class EarlierCall:
    """A tool call of an earlier turn, and its result."""

    step: str
    given: dict[str, Any]
    result: str
    failed: bool


def take_turn(request: StandInRequest, change: DemoChange, luck: Luck) -> StandInAnswer:
    """Take the next turn on this ticket."""
    return _Turn(request, change, luck).answer()


class _Turn:
    def __init__(self, request: StandInRequest, change: DemoChange, luck: Luck) -> None:
        self.request, self.change, self.luck = request, change, luck
        opening = request.messages[0].text.replace(change.body, "").replace(change.title, "")
        # Fences hold the repository, shown for the text protocol, and no instructions.
        self.told = f"{request.system_text}\n\n{_FENCED.sub('', opening)}"
        self.habits: Habits = read_habits(self.told)
        self.tools = {tool.name: tool for tool in request.tools}
        self.calls = list(_calls(request))

    def answer(self) -> StandInAnswer:
        if not self.tools:
            return self.in_text()
        if not self.did(READ_STEP) and self.can_read:
            return self.read()
        if not self.did(EDIT_STEP):
            return self.edit()
        if self.habits.runs_tests and self.has("run_tests") and self.calls[-1].step in (EDIT_STEP, FIX_STEP):
            return self.say("Now the tests.", TEST_STEP, [("run_tests", {})])
        if self.sees_failure and not self.did(FIX_STEP) and (back := correct_edits(self.change, self.made())):
            return self.say("That broke something; I take it back.", FIX_STEP, self.edit_calls(back))
        return self.submit()

    def read(self) -> StandInAnswer:
        looks = self.habits.reads_rules or self.luck.is_curious
        files = [edit.path for edit in choose_edits(self.change, self.habits, self.luck, self.told)]
        if looks:
            files = [HOUSE_RULES, *(edit.path for edit in self.change.right), *files]
        text = "I read the house rules and the code first." if looks else "I look at the code first."
        return self.say(text, READ_STEP, [self.read_call(path) for path in dict.fromkeys(files)])

    def edit(self) -> StandInAnswer:
        edits = [edit for edit in self.wanted() if edit.old in self.shown(edit.path)]
        if not edits or not self.has("edit_file", "path", "old", "new"):
            return StandInAnswer("I could not find the place to change, or have no tool to change it with.")
        return self.say("This is what I change.", EDIT_STEP, self.edit_calls(edits))

    def submit(self) -> StandInAnswer:
        summary = f"{self.change.title}: changed {', '.join(dict.fromkeys(edit.path for edit in self.made()))}."
        if "submit" not in self.tools:
            return StandInAnswer(summary)
        return self.say(
            "",
            f"{SUBMIT_STEP}{sum(c.step.startswith(SUBMIT_STEP) for c in self.calls)}",
            [("submit", {"summary": summary})],
        )

    def in_text(self) -> StandInAnswer:
        """Answer without tools: the whole change, as far as its passages are shown."""
        shown = "\n".join(message.text for message in self.request.messages)
        looks = self.habits.reads_rules or self.luck.is_curious
        rules = [text for path, text in _FENCED.findall(shown) if path == HOUSE_RULES and looks]
        edits = choose_edits(self.change, self.habits, self.luck, "\n".join([self.told, *rules]))
        blocks = [
            f"{e.path}\n```\n<<<<<<< SEARCH\n{e.old}=======\n{e.new}>>>>>>> REPLACE\n```"
            for e in edits
            if e.old in shown
        ]
        return StandInAnswer("\n\n".join([*blocks, f"{self.change.title}."]))

    def wanted(self) -> list[DemoEdit]:
        """Return what it wants to change, given the prompts and what it has read."""
        read = [call.result for call in self.calls if call.step == READ_STEP and HOUSE_RULES in str(call.given)]
        return choose_edits(self.change, self.habits, self.luck, "\n".join([self.told, *read]))

    def made(self) -> list[DemoEdit]:
        return [edit for edit in self.wanted() if edit.old in self.shown(edit.path)]

    def shown(self, path: str) -> str:
        """Return what the tools have shown of a file, without line numbers."""
        results = [call.result for call in self.calls if call.step == READ_STEP and path in str(call.given)]
        return strip_line_numbers("\n".join(results)) + "\n"

    @property
    def sees_failure(self) -> bool:
        """Whether the last tests or the checks at the last submission failed."""
        last = self.calls[-1]
        return (last.step == TEST_STEP and not last.result.startswith("exit code 0")) or last.step.startswith(
            SUBMIT_STEP
        )

    @property
    def can_read(self) -> bool:
        return self.has("read_file", "path") or self.has("run_command", "command")

    def read_call(self, path: str) -> tuple[str, dict[str, Any]]:
        if self.has("read_file", "path"):
            return "read_file", {"path": path}
        return "run_command", {"command": f"cat {path}"}

    def edit_calls(self, edits: list[DemoEdit]) -> list[tuple[str, dict[str, Any]]]:
        return [("edit_file", {"path": edit.path, "old": edit.old, "new": edit.new}) for edit in edits]

    def has(self, tool: str, *parameters: str) -> bool:
        return tool in self.tools and all(name in self.tools[tool].parameters for name in parameters)

    def did(self, step: str) -> bool:
        return any(call.step == step for call in self.calls)

    def say(self, text: str, step: str, calls: list[tuple[str, dict[str, Any]]]) -> StandInAnswer:
        return StandInAnswer(text, [(self.luck.call_id(step, n), name, given) for n, (name, given) in enumerate(calls)])


def _calls(request: StandInRequest) -> Iterator[EarlierCall]:
    results = {b.tool_use_id: b for m in request.messages for b in m.blocks if isinstance(b, ToolResultBlock)}
    for message in request.messages:
        for block in message.blocks:
            if isinstance(block, ToolUseBlock):
                result = results[block.id]
                yield EarlierCall(step_of_call(block.id), block.input, result.text, result.is_error)
