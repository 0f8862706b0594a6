"""A night through the real store, gate, git and proposer format, with verdicts drawn from a world that a test makes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from meta.app import App
from meta.errors import MetaError
from meta.look.audit_page import audit_page
from meta.look.proposal_page import proposal_page
from meta.look.status_page import status_page as status
from meta.project import Project
from meta.proposals.audit import audit_proposal
from meta.proposals.decision import accept_proposal, reject_proposal, roll_back_proposal
from meta.proposals.view import view_proposal
from meta.records.candidate import Edit, EditDraft
from meta.records.ticket import UNDER_SPECIFIED, Admission, Grader, Ticket
from meta.replay.run import FinishedReplay, ReplayJob
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.store.summary import read_summary
from meta.tune.held_out import divide_tickets
from meta.tune.loop import tune
from meta.tune.propose.evidence import ProposerEvidence
from meta.tune.propose.proposer import Proposer
from meta.tune.result import TuningResult
from tests.raw_database import run_raw
from worker_agent.records import Usage
from worker_agent.surface import DEFAULT_ROOT

GOOD, NULL, TRADE = "Read the rules first.", "Be careful.", "Touch one file only."


def edit(title: str, line: str, *themes: str) -> Edit:
    text = (DEFAULT_ROOT / "prompts" / "system.md").read_text() + f"\n{line}\n"
    return Edit(title=title, themes=themes, hypothesis=f"because {line}", changes={"prompts/system.md": text})


class Scripted:
    """A proposer that proposes what a test says, and keeps what it was shown."""

    def __init__(self, *edits: Edit) -> None:
        self.edits, self.usage, self.model = edits, Usage(calls=1, input_tokens=5, output_tokens=5), "scripted"
        self.shown: list[ProposerEvidence] = []
        self.objections: list[str] = []

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        self.shown.append(evidence)
        return [EditDraft(e.title, e) for e in self.edits]

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        self.objections.append(objection)
        return None


class House:
    """An agent's repository, tickets of two themes, and a worker that is simulated by what its prompts say."""

    def __init__(self, root: Path, tickets: int = 40, budget: int = 400) -> None:
        self.root, self.budget = root, budget
        for part in ("prompts", "tools"):
            shutil.copytree(
                DEFAULT_ROOT / part, root / "worker_agent" / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(DEFAULT_ROOT / "agent.toml", root / "worker_agent")
        (root / ".gitignore").write_text("runs.db*\n.meta/\n")
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "agent"]):
            subprocess.run(["git", *command], cwd=root, check=True)
        self.prompts: dict[str, str] = {}
        self.executor: SimulatedExecutor | Dying = SimulatedExecutor(self.world, seed=3)
        store = self.app().store
        for number in range(tickets):
            theme = "convention" if number % 2 else "plain"
            ticket = Ticket(
                id=f"t-{number}",
                title=f"Ticket {number}",
                repo="-",
                base_commit="-",
                labels=(theme,),
                grader=Grader(fail_to_pass=(f"tests/test_{number}.py::test_number_{number}",)),
            )
            store.tickets.add(ticket)
            store.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted"))

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"root": self.root, "tune": {"replays": self.budget}})

    def app(self) -> App:
        return App(Project(self.settings), executor=self.executor)

    def tune(self, proposer: Proposer) -> TuningResult:
        return tune(self.app().open_tuning(proposer))

    def world(self, version: str, ticket: str) -> float:
        if version not in self.prompts:
            self.prompts[version] = (self.root / ".meta" / "versions" / version / "prompts" / "system.md").read_text()
        text, number = self.prompts[version], int(ticket.removeprefix("t-"))
        if TRADE in text:
            return 0.6 if number % 2 else 0.1
        if number % 2 == 0:
            return 0.9
        return 0.9 if GOOD in text else 0.1

    def git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()


class Dying:
    """An executor whose process is killed after so many replays."""

    parallel = 2

    def __init__(self, inner: SimulatedExecutor, after: int) -> None:
        self.inner, self.left = inner, after

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        for done in self.inner.run(jobs):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield done


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "agent")


