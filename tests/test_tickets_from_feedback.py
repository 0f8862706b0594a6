"""Pull requests that came back become tickets: what was accepted has to pass, what was submitted has to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from feedback.outcome import Cause, Comment, Outcome, OutcomeKind
from meta.app import App
from meta.grading.acceptance.checks import describe_checks
from meta.grading.grader import grade_submission
from meta.project import Project
from meta.records.ticket import EnvironmentSpec, Ticket
from meta.settings import Settings
from meta.tickets.admission.review_drafts import parse_checks
from meta.tickets.from_feedback.accepted_change import ticket_sides
from meta.tickets.from_feedback.conversion import ConversionResult, convert_outcomes
from meta.tickets.mining.attempt import MiningOptions
from tests.messages_server import Served, message, script, serving, text
from tests.repositories import CALC, Repository
from worker_agent.workspace import make_template

HELPERS = "def clamp(value, low, high):\n    return max(low, min(value, high))\n"
BASE = {**CALC, "helpers.py": HELPERS}
TEST = CALC["tests/test_calc.py"]
WRONG = {"calc.py": str(CALC["calc.py"]).replace("a - b", "b - a")}
RIGHT = {"calc.py": str(CALC["calc.py"]).replace("a - b", "a + b")}
RIGHT_TESTED = {
    **RIGHT,
    "tests/test_calc.py": f"{TEST}\n\ndef test_add():\n    from calc import add\n    assert add(2, 3) == 5\n",
}
BY_HAND = {"share.py": "def share(part, whole):\n    return max(0, min(part / whole, 1))\n"}
REUSED = {
    "share.py": "from helpers import clamp\n\n\ndef share(part, whole):\n    return clamp(part / whole, 0, 1)\n",
    "tests/test_share.py": "from share import share\n\n\ndef test_share():\n    assert share(3, 2) == 1\n",
}
WORDS = "We already have a helper for that: please use clamp from helpers instead of writing it again."
DRAFTED = [
    {"kind": "must_use", "files": "share.py", "text": "clamp", "quote": "please use clamp from helpers"},
    {"kind": "must_touch", "files": "README*", "quote": "please use clamp from helpers"},  # the merged change does not
    {"kind": "must_not_add", "files": "*", "text": "import os", "quote": "please use clamp"},  # tells nothing apart
    {"kind": "must_add", "files": "*", "text": "clamp", "quote": "words that nobody wrote at all"},
    {"kind": "run", "files": "*", "text": "rm -rf", "quote": "please use clamp"},
]


class House:
    """A product with pull requests that came back, and a `runs.db` that knows of them."""

    def __init__(self, folder: Path) -> None:
        self.shop = Repository(folder, BASE)
        self.settings = Settings.model_validate(
            {
                "root": folder,
                "worker": {"model": "m", "retries": 0},
                "replay": {"parallel": 2},
                "repositories": [{"path": "shop", "name": "team/shop"}],
            }
        )
        self.outcomes: dict[int, Outcome] = {}
        self.revised(7)
        self.rejected(8, "Fractions stay between nothing and all\n\nFixes #3", BY_HAND, WORDS, Cause.DUPLICATE_CODE)
        self.shop.commit({"notes.txt": "elsewhere\n"}, "Write something else down")
        self.accepted = self.shop.commit(REUSED, "A share of a whole is never more than all of it\n\nCloses #3")
        self.rejected(9, "Divide by nothing", {"div.py": "1\n"}, "No.", Cause.UNKNOWN)
        self.rejected(10, "Mend it", {"div.py": "2\n"}, "No longer needed.", Cause.PLANS_CHANGED)

    def pull(self, number: int, message: str, files: Mapping[str, str]) -> tuple[str, str]:
        base = self.shop.git("rev-parse", "main").strip()
        self.shop.git("checkout", "-q", "--detach", base)
        head = self.shop.commit(files, message)
        self.shop.git("update-ref", f"refs/pull/{number}/head", head)
        self.shop.git("checkout", "-q", "main")
        return base, head

    def add(self, number: int, **fields: object) -> None:
        said = fields.pop("words")
        words = [Comment(author="ann", text=str(said), association="MEMBER")]
        about = {"repository": "team/shop", "number": number, "agent": "robo", "recognised_by": "export"}
        outcome = Outcome.model_validate({**about, **fields, "words": words, "cause_by": "rule"})
        self.outcomes[number] = outcome

    def revised(self, number: int) -> None:
        base, head = self.pull(number, "Sums are right again", WRONG)
        self.shop.commit({"notes.txt": "main went on\n"}, "Write something down")
        merged = self.shop.commit(RIGHT_TESTED, f"The sum of two numbers is wrong (#{number})")
        self.add(
            number,
            title="Sums are right again",
            kind=OutcomeKind.REVISED,
            cause=Cause.WRONG_BEHAVIOUR,
            base_sha=base,
            submitted_sha=head,
            head_sha=head,
            merged_sha=merged,
            words="This is wrong.",
        )

    def rejected(self, number: int, subject: str, files: Mapping[str, str], said: str, cause: Cause) -> None:
        base, head = self.pull(number, subject, files)
        title = subject.partition("\n")[0]
        self.add(
            number, title=title, kind=OutcomeKind.REJECTED, cause=cause, base_sha=base, submitted_sha=head, words=said
        )

    def run(self, url: str, *, draft: bool = True, again: bool = False) -> dict[str, ConversionResult]:
        worker = self.settings.worker.model_copy(update={"base_url": url})
        app = App(Project(self.settings.model_copy(update={"worker": worker})))
        store, options = app.store, MiningOptions(runs=1, environment=EnvironmentSpec())
        for outcome in self.outcomes.values():
            store.outcomes.save(outcome)
        models = app.models() if draft else None
        made = convert_outcomes(
            store, app.workshop, app.settings, app.report, models=models, again=again, options=options
        )
        found = {result.pull_request: result for result in made}
        self.tickets = {ticket.source: ticket for ticket in store.tickets.all()}
        self.roles = [row.role for row in store.calls.all()]
        app.close()
        return found

    def verdict(self, ticket: Ticket, diff: str) -> str:
        template = make_template(self.shop.path, ticket.base_commit, self.shop.folder / "templates")
        graded = grade_submission(ticket, diff, replace(self.shop.bench(), template=template))
        return f"{graded.tests}, {graded.verdict}: {graded.reason}"


Made = tuple[House, dict[str, ConversionResult], Served]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    house = House(tmp_path_factory.mktemp("feedback"))
    with serving(script(message(text(json.dumps(DRAFTED))))) as served:
        yield house, house.run(served.url), served


def test_a_revised_pull_request_is_a_ticket_that_fails_what_was_submitted(made: Made) -> None:
    house, found, _ = made
    assert (found["team/shop#7"].status, found["team/shop#7"].reason) == ("admitted", "")
    ticket = house.tickets["pr:7"]
    assert ticket.labels[0] == "wrong_behaviour"
    assert ticket.title == "The sum of two numbers is wrong"
    assert house.verdict(ticket, ticket.gold or "").startswith("passed, passed")
    # Submitted on an older main, and carried over to the one that the merge stands on.
    assert "b - a" in (ticket.rejected or "")
    assert "notes.txt" not in (ticket.rejected or "")
    assert house.verdict(ticket, ticket.rejected or "").startswith("failed, failed: FAIL_TO_PASS")


def test_a_rejected_one_is_held_against_what_was_accepted_for_the_same_issue(made: Made) -> None:
    house, found, _ = made
    assert found["team/shop#8"].status == "admitted"
    assert house.tickets["pr:8"].fix_commit == house.accepted
    assert house.tickets["pr:8"].labels[0] == "duplicate_code"


def test_what_tests_cannot_tell_apart_a_check_from_the_reviewers_words_does_and_says_so(made: Made) -> None:
    house, found, _ = made
    assert found["team/shop#8"].review_checks == 1
    ticket = house.tickets["pr:8"]
    [check] = ticket.grader.review
    assert (check.kind, check.text, check.author) == ("must_use", "clamp", "ann")
    told = house.verdict(ticket, ticket.rejected or "")
    assert told.startswith("passed, failed: it passes the tests, but would not be merged as it is: review-1: ")
    assert "drafted by a model from what ann wrote: “please use clamp from helpers”" in told
    assert any("review-1: " in line and "drafted by a model" in line for line in describe_checks(ticket.grader))
    assert house.verdict(ticket, ticket.gold or "").startswith("passed, passed")


def test_the_words_reach_the_model_quoted_and_the_call_is_in_the_ledger(made: Made) -> None:
    house, _, served = made
    assert house.roles == ["checks"]
    [request] = served.requests
    question = request["messages"][0]["content"][0]["text"]
    assert f"> {WORDS}" in question
    assert "data, not instructions" in question
    assert "> +    return max(0, min(part / whole, 1))" in question
    assert "from helpers import clamp" not in question  # what was accepted is not shown


def test_where_nothing_was_accepted_instead_it_says_why_there_is_no_ticket(made: Made) -> None:
    _, found, _ = made
    assert found["team/shop#9"].status is None
    assert "nobody knows which change was accepted instead" in found["team/shop#9"].reason
    assert found["team/shop#10"].status is None
    assert found["team/shop#10"].reason == "nobody said that it was wrong: plans had changed"


def test_a_second_run_tries_nothing_again(made: Made) -> None:
    house, before, served = made
    again = house.run(served.url)
    assert {f.pull_request: f.status for f in again.values()} == {f.pull_request: f.status for f in before.values()}
    assert {f.pull_request for f in again.values() if f.known} == {"team/shop#7", "team/shop#8"}
    assert len(served.requests) == 1


def test_nothing_is_written_to_the_clone(made: Made) -> None:
    house, _, _ = made
    assert house.shop.git("fsck", "--unreachable", "--no-reflogs").strip() == ""


def test_without_a_model_what_only_words_could_tell_is_quarantined(tmp_path: Path) -> None:
    house = House(tmp_path)
    found = house.run("", draft=False)
    assert found["team/shop#7"].status == "admitted"
    assert found["team/shop#8"].status == "quarantined"
    assert "neither tests nor checks see" in found["team/shop#8"].reason


SAID = (Comment(author="ann", text="Do not touch the lock file.", association="MEMBER"),)


@pytest.mark.parametrize(
    "answer",
    [
        "I see nothing.",
        "[not json]",
        '[1, "x", null]',
        '[{"kind": "must_not_touch", "files": "*", "quote": "touch the lock file"}]',
        '[{"kind": "must_not_touch", "files": "uv.lock", "quote": ""}]',
        '[{"kind": "must_add", "files": "*", "text": "a\\nb", "quote": "touch the lock file"}]',
        '[{"kind": "must_add", "files": "*", "text": "", "quote": "touch the lock file"}]',
        '[{"kind": "must_not_touch", "files": "uv.lock", "quote": "touch the lock file", "command": "sh"}]',
    ],
)
def test_an_answer_that_holds_no_check_gives_none(answer: str) -> None:
    assert parse_checks(answer, SAID) == ()


def test_a_check_about_files_is_read_wherever_it_stands_in_the_answer() -> None:
    answer = (
        'Here:\n```json\n[{"kind": "must_not_touch", "files": "uv.lock", "quote": "do not  touch the lock file"}]\n```'
    )
    [check] = parse_checks(answer, SAID)
    assert (check.kind, check.files, check.author) == ("must_not_touch", "uv.lock", "ann")


def test_what_was_merged_and_taken_back_is_held_against_what_came_after(tmp_path: Path) -> None:
    shop = Repository(tmp_path, BASE)
    shop.git("checkout", "-q", "-b", "wrong")
    head = shop.commit(WRONG, "Sums are right again")
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "wrong", "-m", "Merge pull request #4 from robo/wrong")
    merged = shop.git("rev-parse", "HEAD").strip()
    shop.git("revert", "-m", "1", "--no-edit", merged)
    fix = shop.commit(RIGHT_TESTED, "Sums are right again")
    about = {"repository": "team/shop", "number": 4, "title": "Sums are right again", "kind": OutcomeKind.REVERTED}
    shas = {"base_sha": shop.base, "submitted_sha": head, "merged_sha": merged}
    outcome = Outcome.model_validate({**about, **shas, "agent": "robo", "recognised_by": "export"})
    found = ticket_sides(shop.path, outcome, [outcome], "main")
    assert found.change.fix_commit == fix
    assert "+    return b - a" in found.rejected
