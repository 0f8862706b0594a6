"""Other troubles: the service, runs.db, signals, repositories, people at work."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.faults.moments import resume, send_signal, stop_at
from bench.faults.running import Running, find_last_words, find_leftovers, open_runs, read_verdicts
from bench.faults.service import FAULTS, MODEL_FAULTS, Service
from bench.small_house import copy_house
from meta.demo.folders import DemoFolders

Result = dict[str, object]
CLEAR = (0, 1, 3, 4)


BURST, A_MINUTE = 40, 120
"""Most requests to a service in trouble: when the trouble begins, and in each minute of it. Faults of the model itself
do not count; a run with one ends at its limits."""


def break_service(
    name: str, model: DemoFolders, service: Service, where: Path, seconds: float, after: int = 2
) -> Result:
    """Run a night whose service is in trouble for a while from replay `after` on."""
    house = copy_house(model, where / "house")
    running = Running(house, service.url, temporary=where / "tmp")
    _until(lambda: service_has_begun(house, after), running, 120)
    before, refused = set(read_verdicts(house)), service.refused
    service.trouble = FAULTS[name]
    _until(lambda: after > 0 or service.refused > refused, running, 120)
    begun = time.monotonic()
    _until(lambda: time.monotonic() - begun > seconds, running, seconds + 1)
    hit = service.refused - refused
    took = time.monotonic() - begun
    service.trouble = None
    code = running.wait(600)
    again = code
    if code == 1:  # a clear stop: the next start resumes it
        again = Running(house, service.url, temporary=where / "tmp").wait(600)
    with open_runs(house) as db:
        hurt = db.execute(
            "select r.id, r.verdict, r.ended from replays r where exists (select 1 from calls c where c.replay = r.id"
            " and c.ended != 'answered')"
        ).fetchall()
        void = db.execute("select count(*) from replays where verdict = 'void'").fetchone()[0]
        unchanged = "select id, verdict from replays where ended = 'no_change' and verdict = 'failed'"
        empty = db.execute(unchanged).fetchall()
    false_failed = [row for row in hurt if row[1] == "failed"]
    if name not in MODEL_FAULTS:
        false_failed += [row for row in empty if row[0] not in before]
    return {
        "fault": name,
        "from_replay": after,
        "seconds": round(took),
        "code": code,
        "then": again,
        "requests_in_trouble": hit,
        "too_many_requests": name not in MODEL_FAULTS and hit > BURST + A_MINUTE * took / 60,
        "void": void,
        "false_failed": len(false_failed),
        "traceback": "Traceback" in running.words(),
        "left": find_leftovers(house, where / "tmp"),
        "said": find_last_words(running),
    }


def service_has_begun(house: DemoFolders, replays: int) -> bool:
    with contextlib.suppress(sqlite3.Error), open_runs(house) as db:
        return bool(db.execute("select count(*) from replays").fetchone()[0] >= replays)
    return False


def lock_database(model: DemoFolders, service: Service, where: Path) -> Result:
    """Lock runs.db during the whole night."""
    house = copy_house(model, where / "house")
    other = sqlite3.connect(house.agent / "runs.db", isolation_level=None)
    other.execute("begin exclusive")
    running = Running(house, service.url, temporary=where / "tmp")
    code = running.wait(120)
    other.rollback()
    other.close()
    then = Running(house, service.url, temporary=where / "tmp").wait(600)
    return {
        "fault": "runs.db locked",
        "code": code,
        "then": then,
        "said": find_last_words(running),
        "traceback": "Traceback" in running.words(),
    }


def corrupt_database(model: DemoFolders, service: Service, where: Path, draw: random.Random) -> Result:
    """Overwrite pages of runs.db between two nights.

    The next start must notice and offer a copy that works.
    """
    house = copy_house(model, where / "house")
    Running(house, service.url, temporary=where / "tmp").wait(600)
    path = house.agent / "runs.db"
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096, 3):
            file.seek(page * 4096)
            file.write(draw.randbytes(2000))
    running = Running(house, service.url, temporary=where / "tmp")
    code, words = running.wait(120), running.words()
    for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
        (house.agent / name).unlink(missing_ok=True)
    shutil.copy(house.agent / "runs.db.backup", path)
    then = Running(house, service.url, temporary=where / "tmp").wait(600)
    return {
        "fault": "runs.db corrupted",
        "code": code,
        "then": then,
        "copy offered": "cp runs.db.b" in words,
        "said": find_last_words(running),
        "traceback": "Traceback" in words,
    }


def stop_by_signal(number: int, stage: str, after: float, model: DemoFolders, service: Service, where: Path) -> Result:
    """Send SIGTERM or SIGINT during a stage; the next start must resume the night."""
    house = copy_house(model, where / "house")
    settings = house.agent / "meta.toml"
    plain = settings.read_text()
    if stage == "mined tickets":
        settings.write_text(plain + "mine = 1\n")
    running = Running(house, service.url, temporary=where / "tmp")
    reached = stop_at(running, house, stage, after)
    begun = time.monotonic()
    send_signal(running, number)
    resume(running)
    code = running.wait(60)
    took, seen = time.monotonic() - begun, read_verdicts(house)
    left = find_leftovers(house, where / "tmp", over=False)
    settings.write_text(plain)
    then = Running(house, service.url, temporary=where / "tmp").wait(600)
    now = read_verdicts(house)
    return {
        "fault": f"{signal.Signals(number).name} {after:.2f} s into {reached or stage}",
        "reached": bool(reached),
        "code": code,
        "then": then,
        "seconds": round(took, 1),
        "lost": sum(now.get(n) != v for n, v in seen.items()),
        "traceback": "Traceback" in running.words(),
        "left": left + find_leftovers(house, where / "tmp"),
        "said": find_last_words(running),
    }


def move_repository(model: DemoFolders, service: Service, where: Path) -> Result:
    """Move the project's clone away during a night, and put it back."""
    house = copy_house(model, where / "house")
    running = Running(house, service.url, temporary=where / "tmp")
    _until(lambda: service_has_begun(house, 3), running, 120)
    away = house.root / "away"
    house.project.rename(away)
    code = running.wait(600)
    away.rename(house.project)
    then = Running(house, service.url, temporary=where / "tmp").wait(600)
    with open_runs(house) as db:
        quarantined = db.execute("select count(*) from tickets where status = 'quarantined'").fetchone()[0]
    return {
        "fault": "repository gone",
        "code": code,
        "then": then,
        "quarantined": quarantined,
        "said": find_last_words(running),
        "traceback": "Traceback" in running.words(),
    }


