"""Exports as JSON lines: good lines are kept, each bad one is named, nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback.jsonl import JsonlExport, format_export_line
from feedback.outcome import Cause, Comment, Diff, Outcome, OutcomeEvidence, OutcomeKind
from feedback.problems import FeedbackError
from feedback.source import Cursor

DOCS = Path(__file__).parent.parent / "docs" / "feedback.md"
GOOD: dict[str, Any] = {"repository": "team/app", "number": 7, "title": "Fix", "outcome": "merged"}


def export(path: Path, *lines: object) -> JsonlExport:
    """An export of these lines: objects as JSON, bytes as they are."""
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file = path / "outcomes.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in raw))
    return JsonlExport(file)


def test_the_documented_example_is_read_as_documented(tmp_path: Path) -> None:
    example = re.search(r"```json\n(.*?)\n```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    source = export(tmp_path, example[1].encode())
    (outcome,) = source.outcomes()
    assert (outcome.key, outcome.kind, outcome.cause) == ("team/app#7", OutcomeKind.REJECTED, Cause.WEAK_TESTS)
    assert outcome.reviewer_words[0].place == "app.py:3"
    assert source.problems == []


def test_every_documented_field_is_accepted(tmp_path: Path) -> None:
    table = DOCS.read_text(encoding="utf-8").split("| field | |")[1].split("\n\n")[0]
    names = {
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    source = export(tmp_path, GOOD | dict.fromkeys(names - GOOD.keys()))
    assert len(list(source.outcomes())) == 1
    assert source.problems == []


def test_what_a_line_does_not_say_is_unknown(tmp_path: Path) -> None:
    (outcome,) = export(tmp_path, GOOD).outcomes()
    assert {"opened_at", "words", "submitted_diff", "merged_sha"} <= set(outcome.unknown_fields)
    (outcome,) = export(tmp_path, GOOD | {"comments": []}).outcomes()
    assert "words" not in outcome.unknown_fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not an object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"number": ' + b"9" * 5000 + b"}", "not JSON"),
        ({}, "repository, number, title, outcome missing"),
        (GOOD | {"number": 0}, "number"),
        (GOOD | {"number": "many"}, "number"),
        (GOOD | {"number": True}, "number"),
        (GOOD | {"outcome": "great"}, "outcome"),
        (GOOD | {"closed_at": "yesterday"}, "closed_at"),
        (GOOD | {"closed_at": "2026-03-01T10:00:00"}, "closed_at"),
        (GOOD | {"comments": "none"}, "comments"),
        (GOOD | {"comments": [{"author": "ann"}]}, "comments.0.text"),
        (GOOD | {"comments": [{"author": "ann", "text": "x", "mood": "good"}]}, "comments.0.mood"),
        (GOOD | {"cause": "bad_luck"}, "cause"),
        (GOOD | {"submitted_diff": 7}, "submitted_diff"),
        (GOOD | {"title": 7, "url": "\ud800"}, "title"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_and_the_good_ones_are_kept(
    tmp_path: Path, line: object, said: str
) -> None:
    source = export(tmp_path, GOOD, line, GOOD | {"number": 8})
    assert [outcome.number for outcome in source.outcomes()] == [7, 8]
    (problem,) = source.problems
    assert problem.place == f"{tmp_path / 'outcomes.jsonl'}:2"
    assert said in problem.text
    assert not problem.is_kept


def test_an_unknown_field_is_named_and_the_line_kept(tmp_path: Path) -> None:
    source = export(tmp_path, GOOD | {"coment": "typo"})
    assert len(list(source.outcomes())) == 1
    assert "'coment'" in str(source.problems[0])
    assert source.problems[0].is_kept


def test_a_line_too_long_to_hold_is_refused_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedback.jsonl.MAX_LINE_BYTES", 1000)
    source = export(tmp_path, GOOD | {"submitted_diff": "x" * 5000}, GOOD | {"number": 8})
    assert [outcome.number for outcome in source.outcomes()] == [8]
    assert "longer than 1000 bytes" in source.problems[0].text


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    line = json.dumps(GOOD).encode()
    source = export(tmp_path, b"\xef\xbb\xbf" + line + b"\r", b"", b"  ")
    assert len(list(source.outcomes())) == 1
    assert source.problems == []


def test_half_a_surrogate_pair_is_replaced_since_nothing_could_store_it(tmp_path: Path) -> None:
    half = {"url": "\ud800", "version": "\ud800", "head_sha": "\udfff", "submitted_diff": "\ud800"}
    (outcome,) = export(tmp_path, GOOD | half | {"title": "a \ud800"}).outcomes()
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_the_later_of_two_lines_about_one_pull_request_stands(tmp_path: Path) -> None:
    source = export(tmp_path, GOOD, GOOD | {"outcome": "reverted"})
    assert [outcome.kind for outcome in source.outcomes()] == [OutcomeKind.REVERTED]


def test_a_later_line_that_is_bad_does_not_displace_a_good_one(tmp_path: Path) -> None:
    source = export(tmp_path, GOOD, GOOD | {"outcome": "great"})
    assert [outcome.kind for outcome in source.outcomes()] == [OutcomeKind.MERGED]


def test_a_second_run_yields_only_what_changed(tmp_path: Path) -> None:
    source = export(tmp_path, GOOD, GOOD | {"number": 8})
    assert len(list(source.outcomes())) == 2
    cursor = source.cursor
    assert cursor is not None
    cursor = Cursor.model_validate_json(cursor.model_dump_json())
    assert list(source.outcomes(cursor)) == []
    source = export(tmp_path, GOOD | {"number": 9}, GOOD, GOOD | {"number": 8, "outcome": "reverted"})
    assert [outcome.number for outcome in source.outcomes(cursor)] == [9, 8]


def test_a_run_that_is_killed_yields_the_outcome_in_hand_again(tmp_path: Path) -> None:
    source = export(tmp_path, *(GOOD | {"number": n} for n in (7, 8, 9)))
    run = source.outcomes()
    assert [next(run).number, next(run).number] == [7, 8]
    assert [outcome.number for outcome in source.outcomes(source.cursor)] == [8, 9]


def test_a_file_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match=r"nowhere\.jsonl.*docs/feedback\.md"):
        list(JsonlExport(tmp_path / "nowhere.jsonl").outcomes())


def test_a_cursor_of_another_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="not to jsonl:"):
        list(export(tmp_path, GOOD).outcomes(Cursor(source="git:x")))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    outcome = Outcome.model_validate(
        {
            "repository": "team/app",
            "number": 7,
            "title": "Fix ünïcode",
            "kind": "revised",
            "agent": "robo",
            "author": "robo",
            "recognised_by": "export",
            "closed_at": "2026-03-01T10:00:00Z",
            "submitted_diff": Diff(text="+a\n"),
            "revision": Diff(text=""),
            "words": (
                Comment(author="ann", text="Why?\nBecause.", place="a b/c.py:3", association="MEMBER"),
                Comment(author="bob", text="Hm", place="c.py"),
            ),
            "evidence": (OutcomeEvidence(kind="squash", text="Fix (#7)", place="abc", source="git"),),
        }
    ).with_cause(Cause.TOO_WIDE, "model", (OutcomeEvidence(kind="words", text="too much", source="github"),))
    (again,) = export(tmp_path, format_export_line(outcome).encode()).outcomes()
    assert again.model_copy(update={"unknown_fields": ()}) == outcome


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [*GOOD, "url", "author", "closed_at", "submitted_diff", "comments", "evidence", "cause", "cause_by", "agent"]
hostile_objects = st.builds(
    lambda base, changes: base | changes, st.just(GOOD), st.dictionaries(st.sampled_from(FIELDS), json_values)
)
hostile_comments = st.dictionaries(
    st.sampled_from(["author", "text", "association", "path", "line", "when"]), json_values
)
hostile_lines = st.one_of(
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b" ")),
    json_values.map(lambda value: json.dumps(value).encode()),
    hostile_objects.map(lambda value: json.dumps(value).encode()),
    hostile_comments.map(lambda value: json.dumps(GOOD | {"comments": [value]}).encode()),
    st.integers(1, 60).map(lambda cut: json.dumps(GOOD).encode()[:cut]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(hostile_lines, min_size=1, max_size=8))
def test_no_line_stops_the_good_ones_and_each_is_either_kept_or_named(tmp_path: Path, lines: list[bytes]) -> None:
    mine = [GOOD | {"repository": "mine", "number": n} for n in range(1, len(lines) + 2)]
    mixed = [part for pair in zip(mine, lines, strict=False) for part in pair] + [mine[-1]]
    source = export(tmp_path, *mixed)
    found = list(source.outcomes())
    assert [o.number for o in found if o.repository == "mine"] == list(range(1, len(lines) + 2))
    named = {int(p.place.rpartition(":")[2]) for p in source.problems if not p.is_kept}
    for outcome in found:
        assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome
    kept = len(mixed) - len(named) - sum(not line.strip(b" \t\r\xef\xbb\xbf") for line in lines)
    same_key = kept - len(found)
    assert 0 <= same_key < len(lines)
    assert all(number % 2 == 0 for number in named)
