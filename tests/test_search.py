"""The study in runs.db: what it suggests, what it is told, and that it survives a kill."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import pytest

from meta.records.replay import Replay
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.store.store import Store
from meta.surfaces.agent_toml import replace_setting
from meta.tune.screen import GO_LOG_ODDS, PROMISING_LOG_ODDS, STOP_LOG_ODDS, lift_log_odds_of
from meta.tune.search.study import STUDY_NAME, study_url_of
from meta.tune.search.worth import score_race
from tests.raw_database import run_raw
from tests.test_night import Dying, House, Scripted, edit
from worker_agent.records import Usage
from worker_agent.surface import DEFAULT_ROOT

ONE, TWO = "Read the rules first.", "Look at the neighbours of what you change."


class Team(House):
    """A worker whom either of two instructions helps a little, both together a lot, and high effort as well."""

    def __init__(self, root: Path, **search: object) -> None:
        self.search, self.alpha = search, 0.1
        super().__init__(root, budget=2000)

    @property
    def settings(self) -> Settings:
        tune = {"replays": self.budget, "alpha": self.alpha}
        return Settings.model_validate({"root": self.root, "tune": tune, "search": self.search})

    def world(self, version: str, ticket: str) -> float:
        folder = self.root / ".meta" / "versions" / version
        prompt = (folder / "prompts" / "system.md").read_text()
        if tomllib.loads((folder / "agent.toml").read_text())["effort"] == "high":
            return 0.95
        if int(ticket.removeprefix("t-")) % 2 == 0:
            return 0.9
        return {0: 0.05, 1: 0.55, 2: 0.95}[(ONE in prompt) + (TWO in prompt)]

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        return optuna.load_study(study_name=STUDY_NAME, storage=study_url_of(self.root / "runs.db")).trials


def refused_twice(team: Team) -> None:
    """A first night whose gate refuses both edits, since it is told to be absurdly sure."""
    team.alpha = 1e-200
    done = team.tune(Scripted(edit("First", ONE, "convention"), edit("Second", TWO, "convention")))
    assert [c.status for c in done.candidates] == ["refused", "refused"]
    team.alpha = 0.1


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "agent")


def test_edits_that_could_not_be_shown_to_help_alone_are_tried_together(team: Team) -> None:
    refused_twice(team)
    done = team.tune(Scripted())
    [together] = done.candidates
    assert together.edit.choice == {"edit 1": True, "edit 2": True}
    assert together.edit.title == "First + Second"
    assert together.edit.themes == ("convention",)
    text = together.edit.changes["prompts/system.md"] or ""
    assert ONE in text
    assert TWO in text
    assert together.status == "kept"
    assert [p.branch for p in done.proposals] == ["meta/proposal-1"]


def test_the_study_is_told_what_search_tickets_said_and_nothing_of_the_gate(team: Team) -> None:
    refused_twice(team)
    team.tune(Scripted())
    store = Store(team.root / "runs.db")
    held_out = {t.id for t in store.tickets.held_out()}
    trials = [t for t in team.trials() if "refused" not in t.user_attrs]
    assert sorted(t.user_attrs["candidate"] for t in trials) == [1, 2, 3]
    for trial in trials:
        assert trial.state == optuna.trial.TrialState.COMPLETE
        assert set(trial.user_attrs) == {"candidate"}
        seen = store.replays.of_race(trial.user_attrs["candidate"])
        assert not held_out & {r.ticket for r in seen}
        before = [r for r in store.replays.all() if r.purpose == "incumbent"]
        assert trial.value == pytest.approx(score_race(seen, before).at(0.05))


def test_a_setting_is_tried_as_an_ordinary_candidate(tmp_path: Path) -> None:
    team = Team(tmp_path / "agent", efforts=["high"], suggestions=1)
    done = team.tune(Scripted())
    [candidate] = done.candidates
    assert candidate.edit.title == "effort = high"
    assert candidate.status == "kept"
    text = candidate.edit.changes["agent.toml"] or ""
    assert tomllib.loads(text)["effort"] == "high"
    assert text.count("#") == (DEFAULT_ROOT / "agent.toml").read_text().count("#")
    assert team.git("diff", "--name-only", "main", "meta/proposal-1") == "worker_agent/agent.toml"


def test_what_was_tried_is_not_suggested_again_and_the_study_goes_on(tmp_path: Path) -> None:
    team = Team(tmp_path / "agent", turns=[10, 20], tools=["run_tests"], suggestions=2)
    for _ in range(3):
        team.tune(Scripted())
    made = [tuple(sorted(c.edit.choice.items())) for c in team.app().store.candidates.all()]
    assert (("limits.turns", 10),) in made
    assert (("tool run_tests", "off"),) in made
    assert len(made) == len(set(made)) > 3
    assert len(team.trials()) >= len(made)


def test_a_changed_list_of_values_does_not_stop_the_study(tmp_path: Path) -> None:
    team = Team(tmp_path / "agent", turns=[10], suggestions=1)
    team.tune(Scripted())
    team.search = {"turns": [10, 20], "suggestions": 1}
    [candidate] = team.tune(Scripted()).candidates
    assert candidate.edit.choice == {"limits.turns": 20}
    assert "limits.turns (2)" in team.trials()[-1].params


@pytest.mark.parametrize("after", [0, 17, 20, 40])
def test_a_killed_night_leaves_no_open_trial(tmp_path: Path, after: int) -> None:
    team = Team(tmp_path / "agent", efforts=["low"], turns=[5], suggestions=2)
    whole = SimulatedExecutor(team.world, seed=3)
    team.executor = Dying(whole, after)
    proposer = Scripted(edit("First", ONE, "convention"))
    with pytest.raises(KeyboardInterrupt):
        team.tune(proposer)
    team.executor = whole
    done = team.tune(proposer)
    assert sorted(tuple(c.edit.choice) for c in done.candidates) == [(), ("effort",), ("limits.turns",)]
    trials = team.trials()
    assert sorted(t.user_attrs["candidate"] for t in trials) == [c.id for c in done.candidates if c.edit.choice]
    assert all(t.state.is_finished() for t in trials)


def test_a_trial_whose_candidate_was_never_written_down_is_closed(tmp_path: Path) -> None:
    team = Team(tmp_path / "agent", efforts=["low"], suggestions=1)
    team.app().store.close()
    study = optuna.create_study(
        study_name=STUDY_NAME, storage=study_url_of(team.root / "runs.db"), direction="maximize"
    )
    study.ask({"effort": optuna.distributions.CategoricalDistribution(("in use", "low"))})
    study.enqueue_trial({"effort": "in use"})
    done = team.tune(Scripted())
    assert [c.edit.title for c in done.candidates] == ["effort = low"]
    assert [t.state.name for t in team.trials()] == ["FAIL", "FAIL", "COMPLETE"]


def test_with_nothing_to_choose_optuna_is_not_even_imported() -> None:
    code = "import sys, meta.tune.loop, meta.nights.tuning; sys.exit('optuna' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runs_db_still_opens_and_migrates_with_the_study_in_it(tmp_path: Path) -> None:
    team = Team(tmp_path / "agent", efforts=["low"], suggestions=1)
    team.tune(Scripted())
    store = Store(team.root / "runs.db")
    assert run_raw(store.path, "pragma journal_mode") == [("wal",)]
    assert run_raw(store.path, "pragma integrity_check") == [("ok",)]
    store.incumbents.promote("v", "m")
    assert len(team.trials()) == 1


def test_the_dashboard_shows_the_study(tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    team = Team(tmp_path / "agent", efforts=["low"], suggestions=1)
    team.tune(Scripted())
    storage = optuna.storages.RDBStorage(study_url_of(team.root / "runs.db"))

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, dashboard.wsgi(storage), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}/api/studies", timeout=10) as reply:
            shown = json.load(reply)
    finally:
        server.shutdown()
        server.server_close()
    assert STUDY_NAME in json.dumps(shown)


# What a candidate is worth, and the rule of the race.


def ran(ticket: str, passed: bool, tokens: int = 100, usd: float | None = None) -> Replay:
    return Replay(
        id=f"{ticket}-{passed}-{tokens}",
        ticket=ticket,
        version="v",
        purpose="screen",
        ended="submitted",
        reason="",
        verdict="passed" if passed else "failed",
        usage=Usage(calls=1, input_tokens=tokens, usd=usd),
    )


def test_a_doubled_cost_has_to_bring_what_the_setting_says() -> None:
    before = [ran("a", False), ran("b", False)]
    same, dear = ([ran(t, t == "a", tokens) for t in ("a", "b")] for tokens in (100, 200))
    assert score_race(same, before).gain == score_race(dear, before).gain > 0
    assert score_race(same, before).doublings == 0.0
    assert score_race(dear, before).doublings == pytest.approx(0.5)  # one doubling, by two runs and two imagined ones
    assert score_race(dear, before).at(0.0) == score_race(same, before).at(1.0)
    assert score_race(dear, before).at(1.0) < 0 < score_race(dear, before).at(0.05)


def test_dollars_count_where_all_are_known() -> None:
    before = [ran("a", False, 100, usd=1.0)]
    assert score_race([ran("a", True, 400, usd=1.0)], before).doublings == 0.0
    assert score_race([ran("a", True, 400)], before).doublings == pytest.approx(2 / 3)


def test_the_race_stops_the_hopeless_and_sends_on_the_promising() -> None:
    believed = dict.fromkeys("abcdef", 0.2)
    assert lift_log_odds_of([], believed) == 0.0 > PROMISING_LOG_ODDS
    assert lift_log_odds_of([ran("a", True), ran("b", True)], believed) > GO_LOG_ODDS
    assert lift_log_odds_of([ran(name, False) for name in "abc"], believed) > STOP_LOG_ODDS
    assert lift_log_odds_of([ran(name, False) for name in "abcdef"], believed) < STOP_LOG_ODDS
    assert lift_log_odds_of([ran("a", True), ran("b", False), ran("c", False)], believed) > PROMISING_LOG_ODDS


def test_more_replays_go_to_whom_they_can_decide(team: Team) -> None:
    app = team.app()
    team.tune(Scripted(edit("First", ONE, "convention"), edit("Nothing", "Be careful.", "convention")))
    runs = {c.edit.title: len(app.store.replays.of_race(c.id)) for c in app.store.candidates.all()}
    assert runs["First"] + runs["Nothing"] <= 12
    assert runs["First"] != runs["Nothing"]


# agent.toml.


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("effort", "high", 'effort = "high"                 # empty: the model\'s default'),
        ("limits.turns", 7, "turns = 7"),
        ("tools", ("search",), 'tools = ["search"]'),
        ("limits.new", 3, "new = 3"),
        ("other", "x", 'other = "x"'),
    ],
)
def test_one_setting_changes_and_all_else_stays(name: str, value: str | int | tuple[str, ...], line: str) -> None:
    before = (DEFAULT_ROOT / "agent.toml").read_text()
    after = replace_setting(before, name, value)
    assert line in after
    assert len(set(after.splitlines()) ^ set(before.splitlines())) <= 2


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    text = 'tools = [  # what it can do\n  "a",\n  "b",\n]\nmodel = ""\n'
    assert replace_setting(text, "tools", ("a",)) == 'tools = ["a"]\nmodel = ""\n'
    assert replace_setting("model = 'x'", "limits.turns", 3) == "model = 'x'\n\n[limits]\nturns = 3\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("limits = {turns = 3}  # few\n", "limits = {turns = 4}  # few\n"),
        ("limits.turns = 3\n", "limits.turns = 4\n"),
        ("[limits]\nturns = 3  # few\n\n[other]\nx = 1\n", "[limits]\nturns = 4  # few\n\n[other]\nx = 1\n"),
        ("[limits]\n# none yet\n\n[other]\nx = 1\n", "[limits]\n# none yet\nturns = 4\n\n[other]\nx = 1\n"),
        ("", "[limits]\nturns = 4\n"),
    ],
)
def test_a_limit_is_set_however_it_is_written(text: str, after: str) -> None:
    assert replace_setting(text, "limits.turns", 4) == after


def test_a_new_setting_stands_with_the_others_before_the_first_table() -> None:
    text = "model = 'x'\n\n[limits]\nturns = 3\n"
    assert replace_setting(text, "effort", "low") == "model = 'x'\neffort = \"low\"\n\n[limits]\nturns = 3\n"


@pytest.mark.parametrize("text", ["limits = 3\n", "[[limits]]\nturns = 3\n"])
def test_a_setting_that_has_no_place_is_not_set(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot set limits\.turns"):
        replace_setting(text, "limits.turns", 4)


def test_what_does_not_read_back_as_meant_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda document: "model = 'y'\nmore = 1\n")
    with pytest.raises(ValueError, match="cannot set model"):
        replace_setting("model = 'x'\n", "model", "y")
