"""What the commands print, kept in a folder, so that a change that must not be seen can be held against it.

    python tests/golden.py record FOLDER [--heavy | --only-heavy]
    python tests/golden.py compare FOLDER_A [FOLDER_B]

Everything is done through the doors that users have (`meta`, `python -m ...`), with the interpreter that runs this
script and from the current folder, so the same script records an older checkout with that checkout's interpreter.
Without FOLDER_B, `compare` records anew. Figures (.json, .jsonl, .lines) and words (.txt) are reported apart.

The commands reach the stand-in for the model through an HTTP proxy in this process, which notes every request body.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Mask:
    """Something that differs between two recordings of the same code, what stands in its place, and why it differs."""

    name: str
    pattern: str
    by: str
    why: str


MASKS = (
    Mask("moment", r"\bDAY[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)?", "<moment>", "when it was recorded"),
    Mask("day", r"\bDAY\b", "<day>", "when it was recorded"),
    Mask("seconds", r"\b\d+\.\d+ ?s\b|(?<=tokens, )\d+ s\b|(?<=\bin )\d+ s\b", "<seconds> s", "how long it took"),
    Mask("seconds in JSON", r'(?<="seconds": )[\d.]+', '"<seconds>"', "how long it took"),
    Mask("progress", r"^  gate: .*: \d+ of \d+ replays, .*\n", "", "told only when some seconds have passed"),
    Mask("port", r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", "any free port is taken"),
    Mask("count of done", r"^  \d+/(?=\d+ (admitted|quarantined):)", "  <n>/", "finished side by side"),
)
"""All masks of words, besides the folders. DAY is the day of the recording, or the next: dates of the demo's history
are fixed and stay."""

SIDE_BY_SIDE = re.compile(r"  <n>/\d+ (admitted|quarantined):")
"""Lines that come in the order in which parallel work finishes: neighbours of this kind are sorted."""

TIMED = {"seconds", "grading_seconds"}
"""Columns of runs.db that hold how long something took."""

NAMED_AT_RANDOM = {"replays": "id", "transcripts": "replay"}
"""Columns of runs.db that hold a random id: each is replaced by the replay's rank, which is the same every time."""

COUNTED = {
    "calls": "select night, role, asked, model, ended, candidate, count(*) as rows, sum(calls) as calls,"
    " sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,"
    " sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_tokens) as cache_write_tokens, sum(usd) as usd,"
    " sum(reserved_tokens) as reserved_tokens from calls group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6",
}
"""Tables of which only sums are kept: parallel calls are written down in any order."""

ORDERED = {"replays": "asked", "transcripts": "(select asked from replays where id = replay)"}
"""How rows are ordered where their first columns do not say."""

NIGHT_SETTINGS = """\
[worker]
model = "stand-in"
retries = 0

[agent]
authors = ["demo-agent"]

[[repositories]]
path = "../project"
name = "team/tidybooks"
export = "../reviews.jsonl"

[replay]
parallel = 1

[tune]
replays = 60

[nightly]
patience_minutes = 0

[prices."stand-in"]
input = 3.0
output = 15.0
cache_read = 0.3
cache_write = 3.75
"""
"""Nights of one replay at a time, so that nothing depends on which of two was faster."""

SEED = 7


