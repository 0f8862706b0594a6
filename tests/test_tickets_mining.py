"""Tickets made from a history that holds what real histories hold. One little project, mined once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec
from meta.tickets.mining import contrast
from meta.tickets.mining.attempt import MiningOptions
from meta.tickets.mining.briefs import why_not_a_brief, write_brief
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.miner import mine_repository
from tests.repositories import Files, Repository, sandbox

CART = """\
def total(prices):
    result = prices[0]
    for price in prices[1:]:
        result += price
    return result
"""
COUNTING = "\n\ndef count(prices):\n    return len(prices)\n"
CART_FIXED = CART.replace("result = prices[0]", "result = 0").replace("prices[1:]", "prices")
TEST_CART = "from shop.cart import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
TEST_CART_EMPTY = TEST_CART + "\n\ndef test_empty():\n    assert total([]) == 0\n"

BEGIN: Files = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['src']\ntestpaths = ['tests']\n",
    "src/shop/__init__.py": "",
    "src/shop/cart.py": CART,
    "tests/test_cart.py": TEST_CART,
    "tests/conftest.py": "",
    "tests/expected.txt": "3",
}

HANGING = "def wait(seconds):\n    while True:\n        pass\n"
TEST_GREET = "from shop.greet import greet\n\n\ndef test_greet():\n    assert greet('you') == 'Hello, you!'\n"
TEST_WAIT = "from shop.wait import wait\n\n\ndef test_wait():\n    wait(0)\n\n\ndef test_nothing():\n    pass\n"
TEST_TAX = """\
import os
import time
import pytest
from shop.tax import tax


@pytest.mark.parametrize("day", [time.strftime("%Y-%m-%d", time.gmtime()), str(time.time())])
def test_dated(day):
    assert tax(100) == 19


@pytest.mark.parametrize("salt", [os.urandom(4).hex()])
def test_salted(salt):
    assert tax(100) == 19


def test_tax(rate):
    assert tax(100) == rate
