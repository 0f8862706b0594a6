"""The demo's house: a library with a past, the reviews of its pull requests, the team's agent, and tickets."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from feedback.git.plain_git import PlainGit
from feedback.identity import AgentIdentity
from feedback.jsonl import JsonlExport
from feedback.outcome import Outcome
from meta.demo.change_file import read_demo_changes
from meta.demo.demo_tickets import read_demo_tickets
from meta.demo.folders import DemoFolders
from meta.demo.setup import make_demo
from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.languages.python.test_files import is_test_side
from meta.records.ticket import Ticket
from meta.tickets.admission.proof import admit_ticket
from worker_agent.git import run_git
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.surface import load_surface


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> DemoFolders:
    return make_demo(tmp_path_factory.mktemp("demo") / "house", "# settings\n")


@pytest.fixture(scope="module")
def past(house: DemoFolders) -> list[Ticket]:
    return read_demo_tickets(house)


@pytest.fixture(scope="module")
def reviews(house: DemoFolders) -> dict[int, Outcome]:
    export = JsonlExport(house.reviews)
    found = {outcome.number: outcome for outcome in export.outcomes()}
    assert not export.problems
    return found


def refs(repository: Path) -> str:
    return run_git("for-each-ref", "--format=%(objectname) %(refname)", cwd=repository)


def test_it_is_the_same_every_time(house: DemoFolders, tmp_path: Path) -> None:
    again = make_demo(tmp_path / "elsewhere", "# settings\n")
    assert refs(again.project) == refs(house.project)
    assert refs(again.agent) == refs(house.agent)
    assert again.reviews.read_text() == house.reviews.read_text()


def test_its_repositories_are_clean(house: DemoFolders) -> None:
    for repository in (house.project, house.agent):
        assert run_git("status", "--porcelain", cwd=repository) == ""
        run_git("fsck", "--strict", cwd=repository)


def test_its_tests_pass(house: DemoFolders) -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=house.project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_agent_loads_and_wrote_the_pull_requests(house: DemoFolders) -> None:
    version = load_surface(house.surface).version
    trailers = "--format=%(trailers:key=Worker-Version,valueonly,separator=%x2C)"
    named = run_git("log", "--all", "--author=demo-agent", trailers, cwd=house.project).split()
    assert Counter(named) == {version: len(read_demo_changes())}
    assert (house.agent / "meta.toml").read_text() == "# settings\n"


def test_the_agents_prompt_does_not_speak_of_the_house_rules(house: DemoFolders) -> None:
    assert "CONTRIBUTING" not in load_surface(house.surface).prompts["system.md"]


def test_pull_requests_were_merged_revised_rejected_and_reverted(reviews: dict[int, Outcome]) -> None:
    counts = Counter(outcome.kind.value for outcome in reviews.values())
    assert counts == {"merged": 6, "revised": 7, "rejected": 6, "reverted": 2}


def test_git_alone_tells_the_same_as_the_reviews(house: DemoFolders, reviews: dict[int, Outcome]) -> None:
    source = PlainGit(house.project, AgentIdentity(), repository="team/tidybooks")
    found = {outcome.number: outcome for outcome in source.outcomes()}
    assert found.keys() == reviews.keys()
    for number, outcome in found.items():
        said = reviews[number]
        assert (outcome.kind, outcome.version, outcome.merged_sha) == (said.kind, said.version, said.merged_sha)
        assert (outcome.submitted_diff, outcome.merged_diff, outcome.revision) == (
            said.submitted_diff,
            said.merged_diff,
            said.revision,
        )


def test_the_reviewers_words_show_why_a_pull_request_came_back(reviews: dict[int, Outcome]) -> None:
    causes = {n: o.cause.value for n, o in reviews.items() if o.kind.value != "merged"}
    assert causes.pop(22) == "superseded"
    assert causes == {c.number: c.theme for c in read_demo_changes() if c.number in causes}
    assert all(o.cause_evidence and o.cause_by == "rule" for n, o in reviews.items() if n in causes)


def test_there_is_a_ticket_for_each_pull_request_whose_fix_brought_tests(past: list[Ticket]) -> None:
    assert [ticket.source for ticket in past] == [
        f"pr:{change.number}" for change in read_demo_changes() if change.tests
    ]
    themes = Counter(ticket.labels[0] for ticket in past)
    assert themes == {"ignored_convention": 8, "incomplete": 5, "wrong_behaviour": 4, "too_wide": 3}


def test_a_ticket_keeps_tests_and_solution_apart(past: list[Ticket]) -> None:
    for ticket in past:
        files = [line[6:] for line in (ticket.gold or "").splitlines() if line.startswith("+++ b/")]
        assert files
        assert not any(is_test_side(file) for file in files)
        assert all(is_test_side(hidden.path) for hidden in ticket.grader.hidden)
        assert ticket.grader.fail_to_pass
        assert not set(ticket.grader.fail_to_pass) & set(ticket.grader.pass_to_pass)


def test_gold_and_rejected_diffs_apply_to_the_base(house: DemoFolders, past: list[Ticket], tmp_path: Path) -> None:
    for ticket in past:
        for diff in filter(None, (ticket.gold, ticket.rejected)):
            index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
            run_git("read-tree", ticket.base_commit, cwd=house.project, env=index)
            before = run_git("write-tree", cwd=house.project, env=index)
            run_git("apply", "--cached", "-", cwd=house.project, env=index, stdin=diff.encode())
            assert run_git("write-tree", cwd=house.project, env=index) != before


def test_the_tickets_are_also_a_file(house: DemoFolders, past: list[Ticket]) -> None:
    assert [Ticket.model_validate_json(line) for line in house.tickets.read_text().splitlines()] == past


def test_a_brief_does_not_give_the_house_rule_away(past: list[Ticket]) -> None:
    briefs = [f"{t.title}\n{t.body}" for t in past if t.labels[0] == "ignored_convention"]
    assert len(briefs) == 8
    for word in ("InputError", "round_cents", "format_date", "__all__", "CONTRIBUTING"):
        assert not any(word in brief for brief in briefs)


@pytest.mark.slow
def test_every_ticket_is_admitted(past: list[Ticket], tmp_path: Path) -> None:
    workshop = Workshop(Cache(tmp_path), open_sandbox)
    for ticket in past:
        with workshop.ticket_bench(ticket) as bench:
            admission, kept = admit_ticket(ticket, bench)
        assert admission.status == "admitted", f"{ticket.id}: {admission.reason}"
        assert kept == ticket, admission.reason