def test_a_real_gain_becomes_a_branch_and_a_person_may_merge_and_undo_it(house: House) -> None:
    app = house.app()
    before = house.git("rev-parse", "HEAD")
    (house.root / "worker_agent" / "prompts" / "mine.md").write_text("a person's own work\n")
    done = house.tune(Scripted(edit("Rules first", GOOD, "convention")))
    [proposal] = done.proposals
    assert house.git("rev-parse", "HEAD") == before
    assert house.git("diff", "--name-only", "main", "meta/proposal-1") == "worker_agent/prompts/system.md"
    assert done.replays <= house.budget

    accepted = accept_proposal(app.store, app.versions, proposal)
    assert GOOD in (house.root / "worker_agent" / "prompts" / "system.md").read_text()
    assert house.git("log", "-1", "--format=%(trailers:key=Meta-Proposal,valueonly)") == "1"
    roll_back_proposal(app.store, app.versions, accepted, "it was not so good after all")
    assert GOOD not in (house.root / "worker_agent" / "prompts" / "system.md").read_text()
    assert (house.root / "worker_agent" / "prompts" / "mine.md").read_text() == "a person's own work\n"


def test_an_edit_that_changes_nothing_is_not_proposed(house: House) -> None:
    done = house.tune(Scripted(edit("Careful", NULL, "convention")))
    assert not done.proposals
    assert done.candidates[0].status in ("refused", "screened_out")


def test_an_edit_that_trades_wins_for_losses_is_refused_and_says_why(house: House) -> None:
    done = house.tune(Scripted(edit("One file", TRADE, "convention")))
    assert not done.proposals
    [candidate] = done.candidates
    assert candidate.status == "refused"
    assert "on tickets of other themes" in candidate.why


def test_after_an_accept_the_rest_is_tested_against_what_was_kept(house: House) -> None:
    done = house.tune(
        Scripted(edit("Rules first", GOOD, "convention"), edit("Rules again", GOOD + " Yes.", "convention"))
    )
    assert [p.branch for p in done.proposals] == ["meta/proposal-1"]
    [kept] = [c for c in done.candidates if c.status == "kept"]
    [other] = [c for c in done.candidates if c.status != "kept"]
    assert other.parent == kept.version
    assert other.status in ("refused", "screened_out", "testing")


def test_the_proposer_never_sees_held_out_tickets(house: House) -> None:
    proposer = Scripted()
    app = house.app()
    house.tune(proposer)
    held_out = {t.id for t in app.store.tickets.held_out()}
    shown = proposer.shown[0]
    assert held_out
    assert shown.failures
    assert not held_out & ({f.ticket for f in shown.failures} | set(shown.passed))


def test_a_rejected_idea_and_its_reason_reach_the_next_night(house: House) -> None:
    app = house.app()
    [proposal] = house.tune(Scripted(edit("Rules first", GOOD, "convention"))).proposals
    reject_proposal(app.store, proposal, "we will write this into the linter instead")
    proposer = Scripted()
    house.tune(proposer)
    assert "we will write this into the linter instead" in "\n".join(proposer.shown[0].tried)


def test_a_rejection_needs_a_reason(house: House) -> None:
    app = house.app()
    [proposal] = house.tune(Scripted(edit("Rules first", GOOD, "convention"))).proposals
    with pytest.raises(MetaError, match="needs a reason"):
        reject_proposal(app.store, proposal, "  ")


@pytest.mark.parametrize("after", [1, 10, 20, 35, 50])
def test_a_night_that_is_killed_goes_on_where_it_was(tmp_path: Path, after: int) -> None:
    house = House(tmp_path / "agent")
    whole = SimulatedExecutor(house.world, seed=3)
    house.executor = Dying(whole, after)
    proposer = Scripted(edit("Rules first", GOOD, "convention"))
    with pytest.raises(KeyboardInterrupt):
        house.tune(proposer)
    app = house.app()
    assert len(app.store.replays.all()) == after
    house.executor = whole
    done = house.tune(proposer)
    assert len(proposer.shown) == 1 or after == 1
    assert [p.status for p in done.proposals] == ["pending"]
    assert len(app.store.replays.all()) <= whole.made
    assert whole.made - len(app.store.replays.all()) <= Dying.parallel * 4  # only those in flight are paid twice


def test_the_budget_ends_a_test_that_the_next_night_takes_up(tmp_path: Path) -> None:
    house = House(tmp_path / "agent", budget=30)
    first = house.tune(Scripted(edit("Rules first", GOOD, "convention")))
    assert first.out_of_budget
    assert first.replays <= 30
    for _ in range(6):
        later = house.tune(Scripted())
        if later.proposals:
            break
    assert [p.branch for p in later.proposals] == ["meta/proposal-1"]


