"""Looking at what is there: `meta` alone, `meta replay show`, `meta nights`, documents for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meta.records.replay import Replay
from meta.store.store import Store
from tests.desk import DONE, FIX, Desk
from tests.messages_server import call, message, script, serving

NO_CHANGE = message(call("submit", 1, summary="nothing to do"))


def replayed(desk: Desk) -> dict[str, object]:
    """A ticket replayed twice: passed, then failed."""
    desk.with_ticket()
    with serving(script(FIX, DONE, NO_CHANGE, NO_CHANGE, NO_CHANGE, DONE)) as served:
        desk.point_at(served.url)
        code, out, err = desk.meta("replay", "-k", "2", "--json")
    assert code == 0, err
    return json.loads(out)  # type: ignore[no-any-return]


def test_meta_alone_says_where_things_stand_and_what_to_do_next(desk: Desk, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    desk.patch.chdir(empty)
    code, out, _ = Desk(empty, desk.project, desk.capsys, desk.patch).meta()
    assert (code, "`meta demo`" in out, "`meta init`" in out) == (0, True, True)
    assert not list(empty.iterdir())

    code, out, _ = desk.meta()
    assert code == 0
    assert "next        `meta doctor`" in out
    desk.meta("tickets", "list")
    _, out, _ = desk.meta()
    assert "next        `meta tickets mine PATH`" in out
    desk.meta("tickets", "add", "--no-check", str(desk.ticket()))
    _, out, _ = desk.meta()
    assert "tickets     1 new" in out
    assert "next        `meta tickets check` admits or quarantines 1 new ticket" in out
    desk.meta("tickets", "check")
    _, out, _ = desk.meta()
    assert "next        `meta replay`" in out
    assert out.endswith("`meta --help` lists all commands\n")
    assert desk.meta("status")[1] in out


def test_a_measurement_names_its_replays_with_verdict_and_reason(desk: Desk) -> None:
    result = replayed(desk)
    passed, failed = result["replays"]  # type: ignore[misc]
    assert (passed["ticket"], passed["verdict"]) == ("mean", "passed")
    assert failed["verdict"] == "failed"
    assert failed["reason"]
    assert passed["id"] != failed["id"]


def test_a_replay_is_shown_with_verdict_reason_and_transcript(desk: Desk) -> None:
    passed, failed = replayed(desk)["replays"]  # type: ignore[misc]
    code, out, err = desk.meta("replay", "show", passed["id"][:10])
    assert code == 0, err
    for line in (f"replay {passed['id']}", "ticket      mean", "verdict     passed", "tests       passed"):
        assert f"{line}\n" in out
    assert "+    return sum(n) / (len(n) or 1)" in out
    assert "  edit_file {" in out
    assert "    | Mean of nothing" in out

    code, out, _ = desk.meta("replay", "show", failed["id"], "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["reason"] == failed["reason"]
    assert shown["transcript"][0]["kind"] == "start"


def test_a_measurement_of_failures_says_how_to_look_at_one(desk: Desk) -> None:
    desk.with_ticket()
    with serving(script(NO_CHANGE)) as served:
        desk.point_at(served.url)
        _, out, _ = desk.meta("replay")
    [beginning] = [line.split()[3] for line in out.splitlines() if line.startswith("mean")]
    assert "`meta replay show ID`" in out
    assert "verdict     failed" in desk.meta("replay", "show", beginning)[1]


@pytest.mark.parametrize("wanted", ["nowhere", ""])
def test_a_replay_that_is_not_there_is_usage(desk: Desk, wanted: str) -> None:
    code, _, err = desk.meta("replay", "show", wanted)
    assert code == 2
    assert "there is no replay" in err


def test_a_beginning_that_several_replays_share_is_not_enough(desk: Desk) -> None:
    store = Store(desk.root / "runs.db")
    for name in ("abc1", "abc2"):
        store.replays.add(
            Replay(id=name, ticket="t", version="v", purpose="work", verdict="failed", reason="", ended="submitted")
        )
    store.close()
    code, _, err = desk.meta("replay", "show", "abc")
    assert (code, "more than one replay begins with 'abc'" in err) == (2, True)
    assert desk.meta("replay", "show", "abc2")[0] == 0


def test_nights_are_listed_and_shown(desk: Desk) -> None:
    assert desk.meta("nights")[1].startswith("no night has run yet")
    code, _, err = desk.meta("nights", "show")
    assert (code, "no night has run yet" in err) == (3, True)
    assert desk.meta("nightly", "--account")[0] == 3
    desk.point_at("http://127.0.0.1:9")
    assert desk.meta("nightly")[0] == 3  # nothing to do, but a night
    code, out, _ = desk.meta("nights", "list", "--json")
    [night] = json.loads(out)
    assert (night["night"], night["replays"], night["kept"]) == (1, 0, 0)
    listed = desk.meta("nights", "list")[1].splitlines()
    assert listed[0].split() == ["n", "began", "ended", "replays", "edits", "kept"]
    shown = desk.meta("nights", "show", "1", "--json")[1]
    assert json.loads(shown)["night"] == 1
    assert shown == desk.meta("nights", "show", "--json")[1] == desk.meta("nightly", "--account", "--json")[1]
    assert "nothing new, nothing done" in desk.meta("nights", "show")[1]
    code, _, err = desk.meta("nights", "show", "7")
    assert (code, "there is no night 7" in err) == (2, True)


def test_the_old_name_of_nights_show_is_not_in_the_help(desk: Desk) -> None:
    assert "--account" not in desk.meta("nightly", "--help")[1]


def test_programs_get_one_document(desk: Desk) -> None:
    desk.point_at("http://127.0.0.1:9")
    code, out, _ = desk.meta("doctor", "--json")
    checked = json.loads(out)
    assert code == (0 if checked["ok"] else 1)
    assert {"ok", "what", "fix"} == checked["checks"][0].keys()
    desk.with_ticket()
    ticket = json.loads(desk.meta("tickets", "show", "mean", "--json")[1])
    assert (ticket["id"], ticket["status"], ticket["grader"]["fail_to_pass"]) == (
        "mean",
        "admitted",
        ["test_calc.py::test_mean_of_nothing"],
    )
    [listed] = json.loads(desk.meta("tickets", "list", "--json")[1])
    assert listed["id"] == "mean"


def test_a_transcript_that_was_removed_is_said_to_be(desk: Desk) -> None:
    first, _ = replayed(desk)["replays"]  # type: ignore[misc]
    store = Store(desk.root / "runs.db")
    assert store.transcripts.remove_beyond(0) == 2
    store.close()
    assert "the transcript was removed" in desk.meta("replay", "show", first["id"])[1]