"""


def history(folder: Path) -> Repository:
    shop = Repository(folder, BEGIN)
    # A new name in the hidden tests: at the base, not even the old tests of that file can be imported.
    shop.commit(
        {
            "src/shop/cart.py": CART + COUNTING,
            "tests/test_cart.py": TEST_CART.replace("import total", "import count, total")
            + "\n\ndef test_count():\n    assert count([1]) == 1\n",
        },
        "Carts can tell how many prices they hold (#7)\n\nCustomers see `count` on every page.\n\n"
        "Co-authored-by: Somebody <somebody@example.org>",
    )
    shop.commit(
        {
            "src/shop/cart.py": CART_FIXED + "\n\ndef count(prices):\n    return len(prices)\n",
            "tests/test_cart.py": TEST_CART_EMPTY,
        },
        "The total of an empty cart is an error\n\n`total([])` raises IndexError. It should be 0.\n"
        "Replace the first element by zero.\n\n```python\n    result = 0\n    for price in prices:\n```",
    )
    shop.commit({"src/shop/wait.py": HANGING, "CHANGES.md": "Waiting\n"}, "Begin to wait for customers")
    shop.commit(
        {"src/shop/wait.py": "def wait(seconds):\n    return seconds\n", "tests/test_wait.py": TEST_WAIT},
        "Waiting for no seconds never ends",
    )
    # Everything on the test side moves at once: a conftest, data, a removed and a renamed file, an id that changes.
    shop.commit(
        {
            "src/shop/tax.py": "def tax(price):\n    return price * 19 // 100\n",
            "tests/test_tax.py": TEST_TAX,
            "tests/conftest.py": "import pytest\nfrom pathlib import Path\n\n\n@pytest.fixture\ndef rate():\n"
            "    return int(Path(__file__).with_name('rate.txt').read_text())\n",
            "tests/rate.txt": "19",
            "tests/expected.txt": None,
            "tests/test_wait.py": None,
            "tests/test_waiting.py": TEST_WAIT,
        },
        "Every price has its tax computed, by shop.tax.tax",
    )
    raised = "def tax(price):\n    return price * 20 // 100\n"
    shop.commit({"src/shop/tax.py": raised, "tests/rate.txt": "20"}, "Patch 1")  # changes data, no test
    shop.commit({"src/shop/cart.py": CART_FIXED, "tests/test_cart.py": TEST_CART_EMPTY + "\n"}, "update ruff")
    shop.commit({"README.md": "A shop\n"}, "Say what this is about")
    shop.git("checkout", "-q", "-b", "feature")
    shop.commit({"src/shop/greet.py": "def greet(who):\n    return f'Hello, {who}!'\n"}, "wip")
    shop.commit({"tests/test_greet.py": TEST_GREET}, "Add tests")
    shop.git("checkout", "-q", "main")
    shop.git(
        "merge",
        "-q",
        "--no-ff",
        "feature",
        "-m",
        "Merge pull request #12 from someone/feature\n\nCustomers are greeted kindly",
    )
    return shop


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, MinedTicket]:
    folder = tmp_path_factory.mktemp("mining")
    shop = history(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contrast, "MAX_TEST_SECONDS", 1.0)
        workshop = Workshop(Cache(folder / "cache"), sandbox)
        options = MiningOptions(runs=1, environment=EnvironmentSpec())
        return {found.title: found for found in mine_repository(shop.path, workshop, options)}


EMPTY = "The total of an empty cart is an error"
COUNT = "Carts can tell how many prices they hold"
WAIT = "Waiting for no seconds never ends"
TAX = "Every price has its tax computed, by shop.tax.tax"
GREET = "Customers are greeted kindly"


def test_changes_that_touch_source_and_tests_are_tried_and_no_others(mined: Mapping[str, MinedTicket]) -> None:
    assert list(mined) == [GREET, "Update ruff", TAX, WAIT, EMPTY, COUNT]


def test_a_fix_with_its_test_becomes_a_ticket(mined: Mapping[str, MinedTicket]) -> None:
    found = mined[EMPTY]
    assert (found.status, found.reason) == ("admitted", "")
    assert found.fail_to_pass == ("tests/test_cart.py::test_empty",)
    assert found.pass_to_pass == ("tests/test_cart.py::test_total",)
    assert found.ticket is not None
    assert set(found.ticket.labels) == {"kind:fix", "part:cart"}
    assert "tests/" not in (found.ticket.gold or "")


def test_a_json_line_holds_the_documented_fields(mined: Mapping[str, MinedTicket]) -> None:
    line = json.loads(json.dumps(mined[EMPTY].line()))
    fields = ["repo", "base_commit", "fix_commit", "title", "fail_to_pass", "pass_to_pass", "status", "reason"]
    assert list(line) == [*fields, "set_aside"]


def test_the_brief_does_not_give_the_fix_away(mined: Mapping[str, MinedTicket]) -> None:
    ticket = mined[EMPTY].ticket
    assert ticket is not None
    assert ticket.body == "`total([])` raises IndexError. It should be 0."
    count = mined[COUNT].ticket
    assert count is not None
    assert count.body == "Customers see `count` on every page."


def test_a_file_that_the_base_cannot_import_does_not_make_its_old_tests_fail_to_pass(
    mined: Mapping[str, MinedTicket],
) -> None:
    assert mined[COUNT].fail_to_pass == ("tests/test_cart.py::test_count",)
    assert mined[COUNT].pass_to_pass == ("tests/test_cart.py::test_total",)
    assert mined[COUNT].status == "admitted"


def test_a_hang_without_the_fix_costs_one_test_only(mined: Mapping[str, MinedTicket]) -> None:
    assert mined[WAIT].fail_to_pass == ("tests/test_wait.py::test_wait",)
    assert "tests/test_wait.py::test_nothing" in mined[WAIT].pass_to_pass
    ticket = mined[WAIT].ticket
    assert ticket is not None
    assert ticket.grader.test_seconds == 1.0, "a replay that hangs would wait as long as nobody has to"


def test_all_test_side_files_are_hidden_and_removed_ones_removed(mined: Mapping[str, MinedTicket]) -> None:
    ticket = mined[TAX].ticket
    assert ticket is not None
    hidden = {file.path: file.content is None for file in ticket.grader.hidden}
    assert hidden == {
        "tests/conftest.py": False,
        "tests/expected.txt": True,
        "tests/rate.txt": False,
        "tests/test_tax.py": False,
        "tests/test_wait.py": True,
        "tests/test_waiting.py": False,
    }


def test_ids_that_change_between_runs_are_dropped(mined: Mapping[str, MinedTicket]) -> None:
    assert mined[TAX].fail_to_pass == ("tests/test_tax.py::test_tax",)
    assert not [test for test in mined[TAX].pass_to_pass if "salted" in test or "dated" in test]


def test_a_renamed_test_file_brings_no_fail_to_pass_of_its_own(mined: Mapping[str, MinedTicket]) -> None:
    assert "tests/test_waiting.py::test_wait" in mined[TAX].pass_to_pass


def test_a_text_that_is_no_brief_is_turned_down_in_words(mined: Mapping[str, MinedTicket]) -> None:
    assert mined["Update ruff"].status == "quarantined"
    assert "not a brief" in mined["Update ruff"].reason


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Patch 1", "not a brief"),
        ("update ruff", "not a brief"),
        ("Bump pytest from 7 to 8", "not a brief"),
        ("v2.1.0", "not a brief"),
        ("2.1.0 release", "not a brief"),
        ("Add passing test cases", "not a brief"),
        ("Fixes https://example.org/team/shop/issues/18", "too short"),
        ("Merge branch 'main' into feature", "not a brief"),
        ("[pre-commit.ci] autoupdate of hooks", "not a brief"),
        ("Address review comments of Ann", "not a brief"),
        ("Fix it", "too short"),
        ("docs: Tell more about the cart", "behaviour does not change"),
    ],
)
def test_subjects_that_tell_nobody_what_to_do_are_no_briefs(subject: str, words: str) -> None:
    assert words in why_not_a_brief(subject)
    assert why_not_a_brief("The total of an empty cart is an error (#7)") == ""
    assert why_not_a_brief("1.0 Byte should be displayed as 1 Byte") == ""


def test_what_squashed_commits_say_of_formatting_tests_and_the_way_is_left_out() -> None:
    body = """\
