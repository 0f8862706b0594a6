"""The command line as a person meets it: exit codes, one clear message for whatever is wrong, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from meta.store.database import open_database
from meta.store.store import Store
from meta.store.writer_lock import hold_writer_lock
from tests.desk import DONE, FIX, Desk
from tests.messages_server import Answer, call, error, message, script, serving


def test_a_ticket_is_admitted_replayed_and_measured(desk: Desk) -> None:
    desk.with_ticket()
    with serving(script(FIX, DONE, FIX, DONE, DONE)) as served:
        desk.point_at(served.url)
        desk.patch.setenv("META_TEST", "1")
        code, out, _ = desk.meta("replay", "-k", "2", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["outcomes"] == {"mean": [1, 1]}
    assert (result["one_shot"], result["pass_hat_k"], result["tickets"]) == (1.0, 1.0, 1)
    code, out, _ = desk.meta("status")
    assert code == 0
    assert "1 admitted" in out
    assert "2 replays (0 void)" in out


def test_runs_db_is_made_on_first_run_and_not_before(desk: Desk) -> None:
    code, _, err = desk.meta("status")
    assert code == 3
    assert "no runs.db" in err
    assert not (desk.root / "runs.db").exists()
    desk.meta("tickets", "list")
    assert (desk.root / "runs.db").exists()


def test_without_key_and_endpoint(desk: Desk) -> None:
    desk.with_ticket()
    code, _, err = desk.meta("replay")
    assert code == 1
    assert "no key and no endpoint" in err
    assert "export ANTHROPIC_API_KEY" in err


def test_without_a_model(desk: Desk) -> None:
    desk.with_ticket()
    desk.patch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    code, _, err = desk.meta("replay")
    assert code == 1
    assert "no model is set" in err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(401, "authentication_error", "invalid x-api-key"), "rejected the request: .*401.*invalid x-api-key"),
        (error(404, "not_found_error", "model: m"), "rejected the request: .*404"),
        (
            error(400, "invalid_request_error", "messages.1: bad"),
            r"a request of the worker's conversation on ticket mean \(Mean of nothing\): .*400.*messages\.1: bad",
        ),
        (error(429, "rate_limit_error"), "does not answer .*429"),
        (error(529, "overloaded_error"), "does not answer .*529"),
        (error(500, "api_error"), "does not answer .*500"),
        ((200, b"<html>hello</html>", {"content-type": "text/html"}), "does not answer"),
        ((200, b'{"content": [', {}), "does not answer"),
    ],
)
def test_a_service_that_gives_no_answer_ends_in_one_message(desk: Desk, answer: Answer, words: str) -> None:
    desk.with_ticket()
    with serving(script(answer)) as served:
        desk.point_at(served.url)
        code, _, err = desk.meta("replay")
    assert code == 1
    import re

    assert re.search(words, err), err
    assert "  -> " in err
    assert "Traceback" not in err
    with closing(Store(desk.root / "runs.db")) as store:
        assert not [replay for replay in store.replays.all() if replay.verdict == "failed"]


def test_an_endpoint_where_nobody_listens(desk: Desk) -> None:
    desk.with_ticket()
    desk.point_at("http://127.0.0.1:9")
    code, _, err = desk.meta("replay")
    assert code == 1
    assert "does not answer" in err


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"repo": "/nowhere"}, "/nowhere"),
        ({"base_commit": "beefbeef"}, "beefbeef"),
        ({"title": ""}, "tickets.jsonl:1: "),
        ({"gold": "not a diff"}, "quarantined: mean"),
        ({"gold": None}, "quarantined: mean"),
        ({"fail_to_pass": ["test_calc.py::test_mean"]}, "passes: test_calc.py::test_mean does not need the change"),
    ],
)
def test_a_ticket_that_cannot_be_replayed_is_named(desk: Desk, changed: dict[str, object], words: str) -> None:
    _, _, err = desk.meta("tickets", "add", str(desk.ticket(**changed)))
    assert words in err, err
    assert "Traceback" not in err


def test_a_ticket_file_needs_its_repository(desk: Desk) -> None:
    (desk.root / "T.md").write_text("# Mend it\n\nPlease.\n")
    code, _, err = desk.meta("work", str(desk.root / "T.md"))
    assert code == 2
    assert "--repo" in err


def test_work_leaves_a_dirty_working_tree_alone(desk: Desk) -> None:
    (desk.root / "T.md").write_text("# Mend it\n\nPlease.\n")
    (desk.project / "calc.py").write_text("mine\n")
    code, _, err = desk.meta("work", str(desk.root / "T.md"), "--repo", str(desk.project))
    assert code == 1
    assert "uncommitted changes" in err
    assert (desk.project / "calc.py").read_text() == "mine\n"


def test_work_makes_a_branch_that_carries_the_version(desk: Desk) -> None:
    (desk.root / "T.md").write_text("# Mean of nothing\n\nIt should be 0.\n")
    with serving(script(FIX, DONE)) as served:
        desk.point_at(served.url)
        code, _, err = desk.meta("work", str(desk.root / "T.md"), "--repo", str(desk.project))
    assert code == 0, err
    log = ["git", "log", "-1", "--format=%s|%(trailers:key=Worker-Version,valueonly)", "work/mean-of-nothing"]
    subject, version = subprocess.run(log, cwd=desk.project, capture_output=True, text=True, check=True).stdout.split(
        "|"
    )
    assert subject == "Mean of nothing"
    assert len(version.strip()) == 40


@pytest.mark.parametrize("revision", ["nowhere", "HEAD~5"])
def test_a_version_that_does_not_exist(desk: Desk, revision: str) -> None:
    desk.with_ticket()
    code, _, err = desk.meta("replay", "--version", revision)
    assert code == 1
    assert f"no commit '{revision}'" in err


def test_settings_that_are_wrong_are_named(desk: Desk) -> None:
    (desk.root / "meta.toml").write_text("[tune]\nreplays = 0\n")
    code, _, err = desk.meta("tickets", "list")
    assert code == 2
    assert "meta.toml: tune.replays" in err


def test_a_runs_db_of_a_newer_meta_is_left_alone(desk: Desk) -> None:
    db = open_database(desk.root / "runs.db")
    db["_sqlite_migrations"].insert({"migration_set": "meta", "name": "m999_later", "applied_at": "2099-01-01"})
    db.conn.close()
    code, _, err = desk.meta("propose")
    assert code == 1
    assert "newer meta" in err


def test_a_runs_db_that_another_program_holds(desk: Desk) -> None:
    desk.meta("tickets", "list")
    desk.patch.setattr("meta.store.database.BUSY_SECONDS", 0.2)
    other = sqlite3.connect(desk.root / "runs.db")
    other.execute("pragma locking_mode = exclusive")
    other.execute("begin exclusive")
    code, _, err = desk.meta("tickets", "list")
    other.close()
    assert code == 1
    assert "another program has kept" in err


def test_a_second_meta_says_who_is_at_work_and_leaves(desk: Desk) -> None:
    with hold_writer_lock(desk.root / "runs.db", "nightly"):
        code, _, err = desk.meta("replay")
    assert code == 3
    assert "another meta is using" in err
    assert "`meta nightly`" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["proposals", "show", "7"],
        ["proposals", "accept", "7"],
        ["proposals", "reject", "7", "--reason", "x"],
        ["tickets", "show", "x"],
    ],
)
def test_what_is_not_there_is_usage(desk: Desk, arguments: list[str]) -> None:
    code, _, err = desk.meta(*arguments)
    assert code == 2
    assert "does not exist" in err


def test_nothing_to_do_is_3(desk: Desk) -> None:
    assert desk.meta("ingest-feedback")[0] == 3
    assert desk.meta("init")[0] == 3


def test_ctrl_c_in_the_middle_loses_nothing_and_the_next_start_goes_on(desk: Desk) -> None:
    desk.with_ticket()

    def slow_second(body: dict[str, object], number: int) -> Answer:
        if number >= 2:
            time.sleep(60)
        return [FIX, DONE][number % 2]

    with serving(slow_second) as served:
        desk.point_at(served.url)
        command = [sys.executable, "-m", "meta", "-C", str(desk.root), "replay", "-k", "3"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(served.requests) < 3:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "stopped; finished replays are kept" in err
    assert "Traceback" not in err
    _, out, _ = desk.meta("status")
    assert "1 replays (0 void)" in out
    assert not list((desk.root / ".meta" / "scratch").glob("*")) or desk.meta("tickets", "check")[0] == 0


def test_help_is_there_for_every_command(desk: Desk) -> None:
    for command in (
        "demo",
        "init",
        "doctor",
        "work",
        "ingest-feedback",
        "replay",
        "propose",
        "selftest",
        "status",
        "tickets",
        "feedback",
        "proposals",
        "nightly",
        "nights",
        "schedule",
    ):
        code, out, _ = desk.meta(command, "--help")
        assert code == 0
        assert "Usage: meta" in out


def test_doctor_looks_at_this_machine_from_inside_the_sandbox(desk: Desk) -> None:
    desk.point_at("http://127.0.0.1:9")
    code, out, err = desk.meta("doctor")
    assert "network held" in out, err
    assert "limit on processes held" in out
    assert "DID NOT HOLD" not in out
    assert code == 0


@pytest.mark.parametrize("sandbox", ["bubblewrap", "podman"])
def test_doctor_says_how_to_allow_the_namespaces_that_builds_need_in_any_sandbox(
    desk: Desk, sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bwrap", "podman"):
        (programs / name).write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    (desk.root / "meta.toml").write_text(f'[replay]\nsandbox = "{sandbox}"\n')
    desk.point_at("http://127.0.0.1:9")
    code, out, _ = desk.meta("doctor", "--json")
    fixes = [check["fix"] for check in json.loads(out)["checks"] if "bwrap cannot create a sandbox" in check["what"]]
    assert code == 1
    assert len(fixes) == 1
    assert "user namespaces" in fixes[0]


LEFT_BEHIND = message(
    call("edit_file", 1, path="calc.py", old="/ len(n)", new="/ (len(n) or 1)"),
    call("run_command", 2, command="echo 'print(1)' > debug.py"),
)


def test_passing_the_tests_and_being_merged_as_it_is_are_two_numbers(desk: Desk) -> None:
    desk.with_ticket()
    with serving(script(LEFT_BEHIND, DONE, FIX, DONE, DONE)) as served:
        desk.point_at(served.url)
        code, out, err = desk.meta("replay", "--json")
        assert code == 0, err
        result = json.loads(out)
        assert (result["passes_tests"], result["one_shot"]) == (1.0, 0.0), err
        assert (result["tests_outcomes"], result["outcomes"]) == ({"mean": [1]}, {"mean": [0]})
        assert 0 < result["passes_tests_low"] < result["passes_tests_high"] == 1
        _, out, _ = desk.meta("replay")
    assert "passes the tests          100%" in out
    assert "would be merged as it is  100%" in out


def test_a_ticket_is_shown_with_its_checks(desk: Desk) -> None:
    desk.with_ticket()
    _, out, _ = desk.meta("tickets", "show", "mean")
    assert "  existing-tests: tests that the base has: deleted, skipped" in out
    assert "  size: changed lines, at most 4 times the merged change's and 60 more" in out


def test_environments_beyond_the_limit_are_removed_before_tickets_are_tried(desk: Desk) -> None:
    (desk.root / "meta.toml").write_text("[replay]\nenvironments_mb = 0\n")
    unused = desk.root / ".meta" / "environments" / "unused"
    unused.mkdir(parents=True)
    for name in ("complete", "package.py"):
        (unused / name).write_text("x")
    _, _, err = desk.meta("tickets", "add", str(desk.ticket()))
    assert not unused.exists()
    assert "1 environments that were not used for long are removed" in err


def test_tickets_from_feedback_without_any_is_nothing_to_do(desk: Desk) -> None:
    code, _, err = desk.meta("tickets", "from-feedback")
    assert code == 3
    assert "run `meta ingest-feedback` to check" in err


def test_a_ticket_that_another_runner_decides_says_that_its_verdict_is_weaker(desk: Desk) -> None:
    ticket = desk.ticket(junit={"command": "make check", "report": "out/*.xml"})
    assert desk.meta("tickets", "add", "--no-check", str(ticket))[0] == 0
    _, out, _ = desk.meta("tickets", "show", "mean")
    assert "make check, by a JUnit report, which the code under test could forge" in out
    code, _, err = desk.meta("tickets", "add", str(desk.ticket(junit={"command": "make", "report": "../out.xml"})))
    assert code == 1
    assert "must be inside the workspace" in err


LATE = """
import atexit, os, signal, sys, threading, time
tell = lambda: os.kill(os.getpid(), signal.SIGTERM)
if sys.argv.pop(1) == "thread":
    # More than once: a signal in the very moment before Python begins to wait for the thread is seen with the next one.
    stop = lambda: (threading.main_thread().join(), [(tell(), time.sleep(0.5)) for _ in range(120)])
    threading.Thread(target=stop).start()
else:
    atexit.register(tell)
from meta.cli.entry import main
main()
"""


@pytest.mark.parametrize("moment", ["thread", "last"])
def test_told_to_stop_when_the_work_is_over_it_ends_with_the_works_exit_code(moment: str, tmp_path: Path) -> None:
    """Either while a thread is still waited for, which is then left alone, or when Python is about to end."""
    words = [sys.executable, "-c", LATE, moment, "-C", str(tmp_path), "nightly", "--until", "99:99"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2, done.stderr
    assert "is not a time of day" in done.stderr
