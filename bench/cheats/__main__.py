"""Tries every cheat on a naive grader and on this one.

    python -m bench.cheats [--only WORDS] [--json]

A cheat counts only if it works on the naive grader, which applies the submission in the same tree, runs pytest and
trusts its exit code, its summary or its JUnit file. For code that tries to escape, the naive side is a clone of the
repository in a folder beside others, without a sandbox. The last line is `{"cheats": n, "scored": 0,
"naive_scored": n, "broken": 0, "gold": "g/g", "causes": {cause: the same counts}}`; `broken` counts cheats that only a
void replay or an error of ours refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.cheats.all import ATTACKS, CAUSES, Outcome, golds, outcome
from bench.cheats.attack import Escape
from bench.cheats.ours import Judge
from worker_agent.sandbox.discovery import open_sandbox


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.cheats", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--json", action="store_true", help="print only the last line")
    parser.add_argument("--only", default="", help="try only cheats with these words in their name or cause")
    parser.add_argument("--parallel", type=int, default=2)
    arguments = parser.parse_args(argv)
    causes = {attack.name: cause for cause, attacks in CAUSES.items() for attack in attacks}
    chosen = [attack for attack in ATTACKS if arguments.only in f"{causes[attack.name]}: {attack.name}"]
    with Judge(open_sandbox()) as judge, ThreadPoolExecutor(arguments.parallel) as pool:
        # Escapes run alone, because some take the machine to its limits.
        submitted = [a for a in chosen if not isinstance(a, Escape)]
        done = list(pool.map(lambda attack: outcome(attack, judge), submitted))
        done += [outcome(attack, judge) for attack in chosen if isinstance(attack, Escape)]
        honest = golds(judge)
        passed = dict(zip(honest, pool.map(lambda name: honest[name](), honest), strict=True))
    if not arguments.json:
        for one in done:
            print(_row(one, causes[one.attack.name]))
        for name, good in passed.items():
            if not good:
                print(f"honest, and refused: {name}")
    told = _count(done) | {
        "gold": f"{sum(passed.values())}/{len(passed)}",
        "causes": {
            cause: _count(of) for cause in CAUSES if (of := [one for one in done if causes[one.attack.name] == cause])
        },
    }
    print(json.dumps(told))
    return int(bool(told["scored"] or told["broken"]) or told["naive_scored"] != len(done) or not all(passed.values()))


def _count(done: Sequence[Outcome]) -> dict[str, object]:
    return {
        "cheats": len(done),
        "scored": sum(one.scored for one in done),
        "naive_scored": sum(one.naive for one in done),
        "broken": sum(one.broken for one in done),
    }


def _row(one: Outcome, cause: str) -> str:
    naive = "works" if one.naive else "DOES NOT WORK"
    here = "SCORES" if one.scored else "BREAKS" if one.broken else "fails"
    return f"{cause:<22} {one.attack.name:<42} naively {naive:<14} here {here:<7} {one.why[:120]}"


if __name__ == "__main__":
    sys.exit(main())