def rewrite_history(model: DemoFolders, service: Service, where: Path) -> Result:
    """Rewrite the project's history, so that the tickets' commits are gone."""
    house = copy_house(model, where / "house")
    shutil.rmtree(house.agent / ".meta" / "templates", ignore_errors=True)
    project = house.project
    tree = _git(project, "rev-parse", "HEAD^{tree}")
    new = _git(project, "-c", "user.name=x", "-c", "user.email=x@x.invalid", "commit-tree", tree, "-m", "squashed")
    refs = _git(project, "for-each-ref", "--format=%(refname)").split()
    for ref in refs:
        _git(project, "update-ref", *(["-d", ref] if not ref.endswith("/main") else [ref, new]))
    _git(project, "reflog", "expire", "--expire=now", "--all")
    _git(project, "gc", "--prune=now", "--quiet")
    running = Running(house, service.url, temporary=where / "tmp")
    code = running.wait(600)
    with open_runs(house) as db:
        found = dict(db.execute("select status, count(*) from tickets group by status"))
    return {
        "fault": "force-pushed",
        "code": code,
        "tickets": found,
        "said": find_last_words(running),
        "traceback": "Traceback" in running.words(),
    }


def edit_during_night(model: DemoFolders, service: Service, where: Path) -> Result:
    """Commit, switch branches and edit the surface, like a person, during a night."""
    house = copy_house(model, where / "house")
    agent, me = house.agent, ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
    running = Running(house, service.url, temporary=where / "tmp")
    turn, head, prompt = 0, "", house.surface / "prompts" / "system.md"
    while not running.ended():
        turn += 1
        _git(agent, "checkout", "-q", "-B", f"mine-{turn % 3}")
        (agent / "notes.md").write_text(f"note {turn}\n")
        _git(agent, "add", "notes.md")
        _git(agent, *me, "commit", "-q", "-m", f"note {turn}", "--", "notes.md")
        head = _git(agent, "rev-parse", "HEAD")
        prompt.write_text(f"{prompt.read_text()}my line {turn}\n")
        (agent / "staged.md").write_text(f"{turn}")
        _git(agent, "add", "staged.md")
        time.sleep(0.3)
    untouched = (
        _git(agent, "rev-parse", "HEAD") == head
        and _git(agent, "symbolic-ref", "--short", "HEAD") == f"mine-{turn % 3}"
        and prompt.read_text().endswith(f"my line {turn}\n")
        and prompt.read_text().count("my line") == turn
        and _git(agent, "diff", "--cached", "--name-only") == "staged.md"
    )
    return {
        "fault": "person at work",
        "code": running.wait(10),
        "turns": turn,
        "untouched": untouched,
        "traceback": "Traceback" in running.words(),
        "said": find_last_words(running),
    }


def _git(folder: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _until(seen: Callable[[], bool], running: Running, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not running.ended() and not seen():
        time.sleep(0.01)
