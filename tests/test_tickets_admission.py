"""What a ticket has to prove before its replays count."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from meta.environments.builder import prune_environments
from meta.records.ticket import Admission, Ticket
from meta.tickets.admission import reliable_tests
from meta.tickets.admission.proof import admit_ticket
from tests.repositories import ADD, FIXED, MUL, Files, Judge, judge, own_environment


def try_(bench: Judge, ticket: Ticket | None = None, runs: int = 1) -> tuple[Admission, Ticket]:
    return admit_ticket(
        ticket or bench.ticket,
        bench.repository.bench(),
        runs=runs,
    )


def hidden(text: str) -> Files:
    return {"tests/test_calc.py": text}


def test_a_ticket_whose_tests_tell_gold_from_nothing_is_admitted_unchanged(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    steps: list[str] = []
    found, ticket = admit_ticket(
        bench.ticket,
        bench.repository.bench(),
        runs=3,
        report=steps.append,
    )
    assert (found.status, found.reason, found.runs) == ("admitted", "", 3)
    assert ticket.grader.checks
    without_checks = ticket.grader.model_copy(update={"checks": ()})
    assert ticket.model_copy(update={"grader": without_checks}) == bench.ticket
    assert [s for s in steps if s.startswith("gold, run")] == [f"gold, run {n} of 3" for n in (1, 2, 3)]
    assert [s for s in steps if s.startswith("base")] == [f"base, run {n} of 3" for n in (1, 2, 3)]


def test_a_ticket_whose_tests_pass_without_the_change_is_quarantined(tmp_path: Path) -> None:
    found, _ = try_(judge(tmp_path, fail_to_pass=(MUL,), pass_to_pass=()))
    assert found.status == "quarantined"
    assert "the empty submission passes" in found.reason


def test_a_ticket_whose_gold_change_fails_is_quarantined_with_the_tests_words(tmp_path: Path) -> None:
    wrong = {"calc.py": "def add(a, b):\n    return 7\n\n\ndef mul(a, b):\n    return a * b\n"}
    found, _ = try_(judge(tmp_path, gold=wrong))
    assert found.status == "quarantined"
    assert "assert 7 == 5" in found.reason


def test_a_ticket_without_a_gold_change_is_quarantined(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    found, _ = try_(bench, bench.ticket.model_copy(update={"gold": None}))
    assert "no gold diff" in found.reason


def test_a_ticket_whose_tests_cannot_start_is_quarantined(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    found, _ = admit_ticket(
        bench.ticket,
        bench.repository.bench(own_environment().model_copy(update={"path": ()})),
    )
    assert found.status == "quarantined"
    assert "its tests could not be run" in found.reason


def test_a_rejected_diff_must_fail(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    wrong = bench.repository.diff({"calc.py": "def add(a, b):\n    return 0\n\n\ndef mul(a, b):\n    return a * b\n"})
    assert try_(bench, bench.ticket.model_copy(update={"rejected": wrong}))[0].status == "admitted"
    unseen = bench.repository.diff({**FIXED, "notes/thoughts.txt": "nobody minds\n"})
    found, _ = try_(bench, bench.ticket.model_copy(update={"rejected": unseen}))
    assert found.status == "quarantined"
    assert "the rejected diff passes" in found.reason


def test_a_rejected_diff_that_does_not_apply_proves_nothing(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    elsewhere = bench.repository.diff(FIXED).replace("return a - b", "return a % b")
    found, _ = try_(bench, bench.ticket.model_copy(update={"rejected": elsewhere}))
    assert found.status == "quarantined"
    assert "does not apply" in found.reason


def test_a_flaky_test_is_left_out(tmp_path: Path) -> None:
    tests = """\
        import random
        from calc import add, mul

        def test_add():
            assert add(2, 3) == 5

        def test_mul():
            assert random.SystemRandom().random() < 0.2
        """
    found, ticket = try_(judge(tmp_path, hidden=hidden(tests)), runs=3)
    assert found.status == "admitted"
    assert ticket.grader.pass_to_pass == ()
    assert MUL in found.reason


def test_a_test_that_depends_on_the_order_is_left_out(tmp_path: Path) -> None:
    tests = """\
        from calc import add
        seen = []

        def test_add():
            seen.append(1)
            assert add(2, 3) == 5

        def test_mul():
            assert seen
        """
    found, ticket = try_(judge(tmp_path, hidden=hidden(tests)))
    assert found.status == "admitted"
    assert ticket.grader.pass_to_pass == ()
    assert "depends on the order" in found.reason


def test_a_slow_test_is_left_out_unless_it_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliable_tests, "SLOW_TEST_SECONDS", 0.5)
    tests = """\
        import time
        from calc import add

        def test_add():
            time.sleep(1)
            assert add(2, 3) == 5

        def test_mul():
            time.sleep(1)
        """
    found, ticket = try_(judge(tmp_path, hidden=hidden(tests)))
    assert found.status == "admitted"
    assert (ticket.grader.fail_to_pass, ticket.grader.pass_to_pass) == ((ADD,), ())
    assert "is slow" in found.reason


def test_a_test_that_needs_the_network_is_left_out_and_said(tmp_path: Path) -> None:
    tests = """\
        import socket
        from calc import add

        def test_add():
            assert add(2, 3) == 5

        def test_mul():
            socket.create_connection(("192.0.2.1", 80), timeout=1)
        """
    found, ticket = try_(judge(tmp_path, hidden=hidden(tests)))
    assert ticket.grader.pass_to_pass == ()
    assert "needs the network" in found.reason
    assert "Network is unreachable" in found.reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("assert add(2, 3) == 5 and random.SystemRandom().random() < 0.1", "is flaky|does not pass"),
        ("socket.create_connection(('192.0.2.1', 80), timeout=1)", "needs the network"),
        ("assert add(2, 3) == 5 and not seen", "depends on the order"),
    ],
)
def test_a_ticket_whose_only_deciding_test_cannot_be_relied_on_is_quarantined_with_what_is_wrong_with_it(
    tmp_path: Path, body: str, words: str
) -> None:
    tests = f"""\
        import random
        import socket
        from calc import add
        seen = []

        def test_add():
            {body}

        def test_mul():
            seen.append(1)
        """
    found, _ = try_(judge(tmp_path, hidden=hidden(tests)), runs=2)
    assert found.status == "quarantined"
    assert found.reason.startswith(f"no FAIL_TO_PASS test can be relied on: {ADD}")
    assert re.search(words, found.reason)


def test_the_environments_that_were_not_used_for_longest_make_room(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "large", "old", "oldest")):
        home = tmp_path / name
        home.mkdir()
        (home / "package.py").write_bytes(b"x" * ((3 << 20) if name == "large" else 900_000))
        (home / "complete").touch()
        os.utime(home / "complete", (1000 - age, 1000 - age))
    assert [home.name for home in prune_environments(tmp_path, 2)] == ["large", "oldest"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]
    assert prune_environments(tmp_path, 2) == []
