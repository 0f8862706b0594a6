"""A person's word on tickets: removed, quarantined, restored; and which branch is mined."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from meta.records.replay import Replay
from meta.store.store import Store
from tests.desk import Desk
from tests.odd_commits import OddCommits
from tests.repositories import Repository


def standing(desk: Desk) -> dict[str, tuple[str, str]]:
    return {t["id"]: (t["status"], t["reason"]) for t in json.loads(desk.meta("tickets", "list", "--json")[1])}


def test_a_removed_ticket_is_gone_from_lists_but_not_from_what_was_replayed(desk: Desk) -> None:
    desk.with_ticket()
    store = Store(desk.root / "runs.db")
    store.replays.add(
        Replay(id="r1", ticket="mean", version="v", purpose="work", verdict="failed", reason="x", ended="submitted")
    )
    store.close()
    code, out, err = desk.meta("tickets", "remove", "mean", "--reason", "a duplicate")
    assert (code, out) == (0, "removed mean\n"), err
    assert standing(desk) == {}
    assert "tickets     none; 0 held out" in desk.meta("status")[1]
    assert desk.meta("replay")[0] == 3  # no ticket is admitted
    assert "ticket      mean" in desk.meta("replay", "show", "r1")[1]
    assert "status        quarantined removed by hand: a duplicate" in desk.meta("tickets", "show", "mean")[1]
    desk.meta("tickets", "check", "--again")
    assert standing(desk) == {}


def test_a_removed_ticket_comes_back_when_a_person_says_so(desk: Desk) -> None:
    desk.with_ticket()
    desk.meta("tickets", "remove", "mean")
    code, out, _ = desk.meta("tickets", "restore", "mean")
    assert (code, "1 admitted, 0 quarantined" in out) == (0, True)
    desk.meta("tickets", "remove", "mean")
    code, out, _ = desk.meta("tickets", "add", str(desk.ticket()))
    assert (code, "1 tickets added or changed" in out) == (0, True)
    assert standing(desk) == {"mean": ("admitted", "")}


def test_a_bad_entry_is_set_aside_and_the_rest_is_added(desk: Desk) -> None:
    good = desk.ticket()
    bad = desk.root / "bad.jsonl"
    bad.write_text('{"id": "b"}\n' * 9)
    code, out, err = desk.meta("tickets", "add", "--no-check", str(bad), str(good))
    assert (code, out) == (1, "1 tickets added or changed\n")
    assert "set aside 9, and went on with the rest:" in err
    assert (err.count("`title` is missing"), "and 4 more; --json has them all" in err) == (5, True)
    code, out, _ = desk.meta("tickets", "add", "--json", str(bad), str(good))
    said = json.loads(out)
    assert (code, said["added"], len(said["set_aside"])) == (1, 0, 9)
    assert [(a["ticket"], a["status"]) for a in said["checked"]] == [("mean", "admitted")]
    code, _, err = desk.meta("tickets", "add", str(bad))
    assert (code, "9 entries of" in err) == (1, True)
    code, out, _ = desk.meta("tickets", "check", "--again", "--json")
    assert (code, [a["status"] for a in json.loads(out)]) == (0, ["admitted"])


def test_what_cannot_be_mined_is_counted_and_told_with_the_first_reasons(desk: Desk, tmp_path: Path) -> None:
    commits = OddCommits(Repository(tmp_path, {"shop.py": "", "tests/test_shop.py": ""}))
    odd = commits.commit(b"The data is far too much of it", {b"data.csv": (b"100644", b"a line\n" * (4 << 20))})
    code, out, err = desk.meta("tickets", "mine", str(commits.repository.path))
    assert (code, out) == (0, "")
    assert f"set aside 1, and went on with the rest:\n  {odd[:10]}  it changes 28 MB of files, more than 20" in err
    line = json.loads(desk.meta("tickets", "mine", str(commits.repository.path), "--json")[1])
    assert (line["fix_commit"], line["set_aside"], line["status"]) == (odd, True, "quarantined")


def test_a_ticket_quarantined_by_hand_stays_so_until_it_is_restored(desk: Desk) -> None:
    desk.with_ticket()
    code, _, err = desk.meta("tickets", "quarantine", "mean", "--reason", " ")
    assert (code, "needs a reason" in err) == (2, True)
    assert desk.meta("tickets", "quarantine", "mean", "--reason", "it tests the clock")[0] == 0
    held = {"mean": ("quarantined", "quarantined by hand: it tests the clock")}
    assert standing(desk) == held
    desk.meta("tickets", "check", "--again")
    assert standing(desk) == held
    assert desk.meta("tickets", "restore", "--no-check", "mean")[0] == 0
    assert standing(desk) == {"mean": ("new", "")}
    assert desk.meta("tickets", "restore", "mean")[0] == 3


@pytest.mark.parametrize("words", [["remove"], ["quarantine", "--reason", "x"], ["restore"]])
def test_one_ticket_that_does_not_exist_and_nothing_is_changed(desk: Desk, words: list[str]) -> None:
    desk.with_ticket()
    code, _, err = desk.meta("tickets", *words, "mean", "nowhere")
    assert (code, "ticket 'nowhere' does not exist" in err) == (2, True)
    assert standing(desk) == {"mean": ("admitted", "")}


def commit(project: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (project / name).write_text(text)
    for words in (["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run(["git", *words], cwd=project, check=True)


def test_a_branch_is_mined_and_what_was_removed_is_not_mined_again(desk: Desk) -> None:
    subprocess.run(["git", "checkout", "-q", "-b", "release"], cwd=desk.project, check=True)
    source, test = (desk.project / "calc.py").read_text(), (desk.project / "test_calc.py").read_text()
    commit(
        desk.project,
        {
            "calc.py": source.replace("/ len(n)", "/ (len(n) or 1)"),
            "test_calc.py": test + "\n\ndef test_nothing():\n    assert mean([]) == 0\n",
        },
        "Make mean of nothing return 0 instead of raising",
    )
    subprocess.run(["git", "checkout", "-q", "main"], cwd=desk.project, check=True)
    _, out, err = desk.meta("tickets", "mine", str(desk.project), "--json")
    assert out == "", err
    _, out, err = desk.meta("tickets", "mine", str(desk.project), "--branch", "release", "--json")
    [mined] = map(json.loads, out.splitlines())
    assert mined["status"] == "admitted", mined["reason"]
    [ticket] = standing(desk)
    desk.meta("tickets", "remove", ticket)
    assert desk.meta("tickets", "mine", str(desk.project), "--branch", "release", "--json")[1] == ""
    assert standing(desk) == {}
    code, _, err = desk.meta("tickets", "mine", str(desk.project), "--branch", "nowhere")
    assert (code, "nowhere" in err, "Traceback" in err) == (1, True, False)
