"""Checks that `meta ingest-feedback` needs no more memory for more pull requests.

    python -m bench.ingest [--pulls 5000] [--json]

It reads them in two ways: from a fake GitHub, which another process serves over HTTP on loopback, and from an export
with the same number of lines. The command runs as a separate process and leaves diffs to git. Its peak memory is read
once a tenth of the outcomes is stored, and at the end. Growth of at most 1 KB per pull request counts as flat: the
positions of an export's lines, and the cursor.

Run it from a checkout: the fake GitHub belongs to the tests.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

TOML = """[github]
base_url = "{url}"
[agent]
authors = ["robo[bot]"]
[[repositories]]
path = "."
name = "team/app"
"""
_FEW_KB = 1.0


def serve(pulls: int, pipe: Connection) -> None:
    """Serve the fake GitHub until told to stop; then send the number of requests."""
    from tests.github.server import github
    from tests.github.world import comment, pull

    said = "Please add tests for this. " * 40
    world = [
        pull(n, "CLOSED" if n % 3 == 0 else "MERGED", comments=[comment("ann", said, n + 0.5)])
        for n in range(1, pulls + 1)
    ]
    with github(pulls=world, permissions={"ann": "write"}) as served:
        pipe.send(served.url)
        pipe.recv()
        pipe.send(len(served.requests))


def clone(folder: Path) -> None:
    """Create a clone with a pull request's head, so that diffs are left to git."""
    commit = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "commit", "-q", "--allow-empty"]
    for command in (["init", "-q", "-b", "main"], [*commit, "-m", "empty"], ["update-ref", "refs/pull/1/head", "HEAD"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def export(pulls: int, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, pulls + 1):
            line = {
                "repository": "team/app",
                "number": number,
                "title": f"Fix {number}",
                "outcome": "rejected",
                "submitted_diff": "+x = 1\n" * 500,
                "comments": [{"author": "ann", "text": "Please add tests."}],
            }
            file.write(json.dumps(line) + "\n")


def measured(folder: Path, source: str, pulls: int) -> dict[str, Any]:
    """Run the command; return seconds, and peak memory at a tenth and at the end."""
    begun, early, last = time.monotonic(), 0.0, 0.0
    with (folder / "said").open("wb") as said:
        command = [sys.executable, "-m", "meta", "-C", str(folder), "ingest-feedback", "--source", source, "--json"]
        running = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, "GITHUB_TOKEN": "x"}
        )
        while running.poll() is None:
            last = peak(running.pid) or last
            if not early and stored(folder / "runs.db") >= pulls / 10:
                early = last
            time.sleep(0.02)
    if running.returncode:
        raise SystemExit((folder / "said").read_text("utf-8", "replace")[-2000:])
    found = stored(folder / "runs.db")
    each = (last - early) * 1024 / max(pulls * 0.9, 1)
    return {
        "pulls": found,
        "seconds": round(time.monotonic() - begun, 1),
        "rss_mb_at_a_tenth": round(early, 1),
        "rss_mb": round(last, 1),
        "kb_a_pull": round(each, 2),
        "flat": bool(early) and each <= _FEW_KB,
    }


def peak(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0.0)


def stored(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.1)) as connection:
            return int(connection.execute("select count(*) from feedback").fetchone()[0])
    except sqlite3.Error:  # not there yet
        return 0


def run(pulls: int) -> dict[str, Any]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(pulls, theirs), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory(prefix="ingest-") as name:
            folders = [Path(name, part) for part in ("github", "export")]
            url = ours.recv()
            for folder in folders:
                folder.mkdir()
                clone(folder)
                (folder / "meta.toml").write_text(TOML.format(url=url), "utf-8")
            found = {"github": measured(folders[0], "github", pulls)}
            ours.send("stop")
            found["github"]["requests"] = ours.recv()
            export(pulls, folders[1] / "outcomes.jsonl")
            found["export"] = measured(folders[1], str(folders[1] / "outcomes.jsonl"), pulls)
    finally:
        server.terminate()
        server.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pulls", type=int, default=5000)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    result = run(arguments.pulls)
    if arguments.json:
        print(json.dumps(result))
        return
    for part, found in result.items():
        print(part, "  ".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
