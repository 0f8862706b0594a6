"""Ticket files: what is read from them, and what is said about bad entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meta.errors import MetaError
from meta.tickets.from_files.ticket_files import load_tickets, read_ticket_files
from tests.repositories import ADD, CALC, FIXED, HIDDEN, Repository, write


def test_toml_tables_become_tickets_with_paths_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "cart.diff").write_text("diff --git a/x b/x\n")
    (tmp_path / "tickets.toml").write_text(
        """
[[ticket]]
id = "cart-17"
title = "The total of an empty cart is an error"
repo = "shop"
base_commit = "3f2c9d1"
fail_to_pass = ["tests/test_cart.py::test_empty"]
gold_file = "cart.diff"
labels = ["kind:fix"]
seconds = 30

[ticket.environment]
python = "3.12"
packages = ["pytest"]

[ticket.hidden]
"tests/test_cart.py" = "def test_empty(): ..."
"""
    )
    (ticket,) = load_tickets(tmp_path / "tickets.toml")
    assert ticket.id == "cart-17"
    assert ticket.repo == str(tmp_path / "shop")
    assert ticket.gold == "diff --git a/x b/x\n"
    assert ticket.grader.hidden[0].content == b"def test_empty(): ..."
    assert (ticket.grader.seconds, ticket.environment.python) == (30, "3.12")


def test_a_markdown_ticket_has_its_fields_in_front_and_its_brief_below(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        '+++\nid = "a"\nbase_commit = "1"\nfail_to_pass = ["t.py::t"]\n+++\n'
        "# The title\n\nThe body.\n\n## More\n\nof it\n"
    )
    (tmp_path / "b.md").write_text(
        "---\nid: b\ntitle: Another\nbase_commit: 1234567\nfail_to_pass:\n  - t.py::t\n---\nThe body.\n"
    )
    first, second = load_tickets(tmp_path)
    assert (first.title, first.body) == ("The title", "The body.\n\n## More\n\nof it")
    assert (second.title, second.base_commit, second.grader.fail_to_pass) == ("Another", "1234567", ("t.py::t",))


def test_a_line_with_a_fix_commit_takes_gold_and_hidden_tests_from_the_history(tmp_path: Path) -> None:
    shop = Repository(tmp_path, CALC)
    fix = shop.commit({**FIXED, **HIDDEN}, "Fix the sum")
    line = {
        "id": "calc-1",
        "repo": "shop",
        "base_commit": shop.base,
        "fix_commit": fix,
        "title": "The sum is wrong",
        "fail_to_pass": [ADD],
        "pass_to_pass": [],
        "status": "admitted",
        "reason": "",
    }
    (tmp_path / "tickets.jsonl").write_text(json.dumps(line) + "\n")
    (ticket,) = load_tickets(tmp_path / "tickets.jsonl")
    assert "+    return a + b" in (ticket.gold or "")
    assert [file.path for file in ticket.grader.hidden] == ["tests/test_calc.py"]


def test_a_ticket_as_meta_writes_it_is_read_back_unchanged(tmp_path: Path) -> None:
    shop = Repository(tmp_path, CALC)
    fix = shop.commit({**FIXED, **HIDDEN}, "Fix the sum")
    line = {
        "id": "calc-1",
        "repo": "shop",
        "base_commit": shop.base,
        "fix_commit": fix,
        "title": "Sum",
        "fail_to_pass": [ADD],
    }
    (tmp_path / "tickets.jsonl").write_text(json.dumps(line))
    tickets = load_tickets(tmp_path / "tickets.jsonl")
    (tmp_path / "again.jsonl").write_text(tickets[0].model_dump_json())
    assert load_tickets(tmp_path / "again.jsonl") == tickets


def test_a_line_ends_where_json_lines_say_it_does(tmp_path: Path) -> None:
    body = "one\u2028two\u2029three\x85four"
    line = {"id": "a", "title": "T", "base_commit": "1", "fail_to_pass": ["t.py::t"], "body": body}
    path = tmp_path / "tickets.jsonl"
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n")
    assert [ticket.body for ticket in load_tickets(path)] == [body]


def test_every_bad_entry_is_named_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    good = {"id": "a", "title": "T", "base_commit": "1"}
    lines = [
        json.dumps(good),
        "{not json",
        json.dumps({"id": "b", "base_commit": "1"}),
        json.dumps({**good, "id": "c", "fail_to_pas": []}),
        json.dumps({**good, "id": "no spaces allowed"}),
        json.dumps({**good, "id": "d", "gold_file": "nowhere.diff"}),
        json.dumps(good),
        json.dumps({**good, "id": "e", "repo": "nowhere", "fix_commit": "2"}),
        "",
        "[]",
        "[" * 5000,
        "9" * 5000,
    ]
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(MetaError) as error:
        load_tickets(path)
    said = error.value.message.split("\n")
    assert said[0] == f"10 entries of {path} cannot be read:"
    for line, words in zip(
        said[1:],
        [
            ":2: this is not JSON",
            ":3: `title` is missing; add it",
            ":4: there is no field `fail_to_pas`; did you mean `fail_to_pass`?",
            ":5: `id`:",
            ":6: cannot read the diff nowhere.diff",
            ":7: id 'a' is taken by",
            ":8: cannot read the change 1..2",
            ":10: a line has to be a JSON object",
            ":11: this cannot be read",
            ":12: this cannot be read",
        ],
        strict=True,
    ):
        assert words in line
    assert "docs/tickets.md" in error.value.remedy


def test_whatever_an_entry_holds_it_keeps_no_other_back(tmp_path: Path) -> None:
    good = {"id": "a", "title": "A line\u2028is not over here", "base_commit": "1"}
    odd = [
        json.dumps({**good, "id": "b", "title": "\ud800"}),
        json.dumps({**good, "id": "c", "repo": "a\0b"}),
        json.dumps({**good, "id": "d", "repo": "~nobody-of-this-name/shop"}),
        json.dumps({**good, "id": "e", "hidden": {"tests/\ud800.py": "x"}}),
        json.dumps({**good, "id": "f", "hidden": {"tests/a.py": "\ud800"}}),
        json.dumps({**good, "id": "g", "hidden_files": {"tests/a.py": "n" * 5000}}),
        json.dumps({**good, "id": "h", "gold_file": "."}),
        json.dumps({**good, "id": "i", "fix_commit": "--output=made"}),
        '{"id": "j", "labels": ' + "[" * 100_000,
        '{"id": "k", "seconds": ' + "9" * 5000 + "}",
        "\0",
    ]
    text = "\n".join([json.dumps(good, ensure_ascii=False), *odd, json.dumps({**good, "id": "z"})])
    (tmp_path / "a.jsonl").write_text("\ufeff" + text)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "c.toml").write_text("a = " + "[" * 5000)
    (tmp_path / "d.md").mkdir()
    (tmp_path / "e.md").symlink_to("nowhere")
    read = read_ticket_files([tmp_path, tmp_path / "nowhere.toml"])
    assert [ticket.id for ticket in read.tickets] == ["a", "z"]
    assert len(read.problems) == len(odd) + 5
    assert not (tmp_path / "made").exists()


def test_broken_toml_and_front_matter_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[ticket]]\nid = "a"\ntitle = \n')
    (tmp_path / "b.md").write_text("No fields at all\n")
    (tmp_path / "c.md").write_text('+++\nid = "c"\nid =\n+++\n# T\n')
    (tmp_path / "d.toml").write_text('[[ticket]]\nid = "x"\ntitle = "T"\nbase_commit = "1"\n\n[[ticket]]\nid = "y"\n')
    with pytest.raises(MetaError) as error:
        load_tickets(tmp_path)
    said = error.value.message
    assert f"{tmp_path / 'a.toml'}:3: this is not TOML" in said
    assert f"{tmp_path / 'b.md'}:1: a Markdown ticket starts with its fields" in said
    assert f"{tmp_path / 'c.md'}:3: the fields are not TOML" in said
    assert f"{tmp_path / 'd.toml'}:6: `title` is missing" in said


def test_a_file_that_is_not_there_or_of_another_kind_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(MetaError, match="cannot read"):
        load_tickets(tmp_path / "nowhere.jsonl")
    write(tmp_path, {"tickets.csv": "id\n"})
    with pytest.raises(MetaError, match="is not a ticket format"):
        load_tickets(tmp_path / "tickets.csv")


def test_the_examples_of_the_documentation_are_read(tmp_path: Path) -> None:
    import re

    text = (Path(__file__).parent.parent / "docs" / "tickets.md").read_text()
    shop = Repository(tmp_path, CALC)
    fix = shop.commit({**FIXED, **HIDDEN}, "Fix the sum")
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "cart-17.diff").write_text("")
    for number, (kind, example) in enumerate(
        re.findall(r"^```(toml|markdown|json)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ):
        ending = {"toml": "toml", "markdown": "md", "json": "jsonl"}[kind]
        made = tmp_path / "tickets" / f"{number}.{ending}"
        made.write_text(example.replace("3f2c9d1", shop.base).replace("9be01aa", fix))
        assert len(load_tickets(made)) == 1