class Passing(ThreadingHTTPServer):
    """An HTTP proxy on loopback for loopback: passes requests on to where they were going, and notes their bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Through)
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Through(BaseHTTPRequestHandler):
    server: Passing
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.bodies.append(body)
        to = urlsplit(self.path)
        if to.hostname != "127.0.0.1":
            self.send_error(403)
            return
        upstream = http.client.HTTPConnection(to.hostname, to.port or 80, timeout=600)
        try:
            upstream.request("POST", to.path, body, {"content-type": "application/json"})
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked may be gone by now
            self.wfile.write(data)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Recorder:
    """One recording: runs commands and writes down, masked, what they print."""

    def __init__(self, folder: Path, root: Path, proxy: Passing) -> None:
        self.folder, self.root, self.proxy = folder, root, proxy
        day = "|".join(f"{datetime.now(UTC) + timedelta(days=n):%Y-%m-%d}" for n in (0, 1))
        self.masks = [(re.compile(m.pattern.replace("DAY", f"({day})"), re.MULTILINE), m.by) for m in MASKS]
        self.places = {str(root): "<root>", sys.prefix: "<environment>", str(Path.cwd()): "<checkout>"}
        self.agent = root / "demo" / "agent"
        kept = {n: v for n, v in os.environ.items() if not re.match(r"(?i)anthropic_|meta_|github_|git_|\w+_proxy$", n)}
        self.environment = kept | {
            "COLUMNS": "100",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "http_proxy": proxy.url,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_DATE": "2025-06-01T00:00:00Z",  # so that commits have the same ids every time
            "GIT_COMMITTER_DATE": "2025-06-01T00:00:00Z",
        } | {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.invalid"))
        }  # fmt: skip

    def masked(self, text: str) -> str:
        """The text without what differs between two recordings."""
        for place, name in self.places.items():
            text = text.replace(place, name)
        for pattern, by in self.masks:
            text = pattern.sub(by, text)
        return _settled(text)

    def keep(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text if text.endswith("\n") else text + "\n", "utf-8")

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run it to its end; what it leaves running is not waited for, so its output goes to files, not to pipes."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
            done = subprocess.run(
                [*map(str, command)], env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=words,
                check=False, timeout=1800,
            )  # fmt: skip
            for file in (output, words):
                file.seek(0)
            said = (file.read().decode("utf-8", "replace") for file in (output, words))
            return subprocess.CompletedProcess(done.args, done.returncode, *said)

    def command(self, name: str, *command: str | Path) -> None:
        """Run it and keep all it says: as figures when its result is JSON, which `--json` asks for."""
        done = self.run(command)
        shown = ["python", *command[1:]] if command[0] == sys.executable else command
        head = self.masked(" ".join(map(str, shown)))
        output, words = self.masked(done.stdout), self.masked(done.stderr)
        if "--json" in command:
            told = {"command": head, "exit": done.returncode, "result": _parsed(output)}
            self.keep(f"{name}.json", json.dumps(told, indent=1, ensure_ascii=False))
            if words:
                self.keep(f"{name}-said.txt", words)
        else:
            self.keep(f"{name}.txt", f"$ {head}\n{output}--- said, exit code {done.returncode}\n{words}")

    def meta(self, name: str, *arguments: str | Path) -> None:
        """A command of `meta` in the agent's folder; paths beside it are given whole."""
        whole = [(self.agent / word).resolve() if str(word).startswith("../") else word for word in arguments]
        self.command(name, sys.executable, "-m", "meta", "-C", self.agent, *whole)

    def git(self, *arguments: str) -> str:
        """Git in the agent's repository, by this script itself."""
        done = self.run(["git", "-C", self.agent, *arguments])
        done.check_returncode()
        return str(done.stdout)

    def requests(self, name: str) -> None:
        """Keep what the stand-in was asked since the last time: how often each body came, and what it is about."""
        bodies, self.proxy.bodies = self.proxy.bodies, []
        asked = Counter(_about(self.masked(body.decode("utf-8", "replace"))) for body in bodies)
        lines = [json.dumps({**json.loads(about), "times": n}, ensure_ascii=False) for about, n in asked.items()]
        self.keep(f"{name}.jsonl", "\n".join(sorted(lines)))


def _parsed(output: str) -> Any:
    """The JSON documents of an output, one a line; the words themselves where it has none."""
    try:
        lines = [json.loads(line) for line in output.splitlines() if line.strip()]
    except ValueError:
        return output.splitlines()
    return lines[0] if len(lines) == 1 else lines


def _settled(text: str) -> str:
    """The same lines, with neighbours sorted that come in any order."""
    lines, run = list[str](), list[str]()
    for line in text.splitlines(keepends=True):
        if SIDE_BY_SIDE.match(line):
            run.append(line)
            continue
        lines += [*sorted(run), line]
        run = []
    return "".join([*lines, *sorted(run)])


def _about(body: str) -> str:
    """A request body in a line: enough to find it, and its digest."""
    asked = json.loads(body)
    first = asked["messages"][0]["content"]
    text = first if isinstance(first, str) else "\n".join(block.get("text", "") for block in first)
    about = {"first": text[:50], "messages": len(asked["messages"]), "tools": len(asked.get("tools", []))}
    digest = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({**about, "characters": len(body), "sha256": digest}, ensure_ascii=False)


# What is recorded.


