"""Copies of the deciding tests that expect something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.languages.python.mutants import mutate_tests
from tests.repositories import ADD, FIXED, judge

ANYTHING = """\
class Anything(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def add(a, b):
    return Anything()


def mul(a, b):
    return a * b
"""


def test_a_value_that_equals_anything_passes_no_ticket(tmp_path: Path) -> None:
    graded = judge(tmp_path).grade({"calc.py": ANYTHING})
    assert graded.verdict == "failed"
    assert "was reported as passed where it had to fail" in graded.reason


@pytest.mark.parametrize(
    "test",
    [
        "def test_add():\n    assert add(2, 3) == 5\n",
        "def test_add():\n    assert 5 == add(2, 3)\n",
        "def test_add():\n    total = add(2, 3)\n    assert total == 5, 'wrong'\n",
        "def test_add():\n    for n in range(3):\n        assert add(n, 0) == n\n    assert [add(2, 3)] == [5]\n",
        "import math\n\n\ndef test_add():\n    assert add(2, 3) == math.floor(5.5) or pytest\n"
        "    assert {'sum': add(2, 3)} == {'sum': 5}\n",
    ],
)
def test_an_honest_change_passes_whatever_its_tests_look_like(test: str, tmp_path: Path) -> None:
    hidden = {"tests/test_calc.py": "import pytest\nfrom calc import add\n\n\n" + test}
    assert judge(tmp_path, hidden=hidden, pass_to_pass=()).grade(FIXED).verdict == "passed"


@pytest.mark.parametrize(
    "body",
    [
        "    if add(1, 1) == 2:\n        return\n    assert add(2, 3) == 6\n",
        "    with pytest.raises(AssertionError):\n        assert add(2, 3) == 6\n",
        "    assert add(2, 3)\n",
        "    for n in range(3):\n        assert add(n, 0) == n\n",
        "    yield\n    assert add(2, 3) == 5\n",
    ],
)
def test_a_test_whose_copy_might_pass_with_honest_code_has_none(body: str) -> None:
    assert mutate_tests(f"def test_add():\n{body}".encode(), [ADD]).ids == ()


def test_a_method_is_copied_into_its_class() -> None:
    source = b"class TestCalc:\n    def test_add(self):\n        assert add(2, 3) == 5\n"
    mutants = mutate_tests(source, ["tests/test_calc.py::TestCalc::test_add"])
    [node_id] = mutants.ids
    assert node_id.startswith("tests/test_calc.py::TestCalc::test_add_")
    space: dict[str, object] = {"add": lambda a, b: a + b}
    exec(source + mutants.text, space)
    name = node_id.rpartition("::")[2]
    assert name not in space
    with pytest.raises(AssertionError):
        getattr(space["TestCalc"](), name)()  # type: ignore[operator]
