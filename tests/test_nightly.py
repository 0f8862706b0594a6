"""A night that nobody watches: within its budget, safe to start twice, with one page for the morning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meta.app import App
from meta.look.night_page import night_page
from meta.nights.bookkeeping import NightEnd
from meta.nights.deadline import Deadline
from meta.nights.night import run_night
from meta.project import Project, Report, ignore_report
from meta.records.account import Account
from meta.records.ticket import Admission
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.store.writer_lock import hold_writer_lock
from meta.tune.loop import tune
from tests.messages_server import Answer, error, message, script, serving, text
from tests.raw_database import run_raw
from tests.test_night import GOOD, House

EDIT = f"""\
## Edit: Rules first
theme: convention
hypothesis: nobody says it
flips: t-1

prompts/more.md
```
{GOOD}
```

prompts/system.md
```
{GOOD}
```
"""
PROPOSES = message(text(EDIT), input_tokens=1000, output_tokens=500)
NOTHING = message(text("I have no idea."))


class Unwatched(House):
    """The house of simulated nights, with a proposer that answers over HTTP."""

    def __init__(self, root: Path, tickets: int = 40, budget: int = 400) -> None:
        super().__init__(root, tickets, budget)
        known = self.app().store.tickets
        for ticket in known.all():
            real = ticket.model_copy(update={"repo": str(root), "base_commit": "HEAD"})
            known.record_admission(real, Admission(ticket=ticket.id, status="admitted"))

    def over(self, url: str = "", executor: Any = None, **nightly_settings: object) -> NightEnd:
        self.executor = executor or self.executor
        return run_night(self.unwatched(url, **nightly_settings).night_parts())

    def unwatched(self, url: str = "", report: Report = ignore_report, **nightly_settings: Any) -> App:
        given = {
            "root": self.root,
            "tune": {"replays": self.budget, **dict(nightly_settings.pop("tune", {}))},  # type: ignore[call-overload]
            "worker": nightly_settings.pop(
                "worker", {"model": "m", "base_url": url or "http://127.0.0.1:9", "retries": 0}
            ),
            "repositories": nightly_settings.pop("repositories", []),
            "prices": nightly_settings.pop("prices", {"scripted-1": {"input": 1.0, "output": 10.0}}),
            "nightly": {"patience_minutes": 0, **nightly_settings},
        }
        return App(Project(Settings.model_validate(given), report), executor=self.executor)


@pytest.fixture
def house(tmp_path: Path) -> Unwatched:
    return Unwatched(tmp_path / "agent")


def test_a_night_tunes_proposes_and_tells_what_it_cost_and_what_to_decide(house: Unwatched) -> None:
    head = house.git("rev-parse", "HEAD")
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url)
    assert over.code == 0
    assert [t.status for t in over.account.tried] == ["kept"]
    assert house.git("rev-parse", "HEAD") == head
    assert house.git("rev-parse", "meta/proposal-1")
    told = night_page(over.account)
    assert "kept (proposal 1): Rules first" in told
    assert "proposer (scripted-1): $0.01, 1,500 tokens, 1 calls" in told
    assert "`meta proposals show 1`" in told


def test_calls_of_a_night_that_a_person_starts_are_booked_on_it_too(house: Unwatched) -> None:
    with serving(script(PROPOSES)) as served:
        app = house.unwatched(served.url)
        done = tune(app.open_tuning())
    assert [(c.role, c.night) for c in app.store.calls.all()] == [("proposer", done.night)]


def test_a_night_without_news_is_told_in_one_line(tmp_path: Path) -> None:
    assert night_page(Account(night=3, begun="2026-01-02T02:00:00+00:00")) == (
        "night 3, 2026-01-02 02:00: nothing new, nothing done"
    )


def test_without_tickets_there_is_nothing_to_do(tmp_path: Path) -> None:
    over = Unwatched(tmp_path / "agent", tickets=0).over()
    assert over.code == 3
    assert "no admitted ticket" in over.account.stopped


def test_the_budget_of_replays_ends_a_night_with_its_own_code(tmp_path: Path) -> None:
    house = Unwatched(tmp_path / "agent", budget=25)
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url)
    assert over.code == 4
    assert over.account.replays <= 25
    assert "ended early" in night_page(over.account)


def test_money_ends_a_night_before_it_is_spent(house: Unwatched) -> None:
    prices = {"m": {"input": 1.0, "output": 10.0}}
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, prices=prices, usd=0.05)  # the proposer's worst case is dearer
        assert not served.requests
        later = house.over(served.url, prices=prices, usd=5.0)
    assert over.code == 4
    assert "of $0.05 is spent, and the next call may cost" in over.account.stopped
    assert [t.status for t in later.account.tried] == ["kept"]
    assert later.account.night == over.account.night + 1


def test_a_price_that_is_not_known_is_not_guessed(house: Unwatched) -> None:
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, prices={}, tokens=2_000_000)
    assert over.account.cost.usd is None
    assert "cost unknown, 1,500 tokens" in night_page(over.account)


@pytest.mark.slow
def test_a_night_ends_at_its_deadline_and_the_next_goes_on(house: Unwatched) -> None:
    class Slow(SimulatedExecutor):
        def run(self, jobs: Any) -> Any:
            for done in super().run(jobs):
                time.sleep(0.2)
                yield done

    with serving(script(PROPOSES)) as served:
        house.executor = Slow(house.world, seed=5)
        begun = time.monotonic()
        deadline = Deadline(datetime.now().astimezone() + timedelta(seconds=1.5))
        over = run_night(house.unwatched(served.url).night_parts(deadline=deadline))
        assert time.monotonic() - begun < 4
        rest = house.over(served.url)
    assert (over.code, over.account.stopped) == (4, deadline.words)
    assert rest.account.replays
    assert {t.status for t in rest.account.tried} & {"kept", "refused"}


@pytest.mark.parametrize("answer", [error(529, "overloaded_error"), error(500, "api_error"), (200, b"<html>", {})])
def test_a_service_that_is_down_leaves_the_night_open(house: Unwatched, answer: Answer) -> None:
    with serving(script(answer)) as served:
        over = house.over(served.url)
    assert over.code == 1
    assert "does not answer" in over.account.stopped
    with serving(script(PROPOSES)) as served:
        later = house.over(served.url)
    assert (later.code, later.account.night) == (0, over.account.night)
    assert [t.status for t in later.account.tried] == ["kept"]


def test_a_service_that_comes_back_is_waited_for(house: Unwatched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meta.nights.patience.FIRST_PAUSE", 0.1)
    with serving(script(error(529, "overloaded_error"), error(529, "overloaded_error"), PROPOSES)) as served:
        over = house.over(served.url, patience_minutes=1)
    assert over.code == 0


def test_nothing_is_merged_unless_the_team_chose_it_and_then_only_what_the_strict_tier_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='tier = "strict"'):
        Settings.model_validate({"nightly": {"merge": True}})
    house = Unwatched(tmp_path / "agent", tickets=60, budget=2000)
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, merge=True, tune={"tier": "strict"})
    assert over.account.merged == (1,)
    assert GOOD in (house.root / "worker_agent" / "prompts" / "system.md").read_text()


def test_what_the_standard_tier_kept_waits_for_a_person_also_when_merging_is_switched_on_later(
    house: Unwatched,
) -> None:
    head = house.git("rev-parse", "HEAD")
    with serving(script(PROPOSES, NOTHING)) as served:
        house.over(served.url)
        over = house.over(served.url, merge=True, tune={"tier": "strict"})
    assert over.account.merged == ()
    assert house.git("rev-parse", "HEAD") == head


# The webhook.


def test_the_account_is_posted_as_slack_reads_it(house: Unwatched, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(script(PROPOSES)) as served, serving(lambda *_: (200, b"ok", {})) as hook:
        monkeypatch.setenv("META_WEBHOOK", f"{hook.url}/services/SECRET")
        over = house.over(served.url)
    [posted] = hook.requests
    assert posted["text"].startswith("night 1, ")
    assert all(b["type"] == "section" and len(b["text"]["text"]) < 3000 for b in posted["blocks"])
    assert "Rules first" in json.dumps(posted["blocks"])
    assert over.code == 0


@pytest.mark.parametrize("answer", [(500, b"no", {}), (404, b"no", {}), None])
def test_a_webhook_that_fails_breaks_nothing_and_its_address_is_told_to_nobody(
    house: Unwatched, monkeypatch: pytest.MonkeyPatch, answer: Answer | None
) -> None:
    monkeypatch.setattr("meta.nights.webhook.SEND_PAUSE", 0.0)
    told: list[str] = []
    with serving(script(PROPOSES)) as served, serving(lambda *_: answer or (500, b"", {})) as hook:
        url = hook.url if answer else "http://127.0.0.1:9"
        monkeypatch.setenv("META_WEBHOOK", f"{url}/SECRET")
        over = run_night(house.unwatched(served.url, told.append).night_parts())
    assert over.code == 0
    assert any("the report could not be sent" in line for line in told)
    everything = "\n".join(told) + (house.root / "runs.db").read_bytes().decode("latin-1")
    assert "SECRET" not in everything
    assert len(hook.requests) == (0 if answer is None else 3 if answer[0] == 500 else 1)  # type: ignore[index]


# As a process.


def run(root: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "meta", "-C", str(root), "nightly", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )


def test_a_second_start_says_who_is_running_and_leaves(house: Unwatched) -> None:
    with hold_writer_lock(house.root / "runs.db", "nightly"):
        process = run(house.root)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert f"`meta nightly`, process {os.getpid()}" in err
    assert "since" in err


def test_a_lock_whose_holder_was_killed_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    code = (
        "import sys, time; from pathlib import Path; from meta.store.writer_lock import hold_writer_lock\n"
        "with hold_writer_lock(Path(sys.argv[1]), 'nightly'): print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    with hold_writer_lock(path, "nightly"):
        pass


def test_the_account_of_the_last_night_can_be_shown_again(house: Unwatched, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url)
    process = run(house.root, "--account", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    shown = Account.model_validate_json(out)
    assert shown.tried == over.account.tried


def test_a_proposers_answer_is_not_paid_twice_when_the_night_is_killed_over_it(house: Unwatched) -> None:
    class Killed(BaseException):
        pass

    def die(line: str) -> None:
        if line.startswith("screening"):
            raise Killed

    with serving(script(PROPOSES)) as served:
        app = house.unwatched(served.url, die)
        with pytest.raises(Killed):
            run_night(app.night_parts())
        run_raw(app.store.path, "delete from candidates")  # as if it had died before the first was written down
        over = house.over(served.url)
        assert len(served.requests) == 1
    assert [t.status for t in over.account.tried] == ["kept"]