def helps(recorder: Recorder) -> None:
    """The help of every command, found from the help of those above it, and of the modules that can be run."""
    todo: list[tuple[str, ...]] = [()]
    pages = []
    while todo:
        words = todo.pop(0)
        done = recorder.run([sys.executable, "-m", "meta", *words, "--help"])
        pages.append(f"$ meta {' '.join([*words, '--help'])}\n{done.stdout}{done.stderr}")
        _, _, commands = done.stdout.partition("\nCommands:\n")
        todo += [(*words, name) for name in re.findall(r"^  (\S+)", commands, re.MULTILINE)]
    recorder.keep("help.txt", recorder.masked("\n".join(pages)))
    console = Path(sys.executable).with_name("meta")
    recorder.command("help-console-script", sys.executable, console)
    for module in ("meta.demo.standin", "bench.gate", "bench.cheats", "worker_agent"):
        recorder.command(f"help-{module}", sys.executable, "-m", module, "--help")


def demo(recorder: Recorder) -> None:
    """The demo, what it asked the stand-in, and what it left behind."""
    folder = recorder.agent.parent
    recorder.command("demo", sys.executable, "-m", "meta", "demo", "--seed", str(SEED), "--json", "--keep", folder)
    recorder.requests("demo-requests")
    database(recorder, "demo")
    history(recorder, "demo")


LOOKS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "tickets-list": ("tickets", "list"),
    "outlook": ("outlook",),
    "proposals-list": ("proposals", "list"),
    "feedback-list": ("feedback", "list"),
}
"""Commands that only look, kept as figures and as words."""

PAGES: dict[str, tuple[str, ...]] = {
    "doctor": ("doctor",),
    "selftest": ("selftest", "--seed", "1", "--json"),
    "selftest-words": ("selftest", "--seed", "2", "--nulls", "20"),
    "proposals-show": ("proposals", "show", "1"),
    "proposals-audit": ("proposals", "show", "1", "--audit"),
    "tickets": ("tickets",),
    "tickets-show": ("tickets", "show", "TB-101"),
    "feedback": ("feedback",),
    "feedback-filtered": ("feedback", "list", "--kind", "rejected", "--cause", "too_wide"),
    "feedback-show": ("feedback", "show", "#1"),
    "feedback-show-json": ("feedback", "show", "#1", "--json"),
    "init-show": ("init", "--show"),
    "init-github": ("init", "--github", "--show"),
    "refused-init": ("init",),
    "refused-account": ("nightly", "--account"),
    "refused-until": ("nightly", "--until", "25:00"),
    "refused-ticket": ("tickets", "show", "TB-999"),
    "refused-replay": ("replay", "--ticket", "TB-999"),
    "refused-proposal": ("proposals", "show", "99"),
    "refused-rollback": ("proposals", "rollback", "99"),
    "refused-kind": ("feedback", "list", "--kind", "lost"),
    "refused-pull": ("feedback", "show", "#999"),
    "refused-mine": ("tickets", "mine", "nowhere"),
    "refused-work": ("work",),
    "refused-pr": ("work", "TB-101", "--pr"),
    "refused-file": ("work", "nothing.md"),
    "refused-source": ("ingest-feedback", "--source", "nowhere"),
    "refused-publish": ("proposals", "publish", "1"),
    "refused-schedule": ("schedule", "install", "moon"),
    "refused-option": ("status", "--loud"),
}
"""Commands that only look, or are refused."""


def looks(recorder: Recorder) -> None:
    """What can be seen of the demo afterwards, and how commands say no."""
    for name, words in LOOKS.items():
        recorder.meta(name, *words, "--json")
        recorder.meta(f"{name}-words", *words)
    for name, words in PAGES.items():
        recorder.meta(name, *words)
    for name, words in {"status": ("status",), "demo": ("demo", "--keep", "."), "list": ("tickets", "list")}.items():
        empty = recorder.root / f"no-{name}"
        empty.mkdir()
        (empty / "note").touch()
        recorder.command(f"empty-{name}", sys.executable, "-m", "meta", "-C", empty, *words)


def standin(recorder: Recorder) -> None:
    """Some requests straight to the stand-in, good and bad ones."""
    hello = {"model": "stand-in", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/stand-in", None),
        ("GET", "/v1/models/other", None),
        ("POST", "/v1/messages", hello),
        ("POST", "/v1/messages", hello | {"stream": True}),
        ("POST", "/v1/messages", hello | {"messages": []}),
        ("POST", "/v1/messages", hello | {"loud": True}),
        ("POST", "/v1/elsewhere", hello),
    ]
    told = []
    with served(recorder) as url:
        to = urlsplit(url)
        for method, path, body in asked:
            connection = http.client.HTTPConnection(str(to.hostname), to.port, timeout=60)
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            told.append([method, path, body, answer.status, json.loads(answer.read())])
            connection.close()
    recorder.keep("standin.json", recorder.masked(json.dumps(told, indent=1)))


