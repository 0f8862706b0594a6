"""The worker against a scripted service: a real workspace, the real sandbox and tool host, real HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.messages_server import Answer, call, serving
from worker_agent.agent import run_agent
from worker_agent.model import MessagesModel, ModelEndpoint, Price
from worker_agent.records import Brief, Environment, Event, Limits, Submission
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.surface import DEFAULT_ROOT, load_surface
from worker_agent.workspace import make_template, open_workspace

FILES = {"calc.py": "def mean(n):\n    return sum(n) / len(n)\n", "README.md": "calc\n"}
BRIEF = Brief(title="mean of nothing", body="mean([]) should be 0.0")
FIX = call("edit_file", path="calc.py", old="/ len(n)", new="/ (len(n) or 1)")
DONE = call("submit", 2, summary="mean of nothing is 0")


class Run:
    """Runs the worker against a script and keeps what came of it."""

    def __init__(self, repo: Path, scratch: Path) -> None:
        self.repo, self.scratch = repo, scratch
        self.events: list[Event] = []
        self.requests: list[dict[str, Any]] = []

    def __call__(
        self,
        answer: Callable[[dict[str, Any], int], Answer],
        *,
        surface: Path = DEFAULT_ROOT,
        limits: Limits | None = None,
        checks: tuple[str, ...] = (),
        prices: dict[str, Price] | None = None,
    ) -> Submission:
        with serving(answer) as served:
            self.requests = served.requests
            model = MessagesModel(ModelEndpoint("m", served.url, retries=1, timeout_seconds=5, prices=prices or {}))
            return run_agent(
                BRIEF,
                surface=load_surface(surface),
                model=model,
                workspace=open_workspace(make_template(self.repo, "HEAD", self.scratch / "t"), self.scratch / "w"),
                sandbox=open_sandbox(),
                environment=Environment(checks=checks),
                limits=limits or Limits(command_seconds=20),
                record=self.events.append,
            )


def change_surface(root: Path, config: tuple[str, str] = ("", ""), **tools: str) -> Path:
    """Make the default surface with something changed in `root`."""
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, root / part)
    (root / "agent.toml").write_text((DEFAULT_ROOT / "agent.toml").read_text().replace(*config))
    for name, source in tools.items():
        (root / "tools" / f"{name}.py").write_text(source)
    return root
