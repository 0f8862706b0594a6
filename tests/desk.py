"""A folder with an agent, a project beside it, and `meta` to run there as a person would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meta.cli.entry import run_command_line
from meta.records.ticket import Admission, Ticket
from meta.store.store import Store
from tests.messages_server import call, message
from worker_agent.surface import DEFAULT_ROOT

PROJECT = {
    "calc.py": "def mean(n):\n    return sum(n) / len(n)\n",
    "test_calc.py": "from calc import mean\n\n\ndef test_mean():\n    assert mean([2, 4]) == 3\n",
}
HIDDEN = PROJECT["test_calc.py"] + "\n\ndef test_mean_of_nothing():\n    assert mean([]) == 0\n"
GOLD = """\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def mean(n):
-    return sum(n) / len(n)
+    return sum(n) / (len(n) or 1)
"""
FIX = message(call("edit_file", path="calc.py", old="/ len(n)", new="/ (len(n) or 1)"))
DONE = message(call("submit", 2, summary="mean of nothing is 0"))


_ADMITTED: dict[str, Ticket] = {}
"""Tickets that were tried in this process, by what was changed in them."""


class Desk:
    """A folder with an agent, a project beside it, and `meta` to run there."""

    def __init__(
        self, root: Path, project: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.root, self.project, self.capsys, self.patch = root, project, capsys, patch

    def meta(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self.patch.setattr(sys, "argv", ["meta", "-C", str(self.root), *arguments])
        code = run_command_line()
        self.patch.chdir("/")
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def point_at(self, url: str) -> None:
        self.patch.setenv("ANTHROPIC_BASE_URL", url)
        self.patch.setenv("ANTHROPIC_MODEL", "m")

    def ticket(self, **changed: object) -> Path:
        fields = {
            "id": "mean",
            "title": "Mean of nothing",
            "body": "It should be 0.",
            "repo": str(self.project),
            "base_commit": "HEAD",
            "fail_to_pass": ["test_calc.py::test_mean_of_nothing"],
            "pass_to_pass": ["test_calc.py::test_mean"],
            "hidden": {"test_calc.py": HIDDEN},
            "gold": GOLD,
            "environment": {"project": False},
        }
        path = self.root / "tickets.jsonl"
        path.write_text(json.dumps(fields | changed) + "\n")
        return path

    def with_ticket(self, **changed: object) -> None:
        """Add an admitted ticket. One is really tried for each set of fields; later desks get the same result."""
        key, path = json.dumps(changed, sort_keys=True), self.ticket(**changed)
        if key not in _ADMITTED:
            code, out, err = self.meta("tickets", "add", str(path))
            assert (code, out.splitlines()[-1]) == (0, "1 admitted, 0 quarantined"), err
            with closing(Store(self.root / "runs.db")) as store:
                _ADMITTED[key] = store.tickets.admitted()[-1]
            return
        ticket = _ADMITTED[key].model_copy(update={"repo": str(self.project)})
        with closing(Store(self.root / "runs.db")) as store:
            store.tickets.add(ticket)
            store.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted", runs=3))


def make_agent(root: Path) -> Path:
    """Make a repository with the built-in agent."""
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, root / "worker_agent" / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DEFAULT_ROOT / "agent.toml", root / "worker_agent")
    (root / ".gitignore").write_text("runs.db*\n.meta/\ntickets.jsonl\n")
    (root / "meta.toml").write_text("[worker]\nretries = 0\n[replay]\nparallel = 2\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "agent"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root