* Fix(cart): the total of an empty cart is an error

`total([])` raises IndexError. Emit 0 where nothing was put in.

* Apply ruff format

* test(cart): assert the total of nothing
"""
    words = write_brief("fix(cart): The total of an empty cart is an error (#7)", [body], "+    return 0\n")
    assert words.title == "The total of an empty cart is an error"
    assert words.body == "`total([])` raises IndexError."


def test_a_merged_pull_request_is_one_change_with_its_own_title(mined: Mapping[str, MinedTicket]) -> None:
    ticket = mined[GREET].ticket
    assert ticket is not None
    assert ticket.id.startswith("shop-12-")
    assert mined[GREET].fail_to_pass == ("tests/test_greet.py::test_greet",)


def test_a_brief_that_does_not_name_what_the_tests_demand_is_marked(mined: Mapping[str, MinedTicket]) -> None:
    marked = {title for title, found in mined.items() if found.ticket and "under-specified" in found.ticket.labels}
    assert marked == {GREET}


def test_mining_stops_at_the_limit_and_skips_what_was_tried(tmp_path: Path) -> None:
    shop = Repository(tmp_path, BEGIN)
    shop.commit({"src/shop/cart.py": CART + "\n", "tests/test_cart.py": TEST_CART + "\n"}, "update ruff")
    fix = shop.commit({"src/shop/cart.py": CART_FIXED, "tests/test_cart.py": TEST_CART_EMPTY}, EMPTY)
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    options = MiningOptions(runs=1, environment=EnvironmentSpec())
    assert [found.title for found in mine_repository(shop.path, workshop, options, limit=1, jobs=1)] == [EMPTY]
    assert [found.title for found in mine_repository(shop.path, workshop, options, jobs=1, skip={fix})] == [
        "Update ruff"
    ]


@pytest.mark.slow
def test_a_suite_that_takes_too_long_leaves_the_decision_to_the_files_that_the_change_touched(tmp_path: Path) -> None:
    shop = Repository(tmp_path, BEGIN)
    sleep = "import time\n\n\ndef test_slow():\n    time.sleep({})\n\n\n"
    shop.commit({"tests/test_all.py": sleep.format(60)}, "Test it all")
    shop.commit({"src/shop/cart.py": CART_FIXED, "tests/test_cart.py": sleep.format(2) + TEST_CART_EMPTY}, EMPTY)
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    options = MiningOptions(runs=1, environment=EnvironmentSpec(), suite_seconds=1.5)
    (found,) = mine_repository(shop.path, workshop, options, limit=1)
    assert found.status == "admitted", found.reason
    assert found.fail_to_pass == ("tests/test_cart.py::test_empty",)


def test_a_folder_without_a_history_is_an_error_in_words(tmp_path: Path) -> None:
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    with pytest.raises(MetaError, match="cannot read the history"):
        next(mine_repository(tmp_path / "nowhere", workshop))
