"""What an edit must be before a replay is spent on it: falsifiable, general, new, loadable; each rule by its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meta.app import App
from meta.project import Project
from meta.records.candidate import Edit
from meta.records.ticket import Grader, HiddenFile, Ticket
from meta.settings import Settings
from meta.tune.propose.draft_format import parse_edits
from meta.tune.propose.evidence import list_tried_edits
from meta.tune.propose.repetition import is_repeat
from tests.test_night import GOOD, House, Scripted, edit
from worker_agent.surface import DEFAULT_ROOT

SYSTEM = (DEFAULT_ROOT / "prompts" / "system.md").read_text()
CONFIG = (DEFAULT_ROOT / "agent.toml").read_text()
SURFACE = {"prompts/system.md": SYSTEM, "agent.toml": CONFIG}
GOLD = "+++ b/a.py\n+total = sum(line.amount for line in lines)\n+\n+if not total:\n+    return Decimal(0)\n"


def adding(text: str, path: str = "prompts/system.md") -> Edit:
    return Edit(title="t", themes=("convention",), changes={path: SURFACE.get(path, "") + text})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house") / "agent", tickets=2)


Refused = Callable[..., str]


@pytest.fixture
def refused(house: House, tmp_path: Path) -> Iterator[Refused]:
    """Why an edit is refused, beside these tickets and these edits that were tried before; empty where it is not."""
    opened: list[App] = []

    def find_objection(made: Edit, *tickets: Ticket, earlier: tuple[Edit, ...] = (), **search: object) -> str:
        worker = {"model": "m", "base_url": "http://127.0.0.1:9", "repository": str(house.root)}
        settings = {"root": tmp_path / str(len(opened)), "search": search, "worker": worker}
        (tmp_path / str(len(opened))).mkdir()
        opened.append(App(Project(Settings.model_validate(settings))))
        store = opened[-1].store
        for each in tickets:
            store.tickets.add(each)
        for each in earlier:
            night = store.nights.resume_or_open_tuning(1)
            candidate = store.candidates.move(store.candidates.add(night.id, "p", each), "testing")
            store.candidates.move(candidate, "refused")
        return opened[-1].edit_check.find_objection(made, opened[-1].history.head()) or ""

    yield find_objection
    for app in opened:
        app.close()


def ticket(**changed: object) -> Ticket:
    return Ticket.model_validate({"id": "TB-7", "title": "t", "repo": "-", "base_commit": "-", **changed})


# Claims.

WHOLE = """\
## Edit: Slow down
theme: incomplete
hypothesis: It hurries.
answers: PR #3, PR #4
flips: t-1

prompts/system.md
```
Be slow.
```
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("theme: incomplete\n", "name a theme"),
        ("hypothesis: It hurries.\n", "state a hypothesis"),
        ("answers: PR #3, PR #4\nflips: t-1\n", "name a failing ticket"),
        (", PR #4\nflips: t-1", "a single comment is not reason enough"),
    ],
)
def test_an_edit_without_its_claims_is_told_what_is_missing(line: str, words: str) -> None:
    [good] = parse_edits(WHOLE, SURFACE)
    assert not good.problem
    assert line in WHOLE
    [draft] = parse_edits(WHOLE.replace(line, "" if line.endswith("\n") else "\n"), SURFACE)
    assert words in draft.problem


# Pieces of what is known.


@pytest.mark.parametrize(
    "text",
    [
        "total = sum(line.amount for line in lines)\nif not total:\n    return Decimal(0)\n",
        "- `total = sum(line.amount for line in lines)`\n- `if not total:`\n- `return Decimal(0)`\n",
    ],
)
def test_a_run_of_lines_of_a_solution_is_found_however_it_is_dressed(refused: Refused, text: str) -> None:
    assert "piece of a past solution" in refused(adding(text), ticket(gold=GOLD))
    assert not refused(adding(text.splitlines()[0] + "\n"), ticket(gold=GOLD))


def test_lines_of_a_solution_told_in_one_sentence_are_found_too(refused: Refused) -> None:
    told = "Say `total = sum(line.amount for line in lines)  if not total: return Decimal(0)` in such a case.\n"
    assert "piece of a past solution" in refused(adding(told), ticket(gold=GOLD))
    apart = "Say total = sum(line.amount for line in lines). Say if not total: and return Decimal(0) in such a case.\n"
    assert not refused(adding(apart), ticket(gold=GOLD))


def test_a_piece_of_a_hidden_test_is_found(refused: Refused) -> None:
    body = "def test_x():\n    invoice = Invoice(total=Decimal(3))\n    assert invoice.tax == Decimal('0.57')\n"
    hidden = ticket(grader=Grader(hidden=(HiddenFile(path="tests/test_x.py", content=body.encode()),)))
    assert "piece of a past solution" in refused(adding(body), hidden)


