"""Measures what a replay costs besides the tests that it runs.

    python -m bench.overhead [--blocks 20] [--parallel 2] [--files 20] [--json]

It compares a null worker on a ticket with one test to the bare test command. Both take turns in the same run: a block
of replays, `--parallel` at a time, then the same number of runs of `python -m pytest` on the one test in a prepared
checkout, with the same parallelism, interpreter and plugins. A replay is complete: the workspace, the worker's loop
with one edit by a tool in its sandbox (the model answers at once), the diff, the second workspace, protected and hidden
files, bait, the tests, the checks that read the change, the verdict, and the record in runs.db. `ratio` is the median
over blocks of the replays' seconds divided by those of the bare runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.cheats.naive import lay_out
from bench.cheats.shop import BASE, RIGHT
from meta.disk.cache import Cache
from meta.disk.scratch import close_scratch, open_scratch
from meta.environments.environment import build_environment
from meta.environments.workshop import Workshop, template_of
from meta.records.ticket import Grader, HiddenFile, Ticket
from meta.replay.executor import LocalExecutor
from meta.replay.run import FinishedReplay, ReplayJob
from meta.store.store import Store
from meta.workers.own_worker import OwnWorker
from worker_agent.git import META_IDENTITY, run_git
from worker_agent.model import ModelReply, ModelRequest
from worker_agent.records import Limits, Usage
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.surface import DEFAULT_ROOT, Surface, load_surface
from worker_agent.workspace import open_workspace

TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
NODE = "tests/test_calc.py::test_add"


class NullModel:
    """Answers at once: first with the edit, then with the submission."""

    def ask(self, request: ModelRequest) -> ModelReply:
        edit = {"path": "calc.py", "old": "return a - b", "new": "return a + b"}
        call: dict[str, Any] = {"name": "edit_file", "input": edit}
        if len(request.messages) > 1:
            call = {"name": "submit", "input": {"summary": "Add, not subtract."}}
        return ModelReply(
            [{"type": "tool_use", "id": f"call-{len(request.messages)}", **call}],
            "tool_use",
            "null",
            Usage(calls=1, input_tokens=1, output_tokens=1, usd=0.0),
        )


class Contest:
    """A repository with a ticket, a store, and both ways to run its test."""

    def __init__(self, folder: Path, files: int, parallel: int) -> None:
        self.parallel, self.folder = parallel, folder
        repository = folder / "shop"
        lay_out(repository, BASE)
        lay_out(repository, {f"data/part{n % 20}/file{n}.txt": f"{n}\n" * 40 for n in range(files - len(BASE))})
        run_git("init", "-q", cwd=repository)
        run_git("add", "-A", cwd=repository)
        run_git("commit", "-q", "-m", "base", cwd=repository, env=META_IDENTITY)
        base = run_git("rev-parse", "HEAD", cwd=repository).strip()
        self.ticket = Ticket(
            id="calc",
            title="The sum is wrong",
            repo=str(repository),
            base_commit=base,
            grader=Grader(
                fail_to_pass=(NODE,),
                hidden=(HiddenFile(path="tests/test_calc.py", content=TEST.encode()),),
                checks=("existing tests", "stray files", "noise", "size"),
            ),
        )
        self.sandbox = open_sandbox()
        open_scratch(folder / "cache", parallel)
        self.cache = Cache(folder / "cache")
        worker = OwnWorker(NullModel(), Limits())
        self.executor = LocalExecutor(worker, Workshop(self.cache, lambda: self.sandbox), parallel)
        self.surface: Surface = load_surface(DEFAULT_ROOT)
        self.store = Store(folder / "runs.db")
        self.store.tickets.add(self.ticket)
        self.template = template_of(self.ticket, self.cache)
        self.environment = build_environment(self.ticket.environment, repository, base, folder / "environments")
        self.checkout = open_workspace(self.template, folder / "bare").root
        lay_out(self.checkout, {"calc.py": RIGHT, "tests/test_calc.py": TEST})

    def made(self, number: int) -> Iterator[FinishedReplay]:
        """Yield this many replays as they finish; exit if one does not pass."""
        jobs = [ReplayJob(n, self.ticket, self.surface, "measure") for n in range(number)]
        for _, done in self.executor.run(jobs):
            if done.replay.verdict != "passed":
                raise SystemExit(f"a replay ended as {done.replay.verdict}: {done.replay.reason}")
            yield done

    def keep(self, done: FinishedReplay) -> None:
        self.store.replays.add(done.replay, done.events)

    def replays(self, number: int) -> None:
        for done in self.made(number):
            self.keep(done)

    def bare(self, number: int) -> None:
        variables = {
            "PATH": os.pathsep.join([*self.environment.path, "/usr/bin", "/bin"]),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.environment.variables,
        }

        def one(_: int) -> None:
            command = ["python", "-m", "pytest", "-q", NODE]
            subprocess.run(command, cwd=self.checkout, env=variables, capture_output=True, check=True)

        with ThreadPoolExecutor(self.parallel) as pool:
            list(pool.map(one, range(number)))

    def workspace_ms(self, number: int = 20) -> float:
        found = []
        for n in range(number):
            begun = time.perf_counter()
            open_workspace(self.template, self.cache.scratch() / f"workspace-{n}")
            found.append(time.perf_counter() - begun)
        return 1000 * statistics.median(found)

    def close(self) -> None:
        self.store.close()
        close_scratch(self.cache.root)


def seconds(work: Callable[[int], None], number: int) -> float:
    begun = time.perf_counter()
    work(number)
    return (time.perf_counter() - begun) / number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--blocks", type=int, default=20, help="blocks of each side, after a warm-up block")
    parser.add_argument("--size", type=int, default=6, help="replays (and bare runs) in a block")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--files", type=int, default=20, help="files in the repository")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-", ignore_cleanup_errors=True) as folder:
        bench = Contest(Path(folder), arguments.files, arguments.parallel)
        pairs = []
        for block in range(arguments.blocks + 1):
            pair = seconds(bench.replays, arguments.size), seconds(bench.bare, arguments.size)
            if block:
                pairs.append(pair)
        big = Contest(Path(folder) / "big", 700, arguments.parallel)
        result = {
            "ratio": round(statistics.median(ours / bare for ours, bare in pairs), 2),
            "replay_ms": round(1000 * statistics.median(ours for ours, _ in pairs)),
            "bare_ms": round(1000 * statistics.median(bare for _, bare in pairs)),
            "replays": arguments.size * arguments.blocks,
            "parallel": arguments.parallel,
            "workspace_ms": round(big.workspace_ms(), 1),
            "workspace_files": 700,
        }
        for each in (bench, big):
            each.close()
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:<16} {value}")


if __name__ == "__main__":
    main()