@contextlib.contextmanager
def served(recorder: Recorder) -> Iterator[str]:
    """The stand-in as a process of its own; gives its address."""
    command = [sys.executable, "-m", "meta.demo.standin", "--port", "0", "--seed", str(SEED)]
    with subprocess.Popen(command, env=recorder.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if not found:
                raise SystemExit(f"the stand-in does not say where it answers: {line!r}")
            yield found[0]
        finally:
            process.terminate()
            process.wait(30)


def night(recorder: Recorder) -> None:
    """The loop from its beginning in the demo's folder, command by command, one replay at a time; the second night goes
    on with what the first had no budget for."""
    begin_anew(recorder)
    with served(recorder) as url:
        recorder.environment["ANTHROPIC_BASE_URL"] = url
        for name, words in NIGHTS.items():
            recorder.meta(name, *words)
            if name == "night-2":
                recorder.requests("night-requests")
                shutil.copytree(recorder.agent, recorder.agent.with_name("copy"), symlinks=True)
        recorder.requests("after-requests")
        del recorder.environment["ANTHROPIC_BASE_URL"]
    copy = recorder.agent.with_name("copy")
    turned_down = ("proposals", "reject", "1", "--reason", "not now")
    recorder.command("proposals-reject", sys.executable, "-m", "meta", "-C", copy, *turned_down)
    database(recorder, "night")
    history(recorder, "night")


def begin_anew(recorder: Recorder) -> None:
    """Take the agent's repository back to its first commit, without anything that `meta` knew or made."""
    agent = recorder.agent
    for known in (*agent.glob("runs.db*"), agent / ".meta"):
        shutil.rmtree(known) if known.is_dir() else known.unlink()
    recorder.git("reset", "-q", "--hard", recorder.git("rev-list", "--max-parents=0", "HEAD").strip())
    for ref in recorder.git("for-each-ref", "--format=%(refname)").split():
        if ref != "refs/heads/main":
            recorder.git("update-ref", "-d", ref)
    (agent / "meta.toml").write_text(NIGHT_SETTINGS, "utf-8")
    recorder.git("commit", "-q", "-a", "-m", "Settings of quiet nights")


NIGHTS: dict[str, tuple[str, ...]] = {
    "night-begun": ("status",),
    "ingest": ("ingest-feedback",),
    "ingest-again": ("ingest-feedback", "--json"),
    "tickets-add": ("tickets", "add", "../tickets.jsonl", "--no-check"),
    "tickets-check": ("tickets", "check", "--runs", "1"),
    "night-1": ("nightly", "--json"),
    "night-1-account": ("nightly", "--account"),
    "night-2": ("nightly", "--json"),
    "night-2-account": ("nightly", "--account"),
    "night-2-status": ("status",),
    "night-2-outlook": ("outlook",),
    "propose": ("propose", "--no-review"),
    "proposals-pending": ("proposals", "show", "1"),
    "proposals-pending-audit": ("proposals", "show", "1", "--audit"),
    "proposals-accept": ("proposals", "accept", "1"),
    "accepted-status": ("status", "--json"),
    "replay": ("replay", "--ticket", "TB-101", "--ticket", "TB-110", "--json"),
    "replay-words": ("replay", "-k", "2", "--ticket", "TB-101", "--version", "HEAD~1"),
    "work": ("work", "TB-103"),
    "proposals-rollback": ("proposals", "rollback", "1", "--reason", "a trial"),
    "proposals-rolled-back": ("proposals", "list", "--json"),
    "tickets-from-feedback": ("tickets", "from-feedback", "--no-draft", "--json"),
    "tickets-from-feedback-words": ("tickets", "from-feedback", "--no-draft"),
    "tickets-mine": ("tickets", "mine", "../project", "--limit", "2"),
    "feedback-judge": ("feedback", "judge"),
    "feedback-correct": ("feedback", "correct", "#22", "too_wide", "--reason", "It rewrote the parser."),
    "feedback-corrected": ("feedback", "show", "#22"),
}
"""The loop from its beginning, in this order: most of these change what the next ones see."""


def history(recorder: Recorder, name: str) -> None:
    """The commits and branches that were made in the agent's repository."""
    log = ("log", "--all", "--format=%H %T %an <%ae> %cn%n%D%n%B", "--stat")
    recorder.command(f"{name}-git", "git", "-C", recorder.agent, *log)


# runs.db.


def database(recorder: Recorder, name: str) -> None:
    """Every table of runs.db, a row a line, without what differs between two runs."""
    with contextlib.closing(sqlite3.connect(recorder.agent / "runs.db")) as db:
        db.row_factory = sqlite3.Row
        ranks = {row["id"]: f"<replay {row['asked']}>" for row in db.execute("select id, asked from replays")}
        schema = [row["sql"] for row in db.execute("select sql from sqlite_master where sql is not null order by name")]
        recorder.keep(f"{name}-db-schema.txt", "\n".join(schema))
        tables = [
            row["name"] for row in db.execute("select name from sqlite_master where type = 'table' order by name")
        ]
        for table in tables:
            order = ORDERED.get(table, "1, 2")
            rows = db.execute(COUNTED.get(table, f"select * from {table} order by {order}"))
            lines = [json.dumps(_row(recorder, table, dict(row), ranks), ensure_ascii=False) for row in rows]
            recorder.keep(f"{name}-db-{table.strip('_')}.jsonl", "\n".join(lines))


def _row(recorder: Recorder, table: str, row: dict[str, Any], ranks: dict[str, str]) -> dict[str, Any]:
    for column, value in row.items():
        if column in TIMED:
            row[column] = "<seconds>"
        elif column == NAMED_AT_RANDOM.get(table):
            row[column] = ranks[value]
        elif isinstance(value, bytes):  # a transcript: zlib of JSON lines
            text = recorder.masked(zlib.decompress(value).decode())
            row[column] = {"lines": len(text.splitlines()), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        elif isinstance(value, str):
            row[column] = recorder.masked(value)
    return row


# The gate.


class GateProcess:
    """`python -m meta.tune.gate`: a line in, a line out; keeps the conversation."""

    def __init__(self, recorder: Recorder) -> None:
        command = [sys.executable, "-m", "meta.tune.gate"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=recorder.environment, stdin=pipe, stdout=pipe, text=True)
        self.lines: list[str] = []

    def say(self, line: object) -> dict[str, Any]:
        text = line if isinstance(line, str) else json.dumps(line)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        self.lines += [f"-> {text}", f"<- {reply.rstrip()}"]
        answer: dict[str, Any] = json.loads(reply)
        return answer

    def decide(self, theme: Sequence[int], passes: Callable[[str, int, int], bool | None]) -> None:
        """Put a candidate through its test; `passes` says how the n-th replay ends."""
        reply, made = self.say({"op": "candidate", "theme": list(theme)}), 0
        while "run" in reply:
            outcomes = [passes(arm, ticket, made + n) for n, (arm, ticket) in enumerate(reply["run"])]
            made += len(outcomes)
            reply = self.say({"op": "outcomes", "y": [None if y is None else int(y) for y in outcomes]})
        self.say({"op": "record"})

    def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(30)


NONSENSE: tuple[object, ...] = (
    "nonsense",
    "[1]",
    {"op": "dance"},
    {"op": "record"},
    {"op": "outcomes", "y": []},
    {"op": "candidate", "theme": []},
    {"op": "incumbent", "n": 0},
    {"op": "incumbent", "n": "many"},
    {"op": "incumbent", "n": 16, "alpha": 2},
    {"op": "incumbent", "n": 16, "alhpa": 0.1},
    {"op": "incumbent", "n": 2, "weights": [3.0, 1.0]},
    {"op": "incumbent", "n": 3, "stale": [[1, 1]]},
    {"op": "incumbent", "n": 4, "budget": "much"},
)


def _lifts(arm: str, ticket: int, n: int) -> bool:
    """The incumbent fails the first half of the tickets; the candidate passes all but now and then one."""
    return (ticket >= 8 or arm == "candidate") and n % 11 != 10


def _like_it(arm: str, ticket: int, n: int) -> bool | None:
    """Both arms pass alike; now and then a replay is void."""
    return None if n % 13 == 12 else (ticket * 7 + n * 5) % 3 > 0


def gate(recorder: Recorder) -> None:
    """A scripted conversation with the gate: nonsense, candidates that help and that do not, in several settings."""
    process = GateProcess(recorder)
    for line in NONSENSE:
        process.say(line)
    stale = [[0.35, 3.45] if ticket < 8 else [3.35, 0.45] for ticket in range(16)]
    settings: list[dict[str, Any]] = [
        {"n": 16, "alpha": 0.1},
        {"n": 16, "alpha": 0.1, "stale": stale},
        {"n": 16, "alpha": 0.2, "stale": stale, "parallel": 4, "k": 1},
        {"n": 16, "alpha": 0.1 / 60, "stale": stale, "budget": 60},
        {"n": 16, "alpha": 0.1, "weights": [0.5] * 8 + [1.5] * 8, "parallel": 3},
        {"n": 4, "alpha": 0.2, "trust_themes": False},
    ]
    for each in settings:
        process.say({"op": "incumbent", **each})
        theme = range(min(8, each["n"]))
        process.decide(theme, _lifts)
        process.decide(theme, _like_it)
        process.decide((), _lifts)
    process.say({"op": "candidate", "theme": [99]})
    process.say({"op": "outcomes", "y": ["yes"]})
    recorder.keep("gate-conversation.lines", "\n".join([*process.lines, f"exit code {process.close()}"]))


def bench(recorder: Recorder) -> None:
    """The gate's bench on few candidates; its figures and its table."""
    small = (sys.executable, "-m", "bench.gate", "--seed", "2", "--candidates", "8")
    recorder.command("bench-gate", *small, "--json")
    recorder.command("bench-gate-words", *small)
    recorder.command("bench-gate-refused", sys.executable, "-m", "bench.gate", "--candidates", "0")


def heavy(recorder: Recorder) -> None:
    """What takes minutes: all cheats, the gate's bench as it is documented, and a demo with other luck, as a person
    sees it."""
    recorder.command("heavy-bench-cheats", sys.executable, "-m", "bench.cheats", "--json")
    recorder.command("heavy-bench-gate", sys.executable, "-m", "bench.gate", "--seed", "2", "--json")
    other = recorder.root / "other"
    recorder.command("heavy-demo", sys.executable, "-m", "meta", "demo", "--seed", "8", "--keep", other)
    recorder.requests("heavy-demo-requests")


# Recording and comparing.

PARTS: tuple[Callable[[Recorder], None], ...] = (helps, gate, bench, standin, demo, looks, night)


def record(folder: Path, parts: Sequence[Callable[[Recorder], None]]) -> None:
    """Write these parts of a recording into `folder`; what an older one of all parts left there goes first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if demo in parts and old.suffix in FIGURES | WORDS:
            old.unlink()
    root = Path(tempfile.mkdtemp(prefix="golden-")).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Passing() as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            recorder = Recorder(folder, root, proxy)
            for part in parts:
                begun = time.monotonic()
                part(recorder)
                print(f"{part.__name__}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        finally:
            proxy.shutdown()
            shutil.rmtree(root, ignore_errors=True)


FIGURES, WORDS = {".json", ".jsonl", ".lines"}, {".txt"}


def compare(first: Path, second: Path) -> int:
    """Print how two recordings differ, figures and words apart; returns the exit code."""
    differing = 0
    for what, suffixes in (("FIGURES", FIGURES), ("WORDS", WORDS)):
        names = sorted({p.name for folder in (first, second) for p in folder.iterdir() if p.suffix in suffixes})
        found = [(name, diff) for name in names if (diff := _difference(first / name, second / name))]
        print(f"{what}: {len(found)} of {len(names)} files differ")
        for name, diff in found:
            print(f"\n=== {name}\n{diff}")
        differing += len(found)
    return int(bool(differing))


def _difference(first: Path, second: Path) -> str:
    """A unified diff; nothing where they are alike, or where only one of them was recorded with --heavy."""
    missing = [path for path in (first, second) if not path.exists()]
    if missing and missing[0].name.startswith("heavy-"):
        return ""
    if missing:
        return f"{missing[0]} is missing"
    before, after = (path.read_text("utf-8").splitlines() for path in (first, second))
    return "\n".join(difflib.unified_diff(before, after, str(first), str(second), lineterm="", n=2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="record what the commands print")
    recording.add_argument("folder", type=Path)
    comparing = commands.add_parser("compare", help="show how two recordings differ")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path, nargs="?", help="default: a new recording")
    for each in (recording, comparing):
        each.add_argument("--heavy", action="store_true", help="also what takes minutes")
    recording.add_argument("--only-heavy", action="store_true", help="only that, beside what is there")
    given = parser.parse_args()
    parts = (*PARTS, heavy) if given.heavy else PARTS
    if given.command == "record":
        record(given.folder, (heavy,) if given.only_heavy else parts)
        return 0
    if given.second:
        return compare(given.first, given.second)
    with tempfile.TemporaryDirectory(prefix="golden-new-") as folder:
        record(Path(folder), parts)
        return compare(given.first, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
