"""Both proposers over real HTTP: one question with an answer in text, and an agent that edits with tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.tune.propose.draft_format import parse_edits, render_question
from meta.tune.propose.editing_agent import EditingAgent
from meta.tune.propose.evidence import Complaint, Failure, ProposerEvidence, shorten_transcript
from meta.tune.propose.one_sentence import OneSentence
from meta.tune.propose.rewrite import Rewrite
from tests.messages_server import call, message, script, serving, text
from worker_agent.model import MessagesModel, ModelEndpoint
from worker_agent.sandbox.discovery import open_sandbox

SURFACE = {"prompts/system.md": "You are an engineer.\nBe quick.\n", "agent.toml": "effort = ''\n"}
EVIDENCE = ProposerEvidence(
    failures=(
        Failure(ticket="t-1", brief="Mend it", labels=("convention",), reason="test_x failed", transcript="said: done"),
    ),
    passed=("t-2",),
    complaints={
        "ignored_convention": (Complaint(pull_request="PR #3", title="Add", kind="revised", quotes=("> no",)),)
    },
    tried=("Be careful (theme: none) - refused: no gain could be shown",),
)
ONE = """\
Here is what I would do.

## Edit: Slow down
theme: ignored_convention, incomplete
hypothesis: It hurries.
answers: PR #3
flips: t-1

