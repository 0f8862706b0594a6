"""The agent's loop: ask the model and act on its reply, until the work is done.

"Done" is decided by the objective, not by the model; a limit or an error ends the loop too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from worker_agent.conversation import (
    Conversation,
    TextConversation,
    ToolConversation,
    TurnResult,
    answer_broken_reply,
    answer_call,
)
from worker_agent.model import (
    ChatMessage,
    ContextTooLong,
    ConversationRejected,
    Model,
    ModelReply,
    ModelRequest,
    ModelUnavailable,
    ask_in_conversation,
)
from worker_agent.objective import Objective
from worker_agent.records import Brief, Environment, Event, Limits, RunEnding, Submission, Usage
from worker_agent.sandbox.job import Sandbox, SandboxUnavailable
from worker_agent.submission_diff import RefusedDiff, take_diff
from worker_agent.surface import Surface
from worker_agent.tool_host.session import ToolHostDied, ToolSession, ToolTimeout
from worker_agent.workspace import Workspace


class RunEnd(Exception):
    """Ends the run: how it ended, and a detail for the reader."""

    def __init__(self, ending: RunEnding, detail: str = "") -> None:
        super().__init__(detail)
        self.ending, self.detail = ending, detail


_ENDING_BY_ERROR: dict[type[Exception], RunEnding] = {
    ModelUnavailable: "model_unavailable",
    ContextTooLong: "context_too_long",
    ConversationRejected: "request_rejected",
    SandboxUnavailable: "sandbox_failed",
    ToolHostDied: "tool_failed",
    ToolTimeout: "tool_failed",
    RefusedDiff: "refused_diff",
}


def run_agent(
    brief: Brief,
    *,
    surface: Surface,
    model: Model,
    workspace: Workspace,
    sandbox: Sandbox,
    environment: Environment,
    limits: Limits,
    record: Callable[[Event], None] = lambda event: None,
) -> Submission:
    """Work on one ticket and hand in one submission, whatever happens.

    `limits` are the caller's; the surface can only tighten them. `record` receives the transcript, event by event.
    Raises only `ModelMisconfigured`: then no run can succeed, and the caller should stop.
    """
    limits = tighter_limits(limits, surface.config.limits)
    with ToolSession(sandbox, workspace.root, environment, surface) as session:
        run = _Run(surface, model, Objective(sandbox, workspace, environment, limits.command_seconds), limits, record)
        record({"kind": "start", "version": surface.version, "brief": brief.text})
        try:
            run.run(brief, session)
        except RunEnd as end:
            ending = end
        except tuple(_ENDING_BY_ERROR) as error:
            ending = RunEnd(_ENDING_BY_ERROR[type(error)], str(error))
    return run.hand_in(ending, workspace)  # after the session: nothing may still write to the workspace


def tighter_limits(limits: Limits, surface_limits: Limits) -> Limits:
    """Return the smaller of each pair of limits; `None` stands for no limit."""
    both = zip(limits, surface_limits, strict=True)  # a model iterates over pairs of field name and value
    return Limits.model_validate(
        {name: min((x for x in (one, other) if x is not None), default=None) for (name, one), (_, other) in both}
    )


class _Run:
    """The state of one run: the conversation so far, what it used, its attempts."""

    def __init__(
        self, surface: Surface, model: Model, objective: Objective, limits: Limits, record: Callable[[Event], None]
    ) -> None:
        self.surface, self.model, self.objective = surface, model, objective
        self.limits, self.record = limits, record
        self.began_at = time.monotonic()
        self.usage = Usage()
        self.answering_model: str | None = None
        self.summary = ""
        self.messages: list[ChatMessage] = []
        self.attempts = 0
        self.outage_seconds = 0.0
        """Time spent on calls that the service failed at first; it does not count against the worker."""

    def run(self, brief: Brief, session: ToolSession) -> NoReturn:
        """Talk with the model until `RunEnd` or another error ends the run."""
        conversation = self.open_conversation(session)
        self.messages = [{"role": "user", "content": [{"type": "text", "text": conversation.open(brief)}]}]
        while True:
            reply = self.ask_model(conversation)
            if reply.is_refusal:
                raise RunEnd("refusal", reply.text[:2000] or "the model declined to answer")
            if reply.fills_context:
                raise RunEnd("context_too_long", "the conversation filled the model's context")
            answer = self.respond(conversation, reply, session)
            if reply.content:
                self.messages.append({"role": "assistant", "content": reply.content})
            if answer:
                self.messages.append({"role": "user", "content": answer})

    def respond(self, conversation: Conversation, reply: ModelReply, session: ToolSession) -> list[dict[str, object]]:
        """Act on a reply and return the blocks of the next message to the model."""
        if broken := answer_broken_reply(reply, self.surface.config.max_tokens):
            return broken
        if reply.is_paused and not reply.tool_calls:
            return []  # it goes on when it is asked again
        result = conversation.act(reply)
        blocks = list(result.blocks)
        if result.summary is not None:
            session.close()  # nothing may still write to the workspace
            blocks += self.try_to_submit(result)
        return blocks

    def open_conversation(self, session: ToolSession) -> Conversation:
        if self.surface.config.protocol == "text":
            return TextConversation(self.surface, session, self.record)
        try:
            conversation = ToolConversation(self.surface, session, self.limits, self.record)
        except (ToolHostDied, ToolTimeout) as error:
            raise RunEnd("bad_surface", f"the tools do not load: {error}") from None
        if conversation.errors:
            raise RunEnd("bad_surface", "; ".join(f"tools/{n}.py: {why}" for n, why in conversation.errors.items()))
        return conversation

    def ask_model(self, conversation: Conversation) -> ModelReply:
        self.check_limits()
        config = self.surface.config
        asked_at = time.monotonic()
        request = ModelRequest(
            system=self.surface.prompts["system.md"],
            messages=self.messages,
            tools=conversation.tools(),
            max_tokens=config.max_tokens,
            model=config.model,
            effort=config.effort,
        )
        reply = ask_in_conversation(self.model, request, was_answered=self.usage.calls > 0)
        self.usage, self.answering_model = self.usage + reply.usage, reply.model
        self.outage_seconds += time.monotonic() - asked_at if reply.was_retried else 0.0
        self.record({"kind": "reply", "content": reply.content, "stop_reason": reply.stop_reason})
        return reply

    def check_limits(self) -> None:
        limits, usage = self.limits, self.usage
        if usage.calls >= limits.turns:
            raise RunEnd("turn_limit", f"{usage.calls} model calls")
        if limits.tokens is not None and usage.tokens >= limits.tokens:
            raise RunEnd("token_limit", f"{usage.tokens} tokens")
        if limits.usd is not None and usage.usd is not None and usage.usd >= limits.usd:
            raise RunEnd("cost_limit", f"${usage.usd:.4f}")
        if (seconds := time.monotonic() - self.began_at - self.outage_seconds) >= limits.seconds:
            raise RunEnd("time_limit", f"{seconds:.0f} s")

    def try_to_submit(self, result: TurnResult) -> list[dict[str, object]]:
        """End the run if the objective is met.

        Otherwise return the blocks that tell the model what is missing.
        """
        self.attempts += 1
        self.summary = (result.summary or "").replace("\0", "\ufffd")  # git takes no NUL in a message
        objection = self.objective.objection()
        self.record({"kind": "check", "objection": objection})
        if objection is None:
            raise RunEnd("submitted")
        if self.attempts >= self.surface.config.submit_attempts:
            raise RunEnd("checks_failed" if self.objective.failing else "no_change", objection[:2000])
        text = self.surface.prompt("not_done.md", objection=objection)
        if result.submit_id:
            return [answer_call(result.submit_id, text, is_error=True)]
        return [{"type": "text", "text": text}]

    def hand_in(self, end: RunEnd, workspace: Workspace) -> Submission:
        diff = ""
        if end.ending not in ("refused_diff", "no_change", "sandbox_failed"):
            try:
                diff = take_diff(workspace)
            except RefusedDiff as error:
                end = RunEnd("refused_diff", str(error))
        self.record({"kind": "end", "ended": end.ending, "detail": end.detail})
        return Submission(
            ended=end.ending,
            diff=diff,
            summary=self.summary,
            detail=end.detail,
            usage=self.usage,
            seconds=time.monotonic() - self.began_at,
            model=self.answering_model,
            version=self.surface.version,
        )
