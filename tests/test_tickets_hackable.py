"""A ticket is put to the test itself: stubs that solve nothing must fail it, and what its tests read is protected."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.records.ticket import Admission, Ticket
from meta.tickets.admission.proof import admit_ticket
from tests.repositories import CALC, FIXED, Judge, judge

HELPER = "def same(a, b):\n    assert a == b\n"


def admit(desk: Judge, *, keep_weak: bool = False) -> tuple[Admission, Ticket]:
    return admit_ticket(desk.ticket, desk.repository.bench(), runs=1, keep_weak=keep_weak)


def desk_of(tmp_path: Path, test: str, **base: str) -> Judge:
    text = f"import pytest\nfrom calc import add\n\n\n{test}"
    return judge(tmp_path, {**CALC, **base}, {"tests/test_calc.py": text}, pass_to_pass=())


def test_a_test_without_assertions_is_passed_by_a_stub(tmp_path: Path) -> None:
    test = "def test_add():\n    if not add(2, 3) > 0:\n        raise ValueError\n"
    found, _ = admit(desk_of(tmp_path, test))
    assert found.status == "quarantined"
    assert found.reason.startswith("hackable: a stub that ")
    found, ticket = admit(desk_of(tmp_path / "again", test), keep_weak=True)
    assert found.status == "admitted"
    assert "passes its tests" in ticket.grader.weak
    assert "no altered copy of tests/test_calc.py::test_add fails" in found.reason


@pytest.mark.parametrize(
    "test",
    [
        "def test_add():\n    assert add(2, 3) == 5\n",
        "def test_add():\n    total = add(2, 3)\n    assert total == 5\n",
        "def test_add():\n    for n in (2, 3):\n        assert add(n, n) == n * 2\n",
    ],
)
def test_a_test_that_expects_a_value_is_passed_by_no_stub(test: str, tmp_path: Path) -> None:
    found, ticket = admit(desk_of(tmp_path, test))
    assert (found.status, found.reason) == ("admitted", "")
    assert ticket.grader.weak == ""
    assert ticket.grader.unaltered == ()


def test_files_that_the_tests_read_are_protected(tmp_path: Path) -> None:
    test = (
        "from pathlib import Path\nfrom same import same\n\n\ndef test_add():\n"
        "    same(add(2, 3), int(Path('data/five.txt').read_text()))\n    assert add(1, 1) == 2\n"
    )
    desk = desk_of(tmp_path, test, **{"same.py": HELPER, "data/five.txt": "5\n", "words.txt": "unread\n"})
    found, ticket = admit(desk)
    assert found.status == "admitted", found.reason
    assert ticket.grader.protected == ("data/five.txt", "same.py")
    cheat = Judge(desk.repository, ticket).grade({"same.py": "def same(a, b):\n    pass\n", "data/five.txt": "-1\n"})
    assert cheat.has_failed
    assert Judge(desk.repository, ticket).grade(FIXED).verdict == "passed"
