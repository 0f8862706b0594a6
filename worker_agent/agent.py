"""The worker's loop: ask the model, act on its reply, look at the objective, until it is met or a limit is reached."""

from __future__ import annotations

import time
from collections.abc import Callable

from worker_agent.conversation import Conversation, TextConversation, ToolConversation, TurnResult
from worker_agent.model import ChatMessage, ContextTooLong, Model, ModelReply, ModelRequest, ModelUnavailable
from worker_agent.objective import Objective
from worker_agent.records import Brief, Environment, Event, Limits, RunEnding, Submission, Usage
from worker_agent.sandbox.job import Sandbox
from worker_agent.submission_diff import RefusedDiff, take_diff
from worker_agent.surface import Surface
from worker_agent.tool_host.session import ToolHostDied, ToolSession, ToolTimeout
from worker_agent.workspace import Workspace


class RunEnd(Exception):
    """The run ends here, and how."""

    def __init__(self, ended: RunEnding, detail: str = "") -> None:
        super().__init__(detail)
        self.ended, self.detail = ended, detail


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
    """Work on one ticket and hand in one submission. Whatever happens, the ending says what it was.

    `limits` are the person's; the surface may only lower them. `record` receives the transcript, event by event.
    Raises `ModelMisconfigured` only: then no run can succeed and the caller should stop.
    """
    limits = tighter_limits(limits, surface.config.limits)
    with ToolSession(sandbox, workspace.root, environment, surface) as session:
        run = _Run(surface, model, Objective(sandbox, workspace, environment, limits.command_seconds), limits, record)
        record({"kind": "start", "version": surface.version, "brief": brief.text})
        try:
            run.follow(brief, session)
        except RunEnd as stop:
            return run.hand_in(stop, workspace)
        except ModelUnavailable as error:
            return run.hand_in(RunEnd("model_unavailable", str(error)), workspace)
        except ContextTooLong as error:
            return run.hand_in(RunEnd("token_limit", str(error)), workspace)
        except (ToolHostDied, ToolTimeout) as error:
            return run.hand_in(RunEnd("sandbox_failed", str(error)), workspace)
        except RefusedDiff as error:
            return run.hand_in(RunEnd("refused_diff", str(error)), workspace)
        raise AssertionError("a run ends by Stop")


def tighter_limits(ours: Limits, surface: Limits) -> Limits:
    """For each limit the smaller one; `None` is no limit."""
    theirs = surface.model_dump()
    both = {name: [x for x in (ours_, theirs[name]) if x is not None] for name, ours_ in ours.model_dump().items()}
    return Limits.model_validate({name: min(values, default=None) for name, values in both.items()})


class _Run:
    def __init__(
        self,
        surface: Surface,
        model: Model,
        objective: Objective,
        limits: Limits,
        record: Callable[[Event], None],
    ) -> None:
        self.surface, self.model, self.objective, self.limits, self.record = (
            surface,
            model,
            objective,
            limits,
            record,
        )
        self.begun = time.monotonic()
        self.usage = Usage()
        self.answered: str | None = None
        self.summary = ""
        self.messages: list[ChatMessage] = []
        self.attempts = 0
        self.waited = 0.0
        """Seconds spent on calls that the service failed at first: they are not the worker's."""

    def follow(self, brief: Brief, session: ToolSession) -> None:
        conversation = self.conversation(session)
        self.messages = [{"role": "user", "content": [{"type": "text", "text": conversation.open(brief)}]}]
        while True:
            reply = self.ask(conversation)
            if not reply.content and len(self.messages) == 1:
                raise ModelUnavailable("the first answer was empty")
            acted = conversation.act(reply)
            content = list(acted.content)
            if acted.summary is not None:
                content += self.attempt(acted)
            if reply.content:  # the API refuses an empty assistant message
                self.messages.append({"role": "assistant", "content": reply.content})
            self.messages.append({"role": "user", "content": content})

    def conversation(self, session: ToolSession) -> Conversation:
        if self.surface.config.protocol == "text":
            return TextConversation(self.surface, session, self.record)
        conversation = ToolConversation(self.surface, session, self.limits, self.record)
        if conversation.errors:
            raise RunEnd("bad_surface", "; ".join(f"tools/{n}.py: {why}" for n, why in conversation.errors.items()))
        return conversation

    def ask(self, conversation: Conversation) -> ModelReply:
        self.check_limits()
        config = self.surface.config
        asked = time.monotonic()
        reply = self.model.ask(
            ModelRequest(
                system=self.surface.prompts["system.md"],
                messages=self.messages,
                tools=conversation.tools(),
                max_tokens=config.max_tokens,
                model=config.model,
                effort=config.effort,
            )
        )
        self.usage, self.answered = self.usage + reply.usage, reply.model
        self.waited += time.monotonic() - asked if reply.retried else 0.0
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
        if (seconds := time.monotonic() - self.begun - self.waited) >= limits.seconds:
            raise RunEnd("time_limit", f"{seconds:.0f} s")

    def attempt(self, acted: TurnResult) -> list[dict[str, object]]:
        """The model says that it is done: submit if the objective is met, else say what is missing."""
        self.attempts += 1
        self.summary = acted.summary or ""
        objection = self.objective.objection()
        self.record({"kind": "check", "objection": objection})
        if objection is None:
            raise RunEnd("submitted")
        if self.attempts >= self.surface.config.submit_attempts:
            raise RunEnd("checks_failed" if self.objective.failing else "no_change", objection[:2000])
        text = self.surface.prompt("not_done.md", objection=objection)
        if acted.submit_id:
            return [{"type": "tool_result", "tool_use_id": acted.submit_id, "content": text, "is_error": True}]
        return [{"type": "text", "text": text}]

    def hand_in(self, stop: RunEnd, workspace: Workspace) -> Submission:
        diff = ""
        if stop.ended not in ("refused_diff", "no_change", "sandbox_failed"):
            try:
                diff = take_diff(workspace)
            except RefusedDiff as error:
                stop = RunEnd("refused_diff", str(error))
        self.record({"kind": "end", "ended": stop.ended, "detail": stop.detail})
        return Submission(
            ended=stop.ended,
            diff=diff,
            summary=self.summary,
            detail=stop.detail,
            usage=self.usage,
            seconds=time.monotonic() - self.begun,
            model=self.answered,
            version=self.surface.version,
        )
