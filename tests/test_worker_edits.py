"""The text protocol: changes as models write them."""

from __future__ import annotations

import pytest

from worker_agent.edit_blocks import EditBlock, find_similar_passage, parse_blocks, strip_blocks
from worker_agent.text_file import replace_passage

WHOLE = """Here is the fix.

src/a.py
```python
x = 1
```

It sets x."""

PASSAGES = """calc.py
```
<<<<<<< SEARCH
a
=======
b
>>>>>>> REPLACE
```

```
<<<<<<< SEARCH
c
=======
>>>>>>> REPLACE
```
Done."""


def test_a_whole_file_is_taken_with_its_path() -> None:
    assert parse_blocks(WHOLE) == [EditBlock("src/a.py", "x = 1\n")]


def test_what_is_no_edit_is_the_summary() -> None:
    assert strip_blocks(WHOLE) == "Here is the fix.\n\nIt sets x."
    assert strip_blocks(PASSAGES) == "Done."


def test_several_passages_may_follow_one_path() -> None:
    assert parse_blocks(PASSAGES) == [EditBlock("calc.py", "b\n", "a\n"), EditBlock("calc.py", "", "c\n")]


@pytest.mark.parametrize(
    "line", ["**src/a.py**", "`src/a.py`", "### src/a.py", "File: src/a.py", "src/a.py:", "Makefile"]
)
def test_a_path_may_be_dressed_up(line: str) -> None:
    assert [e.path for e in parse_blocks(f"{line}\n```\nx\n```")] in (["src/a.py"], ["Makefile"])


def test_an_example_after_the_passages_is_not_taken_for_the_file() -> None:
    assert parse_blocks(PASSAGES + "\nRun:\n```sh\nmake\n```\n") == parse_blocks(PASSAGES)


def test_a_fence_without_a_path_is_prose() -> None:
    assert parse_blocks("Run this:\n```sh\nmake\n```") == []


def test_an_unfinished_block_is_still_an_edit() -> None:
    assert parse_blocks("a.py\n```\nx = 1") == [EditBlock("a.py", "x = 1\n")]


def test_a_passage_must_stand_in_the_file_exactly_once() -> None:
    assert replace_passage("a\nb\na\n", "a\n", "c\n") is None
    assert replace_passage("a\nb\n", "x\n", "c\n") is None
    assert replace_passage("a\nb\n", "b\n", "c\n") == "a\nc\n"


def test_trailing_blanks_are_forgiven() -> None:
    assert replace_passage("def f():  \n    pass\n", "def f():\n    pass\n", "x\n") == "x\n"


def test_a_path_in_a_fence_of_its_own_is_still_a_path() -> None:
    assert parse_blocks("```\ncalc.py\n```\n```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```") == [
        EditBlock("calc.py", "b\n", "a\n")
    ]
    assert parse_blocks("```\ncalc.py\n```\n\n```python\nx = 1\n```") == [EditBlock("calc.py", "x = 1\n")]


def test_a_passage_that_breaks_off_is_marked() -> None:
    assert [e.is_complete for e in parse_blocks("calc.py\n```\n<<<<<<< SEARCH\na\n=======\nb\n")] == [False]
    assert [e.is_complete for e in parse_blocks("calc.py\n```\n<<<<<<< SEARCH\na\nb\n")] == [False]


def test_the_passage_most_like_what_was_meant_is_found() -> None:
    text = "import os\n\n\ndef f(a):\n    return a + 1\n\n\ndef g(b):\n    return b\n"
    assert find_similar_passage(text, "def f(a):\n    return a +  2\n") == "def f(a):\n    return a + 1"
    assert find_similar_passage(text, "something_else_entirely\n") == ""
