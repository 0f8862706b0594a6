"""Times `meta --help` and `meta status` against a minimal typer program.

    python -m bench.startup [--runs 20] [--json]

All commands are timed as whole processes, in turns, so that a machine that slows down affects all of them alike. Each
is compared to the minimal program doing the same thing: showing help, or running a command with an option (for which
typer loads pydantic). Prints medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """\
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None)
@app.command()
def one(flag: bool = False) -> None: "Does one thing."
@app.command()
def two() -> None: "Does another."
app()
"""


AGAINST = {
    "bare --help": "bare --help",
    "meta --help": "bare --help",
    "bare one": "bare one",
    "meta status": "bare one",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=20, help="timed runs of each command, after one warm-up")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = _commands(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(arguments.runs + 1):
            for name, command in commands.items():
                begun = time.perf_counter()
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(f"{name} failed: {done.stderr}")
                if turn:
                    seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    result = {
        name: {"seconds": round(medians[name], 4), "ratio": round(medians[name] / medians[bare], 2)}
        for name, bare in AGAINST.items()
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(f"{name:<20} {row['seconds'] * 1000:6.0f} ms  {row['ratio']:.2f}x")


def _commands(folder: Path) -> dict[str, list[str]]:
    """Return the programs to time; `meta status` gets a runs.db with a few rows."""
    from meta.records.ticket import Ticket
    from meta.store.store import Store

    (folder / "bare.py").write_text(BARE)
    store = Store(folder / "runs.db")
    for number in range(20):
        store.tickets.add(Ticket(id=f"t-{number}", title="t", repo="r", base_commit="c"))
    store.incumbents.promote("0" * 40, "m")
    store.close()
    program = [sys.executable, "-c", "from meta.cli.entry import main; main()"]
    return {
        "bare --help": [sys.executable, "bare.py", "--help"],
        "bare one": [sys.executable, "bare.py", "one"],
        "meta --help": [*program, "--help"],
        "meta status": [*program, "status"],
    }


if __name__ == "__main__":
    main()
