"""The two ways to talk with a model: tool calls, or plain text.

Plain text is for models that cannot call tools.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from worker_agent import edit_blocks
from worker_agent.answer import MAX_DEPTH
from worker_agent.excerpt import repository_excerpt
from worker_agent.model import ModelReply
from worker_agent.records import Brief, Event, Limits
from worker_agent.surface import SUBMIT_TOOL_NAME, Surface
from worker_agent.text_file import decode_file
from worker_agent.tool_host.session import ToolSession

SUBMIT_TOOL = {
    "name": SUBMIT_TOOL_NAME,
    "description": (
        "Submit the change, once, when the ticket is done. The repository's own checks run first; "
        "if one that passed before fails now, you are told and can continue."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "summary": {
                "type": "string",
                "description": "For the reviewer: what you changed and why, how you checked it, what is uncertain.",
            }
        },
        "required": ["summary"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True)
class TurnResult:
    """What a reply led to.

    `blocks` go into the next user message. `summary` is set if the model says that it is done, and `submit_id` if it
    said so with a tool call.
    """

    blocks: list[dict[str, Any]]
    summary: str | None = None
    submit_id: str | None = None


BAD_INPUT = f"the input must be a JSON object, nested at most {MAX_DEPTH} levels deep"


def answer_call(call_id: str, text: str, is_error: bool) -> dict[str, Any]:
    """Return the block that answers a tool call."""
    shown = text if text.strip() else "(nothing)"
    return {"type": "tool_result", "tool_use_id": call_id, "content": shown, "is_error": is_error}


def answer_broken_reply(reply: ModelReply, max_tokens: int) -> list[dict[str, Any]]:
    """Return what to tell the model if its reply arrived broken; empty if it did not.

    Nothing in a reply that was cut off is done: its last call or passage may lack its end.
    """
    if reply.is_cut_off:
        words = f"Your answer was cut off at {max_tokens} tokens, so nothing in it was done. Answer in smaller steps."
    elif reply.stop_reason == "tool_use" and not reply.tool_calls:
        words = "Your tool call did not arrive. Call the tool again."
    else:
        return []
    results = [answer_call(call["id"], words, is_error=True) for call in reply.tool_calls]
    return results or [{"type": "text", "text": words}]


class Conversation(Protocol):
    """A way to talk with a model: opens the conversation, and acts on each reply."""

    def tools(self) -> list[dict[str, Any]]: ...

    def open(self, brief: Brief) -> str: ...

    def act(self, reply: ModelReply) -> TurnResult: ...


class ToolConversation:
    """The model calls tools and sees their results.

    It calls `submit` when it believes that it is done.
    """

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
            if not isinstance(given, dict):
                text, failed = BAD_INPUT, True
            elif call["name"] != SUBMIT_TOOL_NAME:
                text, failed = self._session.call(call["name"], given, self._limits.command_seconds)
                text = _cut_middle(text, self._surface.config.result_chars)
            elif submit_id is None:
                summary, submit_id = str(given.get("summary", "")), call["id"]
                continue
            else:
                text, failed = "Submit once.", True
            self._record({"kind": "tool", "name": call["name"], "input": given, "result": text, "error": failed})
            results.append(answer_call(call["id"], text, failed))
        if not reply.tool_calls:
            summary = reply.text
        return TurnResult(results, summary, submit_id)


class TextConversation:
    """The model answers with its whole change in one reply.

    The change has the form of `edit_blocks`, and the runtime applies it.
    """

    def __init__(self, surface: Surface, session: ToolSession, record: Callable[[Event], None]) -> None:
        self._surface, self._session, self._record = surface, session, record

    def tools(self) -> list[dict[str, Any]]:
        return []

    def open(self, brief: Brief) -> str:
        files, most_relevant = repository_excerpt(brief, self._session, self._surface.config.context_chars)
        ticket = self._surface.prompt("ticket.md", title=brief.title, body=brief.body)
        # A weak model copies the path in the example literally, so the example shows a real one.
        return self._surface.prompt("text.md", ticket=ticket, files=files, example=most_relevant or "path/to/file.py")

    def act(self, reply: ModelReply) -> TurnResult:
        blocks = edit_blocks.parse_blocks(reply.text)
        problems = [f"{block.path}: {problem}" for block in blocks if (problem := self._apply(block))]
        self._record({"kind": "edits", "paths": [block.path for block in blocks], "problems": problems})
        if not blocks:
            problems = ["Your reply contains no change in the requested format."]
        if problems:
            return TurnResult([{"type": "text", "text": "\n".join(problems)}])
        return TurnResult([], summary=edit_blocks.strip_blocks(reply.text))

    def _apply(self, block: edit_blocks.EditBlock) -> str | None:
        """Write an edit to the workspace.

        Returns what is wrong with it, in words that help the model to fix it, or `None`.
        """
        if not block.is_complete:
            return "the block is incomplete; SEARCH must be followed by `=======` and `>>>>>>> REPLACE`"
        path, before = block.path, self._session.read(block.path)
        if block.old_text is not None and before is None:
            path = resolve_path(block.path, self._session.files())
            before = self._session.read(path) if path else None
            if before is None:
                return "no such file; write the path exactly as it is listed"
        file = decode_file(before) if before is not None else None
        text = block.apply(file.text if file else None)
        if text is None:
            similar = edit_blocks.find_similar_passage(file.text if file else "", block.old_text or "")
            return "the SEARCH text must appear exactly once in the file" + (
                f"; the closest passage is\n```\n{similar[:2000]}\n```" if similar else ""
            )
        try:
            return self._session.write(path, file.encode(text) if file else text.encode())
        except ValueError as error:
            return str(error)


def resolve_path(path: str, files: list[str]) -> str:
    """Return the one file whose path shares the longest ending with `path`.

    Empty if there is none, or more than one.
    """
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
