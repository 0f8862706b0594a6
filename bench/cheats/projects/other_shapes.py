"""Projects with code of other kinds: errors, a class, coroutines, a report, a command."""

from __future__ import annotations

from bench.cheats.project import Project
from bench.cheats.projects.common import NOTHING, TESTS
from bench.cheats.shop import BASE, RIGHT

_PARSE = """\
class EmptyText(ValueError):
    pass


def parse(text):
    return int(text or 0)


def twice(text):
    return 2 * int(text)
"""


RAISES = Project(
    "raises",
    {"numbers_of.py": _PARSE, "tests/test_numbers.py": "def test_nothing():\n    pass\n"},
    {
        "tests/test_numbers.py": """\
import pytest

from numbers_of import EmptyText, parse, twice


def test_twice():
    assert twice("4") == 8


def test_empty():
    with pytest.raises(EmptyText, match="no digits in ''"):
        parse("")


def test_blank():
    with pytest.raises(ValueError) as caught:
        parse("  ")
    assert "blank" in str(caught.value)
"""
    },
    ("tests/test_numbers.py::test_empty", "tests/test_numbers.py::test_blank"),
    {
        "the merged change": {
            "numbers_of.py": _PARSE.replace(
                "    return int(text or 0)",
                "    if not text:\n        raise EmptyText(\"no digits in ''\")\n    if not text.strip():\n        raise EmptyText('the text is blank')\n    return int(text)",
            )
        }
    },
    ("tests/test_numbers.py::test_twice",),
)


_CART = """\
class Cart:
    def __init__(self, *names):
        self.names = list(names)

    def total(self):
        return 0

    def is_empty(self):
        return True

    def label(self):
        return "cart"

    def first(self):
        return self.names[0]
"""


_CART_RIGHT = """\
class Cart:
    def __init__(self, *names):
        self.names = list(names)

    def total(self):
        return sum(map(len, self.names)) / 10

    def is_empty(self):
        return not self.names

    def label(self):
        return "cart of " + ", ".join(self.names)

    def first(self):
        if not self.names:
            raise LookupError("the cart is empty")
        return self.names[0]
"""


CASE = Project(
    "unittest shapes",
    {"cart.py": _CART, "tests/test_cart.py": "def test_nothing():\n    pass\n"},
    {
        "tests/test_cart.py": """\
import unittest

from cart import Cart


class TestCart(unittest.TestCase):
    def setUp(self):
        self.cart = Cart("tea", "milk")

    def test_names(self):
        self.assertEqual(self.cart.names, ["tea", "milk"])

    def test_empty(self):
        self.assertFalse(self.cart.is_empty())
        self.assertTrue(Cart().is_empty())

    def test_label(self):
        self.assertIn("milk", self.cart.label())
        self.assertRegex(self.cart.label(), "tea, .ilk")
        self.assertNotIn("sugar", self.cart.label())

    def test_total(self):
        self.assertAlmostEqual(self.cart.total(), 0.7)
        self.assertGreater(self.cart.total(), 0.5)

    def test_first(self):
        with self.assertRaises(LookupError):
            Cart().first()
        self.assertRaisesRegex(LookupError, "is empty", Cart().first)
"""
    },
    tuple(f"tests/test_cart.py::TestCart::test_{name}" for name in ("empty", "label", "total", "first")),
    {"the merged change": {"cart.py": _CART_RIGHT}},
    ("tests/test_cart.py::TestCart::test_names",),
)


_SOON = "import asyncio\n\n\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"


ASYNC = Project(
    "async",
    {
        "soon.py": _SOON,
        "tests/test_soon.py": "def test_nothing():\n    pass\n",
        "pytest.ini": "[pytest]\naddopts = -p anyio.pytest_plugin\n",
    },
    {
        "tests/test_soon.py": """\
import asyncio
import unittest

import pytest

from soon import add, mul


def test_mul():
    assert mul(2, 3) == 6


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_add(anyio_backend):
    assert await add(2, 3) == 5


def test_add_run():
    async def scenario():
        assert await add(4, 4) == 8

    asyncio.run(scenario())


class TestAdd(unittest.IsolatedAsyncioTestCase):
    async def test_add(self):
        self.assertEqual(await add(1, 1), 2)
"""
    },
    (
        "tests/test_soon.py::test_add[asyncio]",
        "tests/test_soon.py::test_add_run",
        "tests/test_soon.py::TestAdd::test_add",
    ),
    {"the merged change": {"soon.py": _SOON.replace("a - b", "a + b")}},
    ("tests/test_soon.py::test_mul",),
)


_REPORT = """\
def lines(rows):
    return [f"{name}: {count}" for name, count in rows]


def width(rows):
    return max(map(len, lines(rows)), default=0)


def heading(title):
    if not title:
        raise ValueError("no title")
    return title.upper()
"""


_REPORT_TESTS = """\
import pytest

from report import heading, lines, width


def test_lines():
    rows = [("tea", 1), ("milk", 2)]
    for row in rows:
        assert f"{row[0]}: {row[1]}" in lines(rows)
    assert lines([("tea", 1)]) == ["tea: 1"]


def test_width():
    assert width([]) < 1 <= len(lines([("tea", 1)]))


def test_heading():
    with pytest.raises(ValueError, match="no title"):
        heading("")
"""


REPORT = Project(
    "report beside",
    {
        **BASE,
        "calc.py": "def add(a, b):\n    return a - b\n",
        "report.py": _REPORT,
        "tests/test_calc.py": NOTHING,
        "tests/test_report.py": _REPORT_TESTS,
    },
    {TESTS: "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"},
    (f"{TESTS}::test_add",),
    {"the merged change": {"calc.py": "def add(a, b):\n    return a + b\n"}},
    tuple(f"tests/test_report.py::test_{name}" for name in ("lines", "width", "heading")),
)


_COMMAND = """\
import sys

from calc import add

if __name__ == "__main__":
    print(add(int(sys.argv[1]), int(sys.argv[2])))
"""


COMMAND = Project(
    "command",
    {**BASE, "sums.py": _COMMAND},
    {
        TESTS: """\
import subprocess
import sys
from pathlib import Path

from calc import mul


def test_mul():
    assert mul(2, 3) == 6


def test_add():
    done = subprocess.run(
        [sys.executable, "sums.py", "2", "3"], cwd=Path(__file__).parent.parent, capture_output=True, text=True
    )
    assert done.stdout == "5\\n"
"""
    },
    (f"{TESTS}::test_add",),
    {"the merged change": {"calc.py": RIGHT}},
    (f"{TESTS}::test_mul",),
)