prompts/system.md
```
<<<<<<< SEARCH
Be quick.
=======
Read the rules first.
>>>>>>> REPLACE
```
"""


def test_an_edit_is_read_with_what_it_claims() -> None:
    [draft] = parse_edits(ONE, SURFACE)
    edit = draft.edit
    assert edit is not None
    assert (edit.title, edit.themes) == ("Slow down", ("ignored_convention", "incomplete"))
    assert (edit.hypothesis, edit.answers, edit.flips) == ("It hurries.", ("PR #3",), ("t-1",))
    assert edit.changes == {"prompts/system.md": "You are an engineer.\nRead the rules first.\n"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Be quick.\n=", "Be nimble.\n=", "must appear exactly once in prompts/system.md"),
        ("prompts/system.md", "prompts/other.md", "prompts/other.md is not on the surface"),
        ("prompts/system.md\n```", "nothing here", "it changes no file"),
    ],
)
def test_an_edit_that_cannot_be_applied_says_why(old: str, new: str, problem: str) -> None:
    [draft] = parse_edits(ONE.replace(old, new), SURFACE)
    assert draft.edit is None
    assert problem in draft.problem


def test_several_edits_stand_apart() -> None:
    drafts = parse_edits(ONE + ONE.replace("Slow down", "Slower").replace("Read the", "Learn the"), SURFACE)
    assert [d.title for d in drafts] == ["Slow down", "Slower"]
    assert all(d.edit and len(d.edit.changes) == 1 for d in drafts)


def test_the_question_shows_surface_failures_words_and_what_was_tried() -> None:
    asked = render_question(EVIDENCE, SURFACE, 2)
    for words in (
        "Be quick.",
        "t-1",
        "> said: done",
        "PR #3 (revised), titled:\n> Add",
        "> no",
        "refused: no gain",
        "at most 2",
    ):
        assert words in asked


def test_a_transcript_is_cut_where_it_is_dull() -> None:
    events = [
        {"kind": "reply", "content": [text("I will look."), call("read_file", path="a.py")]},
        {"kind": "tool", "name": "read_file", "input": {"path": "a.py"}, "result": "x" * 5000, "error": False},
        {"kind": "tool", "name": "run_tests", "input": {}, "result": "exit code 1\n" + "E" * 300, "error": False},
        {"kind": "end", "ended": "submitted", "detail": ""},
    ]
    told = shorten_transcript(events)
    assert "said: I will look." in told
    assert "E" * 300 in told
    assert "x" * 100 not in told
    assert told.endswith("end: submitted")


def test_one_question_gives_edits_and_a_refused_one_comes_back_once() -> None:
    again = ONE.replace("Slow down", "Slow down, shorter")
    with serving(script(message(text(ONE)), message(text(again)))) as served:
        proposer = Rewrite(MessagesModel(ModelEndpoint("m", served.url)))
        [draft] = proposer.propose(EVIDENCE, SURFACE, 3)
        revised = proposer.revise(draft, "it is too long")
    assert revised is not None
    assert revised.title == "Slow down, shorter"
    assert "it is too long" in served.requests[1]["messages"][-1]["content"][0]["text"]
    assert proposer.usage.calls == 2
    assert proposer.model == "scripted-1"


def test_a_proposer_that_says_nothing_proposes_nothing() -> None:
    with serving(script(message(text("I have no idea.")))) as served:
        assert not Rewrite(MessagesModel(ModelEndpoint("m", served.url))).propose(EVIDENCE, SURFACE, 3)


def test_a_very_small_model_says_one_sentence_and_the_edit_is_made_from_it() -> None:
    said = ['"Read the file before you\nchange it."', "word " * 100, "Keep the names that are there."]
    with serving(script(*(message(text(each)) for each in said))) as served:
        proposer = OneSentence(MessagesModel(ModelEndpoint("m", served.url)))
        [draft, rambling] = proposer.propose(EVIDENCE, SURFACE, 2)
        revised = proposer.revise(draft, "it was tried")
    assert draft.edit is not None
    assert draft.title == "Read the file before you change it."
    assert draft.edit.changes == {"prompts/system.md": f"{SURFACE['prompts/system.md']}\n{draft.title}\n"}
    assert (draft.edit.themes, draft.edit.flips, draft.problem) == (("convention",), ("t-1",), "")
    assert rambling.problem == "it is not one sentence"
    first, second, third = (request["messages"][0]["content"][0]["text"] for request in served.requests)
    assert "> test_x failed" in first
    assert "- Be careful" in first
    assert f"- {draft.title}" in second
    assert "it was tried" in third
    assert revised is not None
    assert revised.edit is not None
    assert draft.title not in (revised.edit.changes["prompts/system.md"] or "")


def test_a_very_small_model_is_asked_nothing_where_nothing_failed() -> None:
    with serving(script()) as served:
        calm = EVIDENCE.model_copy(update={"failures": ()})
        assert not OneSentence(MessagesModel(ModelEndpoint("m", served.url))).propose(calm, SURFACE, 3)
    assert not served.requests


def test_an_agent_edits_the_surface_in_a_sandbox_and_each_edit_stands_alone(tmp_path: Path) -> None:
    answers = [
        message(call("read_file", path="evidence.md")),
        message(call("edit_file", path="surface/prompts/system.md", old="Be quick.", new="Read the rules first.")),
        message(call("propose", title="Slow down", themes=["ignored_convention"], hypothesis="It hurries.")),
        message(call("propose", title="Nothing", themes=[], hypothesis="-")),
        message(call("edit_file", path="surface/tools/count.py", old="", new="def count() -> str:\n    'Count.'\n")),
        message(call("propose", title="Count", themes=["incomplete"], hypothesis="-", flips=["t-1"])),
        message(text("That is all.")),
    ]
    with serving(script(*answers)) as served:
        proposer = EditingAgent(MessagesModel(ModelEndpoint("m", served.url)), open_sandbox(), tmp_path)
        drafts = proposer.propose(EVIDENCE, SURFACE, 5)
    first, empty, second = drafts
    assert first.edit is not None
    assert first.edit.changes == {"prompts/system.md": "You are an engineer.\nRead the rules first.\n"}
    assert "nothing under surface/ changed" in empty.problem
    assert second.edit is not None
    assert list(second.edit.changes) == ["tools/count.py"]
    read_back = served.requests[1]["messages"][2]["content"][0]["content"]
    assert "What went wrong" in read_back
    assert {t["name"] for t in served.requests[0]["tools"]} == {"read_file", "search", "edit_file", "propose"}
