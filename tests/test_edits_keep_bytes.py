"""Edits change the passage they are about, and no other byte of the file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meta.surfaces.versions import GitVersions
from meta.tune.propose.draft_format import parse_edits
from tests.messages_server import call, message, script, text
from tests.worker_run import DONE, Run
from worker_agent.text_file import decode_file, keep_line_ends, replace_passage

SAME = "one\n\ttwo\nthree\n"
BEFORE_AND_AFTER = {
    "CR LF": (b"one\r\n\ttwo\r\nthree\r\n", b"one\r\n\t2\r\n\t2b\r\nthree\r\n"),
    "bare CR": (b"one\r\ttwo\rthree\r", b"one\r\t2\r\t2b\rthree\r"),
    "mixed": (b"one\n\ttwo\r\nthree\n", b"one\n\t2\r\n\t2b\r\nthree\n"),
    "no end": (b"one\r\n\ttwo", b"one\r\n\t2\r\n\t2b"),
    "mark": (b"\xef\xbb\xbfone\n\ttwo\nthree\n", b"\xef\xbb\xbfone\n\t2\n\t2b\nthree\n"),
    "mark first": (b"\xef\xbb\xbf\ttwo\r\nthree\n", b"\xef\xbb\xbf\t2\r\n\t2b\r\nthree\n"),
    "Latin-1": (b"caf\xe9\n\ttwo\n\xff\xfe", b"caf\xe9\n\t2\n\t2b\n\xff\xfe"),
    "broken UTF-8": (b"\xc3\x28\n\ttwo\n\xf0\x9f", b"\xc3\x28\n\t2\n\t2b\n\xf0\x9f"),
    "UTF-16": ("\ufeffé\r\n\ttwo\r\n".encode("utf-16-le"), "\ufeffé\r\n\t2\r\n\t2b\r\n".encode("utf-16-le")),
    "separators": ("a\u2028b\x0c\x85\n\ttwo\n".encode(), "a\u2028b\x0c\x85\n\t2\n\t2b\n".encode()),
}
PASSAGE = "odd.txt\n```\n<<<<<<< SEARCH\n\ttwo\n=======\n\t2\n\t2b\n>>>>>>> REPLACE\n```"


def commit(repo: Path, name: str, data: bytes) -> None:
    (repo / name).write_bytes(data)
    for command in (["add", "-A"], ["commit", "-qm", "odd"]):
        subprocess.run(["git", "-c", "core.autocrlf=false", *command], cwd=repo, check=True)


def edited(run: Run) -> bytes:
    return (run.scratch / "w" / "tree" / "odd.txt").read_bytes()


@pytest.mark.parametrize("case", BEFORE_AND_AFTER)
def test_the_edit_tool_keeps_them(run: Run, case: str) -> None:
    before, after = BEFORE_AND_AFTER[case]
    commit(run.repo, "odd.txt", before)
    assert run(script(message(call("edit_file", path="odd.txt", old="\ttwo", new="\t2\n\t2b")), message(DONE))).diff
    assert edited(run) == after


@pytest.mark.parametrize("case", BEFORE_AND_AFTER)
def test_passages_of_the_text_protocol_keep_them(run: Run, surface: Callable[..., Path], case: str) -> None:
    before, after = BEFORE_AND_AFTER[case]
    commit(run.repo, "odd.txt", before)
    run(script(message(text(PASSAGE))), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert edited(run) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"one\r\ntwo\r\n", b"one\r\n2\r\n"),
        (b"one\rtwo\r", b"one\r2\r"),
        (b"one\r\ntwo", b"one\r\n2"),
        (b"one\ntwo", b"one\n2"),
        (b"\xef\xbb\xbfone\r\ntwo\r\n", b"\xef\xbb\xbfone\r\n2\r\n"),
        (b"\xff\xfeo\0n\0e\0\n\0t\0\n\0", b"\xff\xfeo\0n\0e\0\n\x002\0\n\0"),
    ],
)
def test_a_whole_file_is_written_as_it_was(run: Run, surface: Callable[..., Path], before: bytes, after: bytes) -> None:
    commit(run.repo, "odd.txt", before)
    whole = message(text("odd.txt\n```\none\n2\n```"))
    run(script(whole), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert edited(run) == after


def test_what_an_encoding_cannot_hold_is_told_to_the_model(run: Run, surface: Callable[..., Path]) -> None:
    commit(run.repo, "odd.txt", b"caf\xe9\n\ttwo\n")
    wrong = message(text(PASSAGE.replace("2b", "\u0142")))
    run(script(wrong, message(text(PASSAGE))), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert "latin-1, which has no '\u0142'" in run.requests[1]["messages"][-1]["content"][0]["text"]
    assert edited(run) == b"caf\xe9\n\t2\n\t2b\n"


def test_a_model_may_write_lines_that_end_in_cr_lf() -> None:
    assert replace_passage("a\nb\nc\n", "b\r\n", "x\r\ny\r\n") == "a\nx\ny\nc\n"


def test_line_ends_may_be_what_is_changed() -> None:
    assert replace_passage("a\r\nb\r\n", "a\r\n", "a\n") == "a\nb\r\n"


def test_a_passage_is_ambiguous_however_its_lines_end() -> None:
    assert replace_passage("a\nb\na\r\nb\r\n", "a\nb\n", "c\n") is None


def test_lines_that_stay_keep_their_own_ends() -> None:
    assert keep_line_ends("a\r\nb\nc\rd\r\n", "new\na\nc\nd\n") == "new\r\na\r\nc\rd\r\n"


TEXTS = st.text(st.sampled_from("ab\t \r\n\u2028\x85\ufeffé"), max_size=30)


@given(TEXTS, TEXTS.filter(lambda old: old.strip()), TEXTS, TEXTS)
def test_what_stands_around_a_passage_stays(before: str, old: str, new: str, after: str) -> None:
    assume("\r\n" not in (before[-1:] + old[:1], old[-1:] + after[:1]))  # one line end, which no passage divides
    changed = replace_passage(before + old + after, old, new)
    if changed is not None and (before + after).count(old) == 0 and (before + old + after).count(old) == 1:
        assert changed.startswith(before)
        assert changed.endswith(after)


@given(st.binary(max_size=60) | TEXTS.map(lambda t: t.encode("utf-16")))
def test_any_bytes_are_read_as_text_and_written_back(data: bytes) -> None:
    file = decode_file(data)
    assert file.encode(file.text) == data


@given(TEXTS)
def test_a_text_written_anew_is_the_same(before: str) -> None:
    assume(not before.startswith("\ufeff\ufeff"))  # whether a text begins with a mark or is marked, nobody can tell
    plain = before.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert keep_line_ends(before, plain if plain.endswith("\n") else plain + "\n").removesuffix("\n") == (
        before.removesuffix("\n")
    )


def test_a_proposers_edit_of_a_prompt_keeps_its_line_ends(tmp_path: Path, surface: Callable[..., Path]) -> None:
    root = surface()
    prompt = root / "prompts" / "system.md"
    prompt.write_bytes(b"\xef\xbb\xbfBe brief.\r\nTest.\r\n\tStop")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root, "notes.txt", b"x")
    versions = GitVersions(root, ".", tmp_path / "cache")
    from meta.surfaces.versions import read_surface_text
    from worker_agent.surface import list_surface_files

    head = versions.head()
    files = read_surface_text(head.surface, list_surface_files(head.surface.root))
    reply = (
        "## Edit: More\ntheme: x\nhypothesis: y\nflips: t\n\nprompts/system.md\n```\n<<<<<<< SEARCH\n"
        "Test.\n=======\nTest twice.\nReally.\n>>>>>>> REPLACE\n```\n"
    )
    [draft] = parse_edits(reply, files)
    assert draft.edit is not None
    made = versions.commit(head, draft.edit.changes, "more", "refs/meta/c-1")
    after = b"\xef\xbb\xbfBe brief.\r\nTest twice.\r\nReally.\r\n\tStop"
    assert (made.surface.root / "prompts" / "system.md").read_bytes() == after
    assert versions.carry_over(head.commit, made.commit, head) == {"prompts/system.md": after.decode()}
    shown = subprocess.run(
        ["git", "show", f"{made.commit}:prompts/system.md"], cwd=root, capture_output=True, check=True
    )
    assert shown.stdout == after