Bad = Callable[[], Edit]
SYSTEM = (DEFAULT_ROOT / "prompts" / "system.md").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"../evil.md": "x"}, "not on the surface"),
        ({"agent.py": "x"}, "not on the surface"),
        ({"prompts/../../x.md": "x"}, "not on the surface"),
        ({"prompts/system.md": SYSTEM + "\nTicket t-7 needs care.\n"}, "names a past ticket"),
        ({"prompts/system.md": SYSTEM + "\nMind test_number_11.\n"}, "names a test"),
        ({"prompts/system.md": SYSTEM}, "changes nothing"),
        ({"prompts/system.md": SYSTEM + "x" * 60_000}, "the limit is 40000"),
        ({"agent.toml": "protocol = 3"}, "does not load: agent.toml"),
    ],
)
def test_an_edit_that_may_not_be_tried_is_told_why(house: House, changes: dict[str, str | None], words: str) -> None:
    proposer = Scripted(Edit(title="Bad", themes=("convention",), changes=changes))
    done = house.tune(proposer)
    assert [c.status for c in done.candidates] == ["invalid"]
    assert words in proposer.objections[0]


def test_the_page_of_a_proposal_shows_what_a_reviewer_needs(house: House) -> None:
    app = house.app()
    [proposal] = house.tune(Scripted(edit("Rules first", GOOD, "convention"))).proposals
    text = proposal_page(view_proposal(app.store, app.versions, proposal))
    for words in ("+Read the rules first.", "because Read the rules first.", "gained", "lost", "evidence", "Cost"):
        assert words in text
    assert re.search(r"passes the tests, checks aside +\d+% .* ->  \d+%", text)
    assert "% pass the tests" in status(read_summary(house.root))


def test_a_decision_can_be_recomputed_and_a_forged_one_is_found(house: House) -> None:
    app = house.app()
    [proposal] = house.tune(Scripted(edit("Rules first", GOOD, "convention"))).proposals
    told = audit_page(audit_proposal(app.store, proposal))
    recomputed, recorded = re.findall(r"log W recomputed (\S+), recorded (\S+);", told)[0]
    assert float(recomputed) == float(recorded)
    run_raw(
        app.store.path,
        "update replays set verdict = 'failed' where candidate = ? and purpose = 'gate'",
        proposal.candidate,
    )
    with pytest.raises(MetaError, match="claims a replay of t-"):
        audit_proposal(app.store, proposal)


def test_without_tickets_a_night_says_what_to_do(tmp_path: Path) -> None:
    house = House(tmp_path / "agent", tickets=0)
    with pytest.raises(MetaError, match="no admitted ticket"):
        house.tune(Scripted())


def test_with_few_tickets_nothing_is_claimed_about_tickets_to_come(tmp_path: Path) -> None:
    house = House(tmp_path / "agent", tickets=10)
    app = house.app()
    done = house.tune(Scripted(edit("Rules first", GOOD, "convention")))
    for proposal in done.proposals:
        assert view_proposal(app.store, app.versions, proposal).scope == "better on these tickets"
    assert all("these 10 tickets only" in c.why for c in done.candidates if c.status in ("kept", "refused"))


def test_a_ticket_whose_brief_leaves_out_what_its_tests_demand_never_reaches_the_gate(house: House) -> None:
    store = house.app().store
    vague = {f"t-{number}" for number in range(10)}
    for ticket in store.tickets.all():
        if ticket.id in vague:
            marked = ticket.model_copy(update={"labels": (*ticket.labels, UNDER_SPECIFIED)})
            store.tickets.record_admission(marked, Admission(ticket=ticket.id, status="admitted"))
    for _ in range(2):
        search, held_out = divide_tickets(store.tickets)
        assert not vague & {ticket.id for ticket in held_out}
        assert vague < {ticket.id for ticket in search}
        assert len(search) + len(held_out) == 40
    assert (len(search), len(held_out)) == (10 + 12, 18)


def test_with_few_tickets_that_are_clear_only_those_reach_the_gate(tmp_path: Path) -> None:
    store = House(tmp_path / "few", tickets=14).app().store
    for ticket in store.tickets.all()[:8]:
        marked = ticket.model_copy(update={"labels": (UNDER_SPECIFIED,)})
        store.tickets.record_admission(marked, Admission(ticket=ticket.id, status="admitted"))
    search, held_out = divide_tickets(store.tickets)
    assert (len(search), len(held_out)) == (14, 6)
