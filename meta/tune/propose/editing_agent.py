"""Gets edits from an agent that edits the surface with tools in a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from meta.records.candidate import EditDraft
from meta.tune.propose.draft_format import draft_edit, render_question
from meta.tune.propose.evidence import ProposerEvidence
from worker_agent.conversation import BAD_INPUT, answer_broken_reply, answer_call
from worker_agent.foreign_tree import remove_tree, temporary_folder
from worker_agent.model import ChatMessage, Model, ModelRequest
from worker_agent.records import Environment, Usage
from worker_agent.sandbox.job import Sandbox
from worker_agent.surface import DEFAULT_ROOT, load_surface
from worker_agent.tool_host.session import ToolSession

AGENT_PROMPT = Path(__file__).parents[1] / "prompts" / "proposer_agent.md"
EDITING_TOOLS = ("read_file", "search", "edit_file")
_TEXT = {"type": "string"}
_NAMES = {"type": "array", "items": {"type": "string"}}
PROPOSE_TOOL = {
    "name": "propose",
    "description": "Propose the edit you made under surface/. The surface is then restored.",
    "input_schema": {
        "type": "object",
        "properties": {
            "title": _TEXT,
            "themes": {**_NAMES, "description": "the causes it addresses, as named in the evidence"},
            "hypothesis": {**_TEXT, "description": "one sentence: why the agent fails and why this helps"},
            "answers": {**_NAMES, "description": 'feedback it answers, such as "PR #12"'},
            "flips": {**_NAMES, "description": "failed tickets it should fix"},
        },
        "required": ["title", "themes", "hypothesis", "flips"],
        "additionalProperties": False,
    },
}


class EditingAgent:
    """Converses with tools until the model ends its turn, or for `turns` model calls."""

    def __init__(self, model: Model, sandbox: Sandbox, scratch: Path, turns: int = 60, max_tokens: int = 8192) -> None:
        self._model, self._sandbox, self._scratch = model, sandbox, scratch
        self._turns, self._max_tokens = turns, max_tokens
        self._messages: list[ChatMessage] = []
        self._surface: dict[str, str] = {}
        self._evidence = ""
        self.usage = Usage()
        self.model: str | None = None

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        self._surface, self._evidence = surface, render_question(evidence, {}, most)
        return self._converse(f"Read evidence.md, then propose at most {most} edits.", most)

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        again = self._converse(f"Your edit {draft.title!r} was rejected: {objection}\nFix it and propose it again.", 1)
        return again[0] if again else None

    def _converse(self, opening: str, most: int) -> list[EditDraft]:
        found: list[EditDraft] = []
        messages = [*self._messages, _user([{"type": "text", "text": opening}])]
        with temporary_folder(self._scratch, "propose-") as root:
            (root / "evidence.md").write_text(self._evidence, "utf-8")
            self._put_back(root)
            base = load_surface(DEFAULT_ROOT)
            tools = replace(base, config=base.config.model_copy(update={"tools": EDITING_TOOLS}))
            with ToolSession(self._sandbox, root, Environment(), tools) as session:
                schemas, _ = session.schemas()
                for _ in range(self._turns):
                    reply = self._model.ask(
                        ModelRequest(
                            system=AGENT_PROMPT.read_text("utf-8"),
                            messages=messages,
                            tools=[*schemas, PROPOSE_TOOL],
                            max_tokens=self._max_tokens,
                        )
                    )
                    self.usage, self.model = self.usage + reply.usage, reply.model
                    if reply.content:
                        messages.append({"role": "assistant", "content": reply.content})
                    answer = answer_broken_reply(reply, self._max_tokens)
                    if reply.is_refusal or reply.fills_context or not (reply.tool_calls or answer or reply.is_paused):
                        break
                    answer = answer or [self._act(call, session, root, found) for call in reply.tool_calls]
                    if answer:
                        messages.append(_user(answer))
                    if len(found) >= most:
                        break
        self._messages = messages
        return found

    def _act(self, call: dict[str, Any], session: ToolSession, root: Path, found: list[EditDraft]) -> dict[str, Any]:
        given = call.get("input")
        if not isinstance(given, dict):
            text, failed = BAD_INPUT, True
        elif call["name"] == PROPOSE_TOOL["name"]:
            draft = self._draft(given, root)
            found.append(draft)
            self._put_back(root)
            text, failed = (draft.problem, True) if draft.problem else ("accepted; the surface is restored", False)
        else:
            text, failed = session.call(call["name"], given, 60.0)
        return answer_call(call["id"], text[:20_000], failed)

    def _draft(self, given: dict[str, Any], root: Path) -> EditDraft:
        title = str(given.get("title", "untitled"))[:120]
        changes = self._changes(root / "surface")
        if not changes:
            return EditDraft(title, None, "nothing under surface/ changed")
        return draft_edit(
            title,
            changes,
            self._surface,
            str(given.get("hypothesis", "")),
            *(_names(given.get(name)) for name in ("themes", "answers", "flips")),
        )

    def _changes(self, surface: Path) -> dict[str, str | None]:
        """Compare the folder with the surface; links in it are not followed or trusted."""
        now = {
            str(path.relative_to(surface)): path.read_bytes().decode("utf-8", "replace")
            for path in sorted(surface.rglob("*"))
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
        }
        changed: dict[str, str | None] = {p: text for p, text in now.items() if self._surface.get(p) != text}
        return changed | {path: None for path in self._surface if path not in now}

    def _put_back(self, root: Path) -> None:
        remove_tree(root / "surface")
        for path, text in self._surface.items():
            target = root / "surface" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", newline="")


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(v).strip() for v in value if str(v).strip()) if isinstance(value, list) else ()


def _user(content: list[dict[str, Any]]) -> ChatMessage:
    return {"role": "user", "content": content}
