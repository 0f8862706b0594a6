"""Small edits are tested as one: joined, kept or refused together, waiting for others, and never lost in a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.records.candidate import Edit
from meta.records.ticket import Admission, Grader, Ticket
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.tune.bundle import DETECTABLE_GAIN, MAX_NIGHTS_WAITING, promised_gain_of
from tests.test_night import Dying, House, Scripted
from worker_agent.surface import DEFAULT_ROOT

THEMES = ("plain", "tests", "names", "scope", "docs")
LINES = {theme: f"Mind the {theme}." for theme in THEMES}


class Small(House):
    """Five themes whose tickets all fail, until a line about the theme mends them."""

    def __init__(self, root: Path, works: bool = True) -> None:
        self.works = works
        self.alpha: float | None = None
        super().__init__(root, tickets=0, budget=400)
        store = self.app().store
        for number in range(50):
            ticket = Ticket(
                id=f"t-{number}",
                title=f"Ticket {number}",
                repo="-",
                base_commit="-",
                labels=(THEMES[number % 5],),
                grader=Grader(),
            )
            store.tickets.add(ticket)
            store.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted"))

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"root": self.root, "tune": {"replays": self.budget, "alpha": self.alpha}})

    def world(self, version: str, ticket: str) -> float:
        if version not in self.prompts:
            folder = self.root / ".meta" / "versions" / version / "prompts"
            self.prompts[version] = (folder / "system.md").read_text() + (folder / "ticket.md").read_text()
        number = int(ticket.removeprefix("t-"))
        return float(self.works and LINES[THEMES[number % 5]] in self.prompts[version])


def small(theme: str, file: str = "system.md") -> Edit:
    text = (DEFAULT_ROOT / "prompts" / file).read_text()
    changed = f"{text}\n{LINES[theme]}\n" if file == "system.md" else f"{LINES[theme]}\n{text}"
    return Edit(title=f"Mind {theme}", themes=(theme,), hypothesis="it does not", changes={f"prompts/{file}": changed})


@pytest.fixture
def house(tmp_path: Path) -> Small:
    return Small(tmp_path / "agent")


def test_what_an_edit_promises_is_what_tickets_of_its_themes_lack() -> None:
    search = [
        Ticket(id=str(n), title="-", repo="-", base_commit="-", labels=("a" if n < 5 else "b",)) for n in range(10)
    ]
    believed = {str(n): 0.2 for n in range(10)}
    half = promised_gain_of(Edit(title="-", themes=("a",)), search, believed)
    assert half == pytest.approx(0.6 * 0.75 * 0.8 * 0.5)
    assert promised_gain_of(Edit(title="-", themes=("a", "b")), search, believed) == pytest.approx(2 * half)
    assert promised_gain_of(Edit(title="-", flips=("9",)), search, believed) == pytest.approx(half / 5)
    assert promised_gain_of(Edit(title="-", themes=("c",)), search, believed) == 0.0


def test_small_edits_are_kept_together_as_one_proposal(house: Small) -> None:
    done = house.tune(Scripted(small("plain"), small("names", "ticket.md")))
    [proposal] = done.proposals
    first, second, joint = house.app().store.candidates.all()
    assert [first.status, second.status, joint.status] == ["joined", "joined", "kept"]
    assert first.why == f"tested with others as {joint.id}"
    assert proposal.candidate == joint.id
    assert joint.edit.title == "Mind plain + Mind names"
    assert house.git("diff", "--name-only", "main", proposal.branch).split() == [
        "worker_agent/prompts/system.md",
        "worker_agent/prompts/ticket.md",
    ]
    screened = {r.candidate for r in [r for r in house.app().store.replays.all() if r.purpose == "screen"]}
    assert screened == {first.id, second.id}  # the joint one has no race of its own


def test_what_is_refused_together_may_be_combined_otherwise(house: Small) -> None:
    app = house.app()
    house.alpha = 1e-200
    house.tune(Scripted(small("plain"), small("names", "ticket.md")))
    first, second, joint = app.store.candidates.all()
    assert [first.status, second.status, joint.status] == ["refused", "refused", "refused"]
    assert first.why == f"tested with others as {joint.id}: refused"


def test_a_small_edit_waits_for_others_and_is_tested_alone_when_nobody_comes(house: Small) -> None:
    for _ in range(MAX_NIGHTS_WAITING):
        house.tune(Scripted() if house.app().store.candidates.all() else Scripted(small("plain")))
        [waiting] = house.app().store.candidates.all()
        assert waiting.status == "proposed"
        assert not [r for r in house.app().store.replays.all() if r.purpose == "gate"]
    house.tune(Scripted())
    [tested] = house.app().store.candidates.all()
    assert tested.status in ("kept", "refused", "testing")
    assert [r for r in house.app().store.replays.all() if r.purpose == "gate"]


def test_a_small_edit_without_hope_is_dropped(tmp_path: Path) -> None:
    house = Small(tmp_path / "agent", works=False)
    house.tune(Scripted(small("plain")))
    [dropped] = house.app().store.candidates.all()
    assert dropped.status == "screened_out"
    assert dropped.why.endswith("and it promises too little")


def test_edits_that_overlap_are_not_put_together(house: Small) -> None:
    settings = (DEFAULT_ROOT / "agent.toml").read_text()
    first, second = (
        made.model_copy(update={"changes": made.changes | {"agent.toml": settings.replace("= 12000", f"= {chars}")}})
        for made, chars in ((small("plain"), 8000), (small("names", "ticket.md"), 9000))
    )
    house.tune(Scripted(first, second))
    found = house.app().store.candidates.all()
    assert [c.status for c in found] == ["proposed", "proposed"], [c.why for c in found]


def test_a_large_edit_is_tested_alone(house: Small) -> None:
    large = small("plain").model_copy(update={"themes": THEMES})
    assert promised_gain_of(large, house.app().store.tickets.all(), {}) > DETECTABLE_GAIN
    house.tune(Scripted(large, small("names", "ticket.md")))
    first, second = house.app().store.candidates.all()[:2]
    assert first.status in ("kept", "refused", "testing")
    assert second.status == "proposed"


@pytest.mark.parametrize("after", [22, 30, 40, 50])
def test_a_killed_night_goes_on_with_the_same_joint_test(tmp_path: Path, after: int) -> None:
    edits = (small("plain"), small("names", "ticket.md"))
    whole, cut = Small(tmp_path / "whole"), Small(tmp_path / "cut")
    whole.tune(Scripted(*edits))
    worker = SimulatedExecutor(cut.world, seed=3)
    cut.executor = Dying(worker, after)
    with pytest.raises(KeyboardInterrupt):
        cut.tune(Scripted(*edits))
    cut.executor = worker
    cut.tune(Scripted(*edits))
    found = [(c.edit.title, c.status) for c in cut.app().store.candidates.all()]
    assert found == [(c.edit.title, c.status) for c in whole.app().store.candidates.all()]
