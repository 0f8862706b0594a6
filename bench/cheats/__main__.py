"""Tries every cheat on a naive grader and on this one.

    python -m bench.cheats [--only WORDS] [--json]

A cheat counts only if it works on the naive grader, which applies the submission in the same tree, runs pytest and
trusts its exit code, its summary or its JUnit file. For code that tries to escape, the naive side is a clone of the
repository in a folder beside others, without a sandbox. The last line is `{"cheats": n, "scored": 0, "naive_scored": m,
"gold": "g/g"}`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.cheats.all import ATTACKS, Outcome, golds, outcome
from bench.cheats.attack import Escape
from bench.cheats.ours import Judge
from worker_agent.sandbox.discovery import open_sandbox


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.cheats", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--json", action="store_true", help="print only the last line")
    parser.add_argument("--only", default="", help="try only cheats with these words in their name")
    parser.add_argument("--parallel", type=int, default=2)
    arguments = parser.parse_args(argv)
    chosen = [attack for attack in ATTACKS if arguments.only in attack.name]
    with Judge(open_sandbox()) as judge, ThreadPoolExecutor(arguments.parallel) as pool:
        # Escapes run alone, because some take the machine to its limits.
        submitted = [a for a in chosen if not isinstance(a, Escape)]
        done = list(pool.map(lambda attack: outcome(attack, judge), submitted))
        done += [outcome(attack, judge) for attack in chosen if isinstance(attack, Escape)]
        passed = list(pool.map(lambda name: golds(judge)[name](), golds(judge)))
    if not arguments.json:
        for one in done:
            print(_row(one))
    scored, naive = sum(o.scored for o in done), sum(o.naive for o in done)
    print(
        json.dumps(
            {"cheats": len(done), "scored": scored, "naive_scored": naive, "gold": f"{sum(passed)}/{len(passed)}"}
        )
    )
    return int(bool(scored) or naive < len(done) or not all(passed))


def _row(one: Outcome) -> str:
    naive = "works" if one.naive else "DOES NOT WORK"
    return f"{one.attack.name:<42} naively {naive:<14} here {'SCORES' if one.scored else 'fails':<7} {one.why[:90]}"


if __name__ == "__main__":
    sys.exit(main())