# Repeats.


LONG = "Before you change anything, read the house rules of the repository, look at how similar things are done there, "


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("Read the rules first.\n", "\n\n   read the RULES, first!\n"),
        (LONG + "and follow both.\n", LONG + "and follow them both.\n"),
    ],
)
def test_the_same_in_other_words_is_refused(refused: Refused, first: str, again: str) -> None:
    why = refused(adding(again), earlier=(adding(first),))
    assert "repeats an earlier edit, 't', which is refused" in why


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("Read the rules first.\n", "Run the tests first.\n"),
        (LONG + "and touch at most 3 files.\n", LONG + "and touch at most 30 files.\n"),
        (LONG + "and change them.\n", LONG + "and never change them.\n"),
    ],
)
def test_what_means_something_else_is_no_repeat(first: str, other: str) -> None:
    assert not is_repeat(adding(other), adding(first), SURFACE)


def test_a_number_in_agent_toml_makes_a_different_edit() -> None:
    low, high = (
        Edit(title="t", changes={"agent.toml": CONFIG.replace("turns = 40", f"turns = {n}")}) for n in (20, 30)
    )
    assert not is_repeat(high, low, SURFACE)
    assert is_repeat(low, low, SURFACE)


# Tools and settings.

TOOL = '''"""Count."""


def count(path: str, most: int = 3) -> str:
    """Count the lines of a file.

    Args:
        path: the file
    """
    return str(len(open(path).read().splitlines()))
'''
NAMED = CONFIG.replace('tools = ["read_file"', 'tools = ["count", "read_file"')


def with_tool(text: str, config: str = NAMED) -> Edit:
    return Edit(title="t", themes=("c",), changes={"tools/count.py": text, "agent.toml": config})


def test_a_new_tool_loads_and_answers_a_trial_call_in_the_sandbox(refused: Refused) -> None:
    assert not refused(with_tool(TOOL))


@pytest.mark.parametrize(
    ("text", "config", "words"),
    [
        (TOOL, CONFIG, "agent.toml does not list the tool 'count'"),
        (TOOL.replace("def count", "def other"), NAMED, "has no function count()"),
        (TOOL.replace("    return", "    import nowhere\n    return"), NAMED, "count failed: ModuleNotFound"),
        (TOOL.replace("open(path)", "opened(path)"), NAMED, "count failed: NameError"),
        (TOOL.replace("    return", "    import os\n    os._exit(1)\n    return"), NAMED, "trial call of count failed"),
    ],
)
def test_a_tool_that_would_not_work_is_refused(refused: Refused, text: str, config: str, words: str) -> None:
    assert words in refused(with_tool(text, config))


def test_an_error_that_a_tool_answers_on_purpose_is_an_answer(refused: Refused) -> None:
    assert not refused(with_tool(TOOL.replace("    return", "    raise ValueError('no')\n    return")))


def test_only_a_listed_model_may_be_asked_for(refused: Refused) -> None:
    change = Edit(title="t", changes={"agent.toml": CONFIG.replace('model = ""', 'model = "new"')})
    assert "asks for the model 'new'" in refused(change)
    assert not refused(change, models=("new",))


# What comes back to the proposer.


def test_a_refused_edit_comes_back_once_with_the_reason(tmp_path: Path) -> None:
    house = House(tmp_path / "agent")
    proposer = Scripted(edit("Rules first", GOOD, "convention"))
    house.tune(proposer)
    house.tune(proposer)
    [why] = proposer.objections
    assert "repeats an earlier edit, 'Rules first', which is kept" in why


def test_what_was_tried_is_told_with_search_results_and_without_the_gates(tmp_path: Path) -> None:
    house = House(tmp_path / "agent", tickets=0)
    store = house.app().store
    night = store.nights.resume_or_open_tuning(1).id
    dropped, lost = (store.candidates.add(night, "p", adding(text)) for text in ("a", "b"))
    store.candidates.move(dropped, "screened_out", "1 of 6 replays passed on search tickets that had failed")
    store.candidates.move(store.candidates.move(lost, "testing"), "refused", "on tickets of its theme 3 of 10 passed")
    first, second = list_tried_edits(store)
    assert "1 of 6 replays passed on search tickets" in first
    assert "3 of 10" not in second
    assert "no gain could be shown" in second


def test_a_long_history_is_told_from_its_newer_end(tmp_path: Path) -> None:
    house = House(tmp_path / "agent", tickets=0)
    store = house.app().store
    night = store.nights.resume_or_open_tuning(1).id
    for number in range(100):
        made = store.candidates.add(night, "p", Edit(title=f"edit {number}"))
        store.candidates.move(made, "invalid", "-")
    told = list_tried_edits(store)
    assert told[0] == "20 older edits"
    assert len(told) == 81
    assert told[-1].startswith("edit 99")
