"""The two ways to talk with a model: tool calls, and plain text for models that cannot call tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from worker_agent import edit_blocks
from worker_agent.excerpt import repository_excerpt
from worker_agent.model import ModelReply
from worker_agent.records import Brief, Event, Limits
from worker_agent.surface import Surface
from worker_agent.tool_host.session import ToolSession

SUBMIT_TOOL = {
    "name": "submit",
    "description": (
        "Hand in the change, once, when the objective is met. The repository's own checks are run first; "
        "if one that passed before fails now, you are told and can go on."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "summary": {
                "type": "string",
                "description": "For the reviewer: what was changed and why, how it was checked, what is uncertain.",
            }
        },
        "required": ["summary"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True)
class TurnResult:
    """What came of a reply: blocks for the next user message, and the summary if the model says that it is done."""

    content: list[dict[str, Any]]
    summary: str | None = None
    submit_id: str | None = None


class Conversation(Protocol):
    """Opens the conversation, and acts on each reply."""

    def tools(self) -> list[dict[str, Any]]: ...

    def open(self, brief: Brief) -> str: ...

    def act(self, reply: ModelReply) -> TurnResult: ...


class ToolConversation:
    """Think, act, look, repeat: the model calls tools, and `submit` when it believes to be done."""

    def __init__(self, surface: Surface, session: ToolSession, limits: Limits, record: Callable[[Event], None]) -> None:
        self._surface, self._session, self._limits, self._record = surface, session, limits, record
        self._schemas, self.errors = session.schemas()

    def tools(self) -> list[dict[str, Any]]:
        return [*self._schemas, SUBMIT_TOOL]

    def open(self, brief: Brief) -> str:
        return self._surface.prompt("ticket.md", title=brief.title, body=brief.body)

    def act(self, reply: ModelReply) -> TurnResult:
        results: list[dict[str, Any]] = []
        summary, submit_id = None, None
        for call in reply.tool_calls:
            given = call.get("input")
            if call["name"] == SUBMIT_TOOL["name"]:
                summary, submit_id = str((given or {}).get("summary", "")), call["id"]
                continue
            if isinstance(given, dict):
                text, failed = self._session.call(call["name"], given, self._limits.command_seconds)
            else:
                text, failed = "the tool's input must be a JSON object", True
            text = _cut_middle(text, self._surface.config.result_chars)
            self._record({"kind": "tool", "name": call["name"], "input": given, "result": text, "error": failed})
            results.append(
                {
                    "type": "tool_result",
                    "tool_use_id": call["id"],
                    "content": text or "(nothing)",
                    "is_error": failed,
                }
            )
        if not reply.tool_calls:
            summary = reply.text
        return TurnResult(results, summary, submit_id)


class TextConversation:
    """One reply holds the change, as whole files or search/replace blocks; the runtime applies it."""

    def __init__(self, surface: Surface, session: ToolSession, record: Callable[[Event], None]) -> None:
        self._surface, self._session, self._record = surface, session, record

    def tools(self) -> list[dict[str, Any]]:
        return []

    def open(self, brief: Brief) -> str:
        files, most_about = repository_excerpt(brief, self._session, self._surface.config.context_chars)
        ticket = self._surface.prompt("ticket.md", title=brief.title, body=brief.body)
        # A weak model copies the example's path to the letter, so the example's path is a real one.
        return self._surface.prompt("text.md", ticket=ticket, files=files, example=most_about or "path/to/file.py")

    def act(self, reply: ModelReply) -> TurnResult:
        found = edit_blocks.parse_blocks(reply.text)
        problems = [f"{e.path}: {problem}" for e in found if (problem := self._apply(e))]
        self._record({"kind": "edits", "paths": [e.path for e in found], "problems": problems})
        if not found:
            problems = ["Your reply holds no change in the form that was asked for."]
        if problems:
            return TurnResult([{"type": "text", "text": "\n".join(problems)}])
        return TurnResult([], summary=edit_blocks.strip_blocks(reply.text))

    def _apply(self, edit: edit_blocks.EditBlock) -> str | None:
        """Write an edit; what is wrong with it, if anything, in words that help to put it right."""
        if edit.old is None:
            return self._session.write(edit.path, edit.new)
        if not edit.whole:
            return "the passage breaks off; after SEARCH, `=======` and `>>>>>>> REPLACE` have to follow"
        path, before = edit.path, self._session.read(edit.path)
        if before is None:
            path = resolve_path(edit.path, self._session.files())
            before = self._session.read(path) if path else None
        if before is None:
            return "there is no such file; write its path as it is listed"
        text = edit_blocks.replace_passage(before, edit.old, edit.new)
        if text is None:
            like = edit_blocks.find_similar_passage(before, edit.old)
            return "the SEARCH part does not stand in the file exactly once" + (
                f"; most like it is\n```\n{like[:2000]}\n```" if like else ""
            )
        return self._session.write(path, text)


def resolve_path(path: str, files: list[str]) -> str:
    """The one file whose path ends as this one does, by as many parts as possible; empty where it is not clear."""
    parts = path.split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        ending = [file for file in files if file == tail or file.endswith(f"/{tail}")]
        if ending:
            return ending[0] if len(ending) == 1 else ""
    return ""


def _cut_middle(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
