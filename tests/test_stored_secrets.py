"""A key that a service echoes gets neither into runs.db nor onto a terminal."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feedback.outcome import Diff, Outcome, OutcomeKind
from meta.cli import output
from meta.environments.index.index_settings import read_index_settings
from meta.errors import MetaError
from meta.records.candidate import Edit, EditDraft
from meta.records.replay import Replay
from meta.records.ticket import Admission, Ticket
from meta.store.calls import PlannedCall
from meta.store.store import Store
from meta.tune.propose.draft_format import parse_edits
from safeguards.masking import SECRET_MARK, mask_secrets
from worker_agent.__main__ import run_worker_agent
from worker_agent.records import Usage

KEY = "sk-ant-api03-" + "aB3dE5gH7jK9mN1pQ4sT" * 4
ODD = "my own odd secret 7"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("SERVICE_TOKEN", ODD)
    return Store(tmp_path / "runs.db")


def everything_in(path: Path) -> str:
    """Every text in the database, transcripts unpacked."""
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
    cells = [cell for table in tables for row in connection.execute(f"select * from {table}") for cell in row]
    return "\n".join(zlib.decompress(c).decode() if isinstance(c, bytes) else str(c) for c in cells)


def a_replay(**changes: object) -> Replay:
    told = {"id": "r1", "ticket": "t", "version": "v", "purpose": "gate", "verdict": "void", "ended": "model_error"}
    return Replay.model_validate({**told, "reason": "", **changes})


def an_outcome(**changes: object) -> Outcome:
    told = {"repository": "team/app", "number": 7, "title": "Fix", "kind": OutcomeKind.REVISED, "agent": "robo"}
    return Outcome.model_validate({**told, "recognised_by": "author", **changes})


def test_no_table_keeps_a_secret(store: Store) -> None:
    words = f"the service answered 401: invalid key {KEY} or {ODD}"
    event = {"kind": "tool", "name": "run", "input": {}, "result": f"env:\n{KEY}\n{ODD}", "error": True}
    store.replays.add(a_replay(reason=words, diff=f"+{KEY}", summary=words, model=words), [event])
    ticket = Ticket(id="t", title="T", repo=".", base_commit="x")
    store.tickets.add(ticket)
    store.tickets.record_admission(ticket, Admission(ticket="t", status="quarantined", reason=words))
    store.tickets.quarantine_by_hand(["t"], words)
    night = store.nights.resume_or_open(10).id
    store.nights.finish_stage(night, "feedback", {"problems": [words]})
    store.nights.save_drafts(night, [EditDraft(words, Edit(title=words, hypothesis=words), words)])
    store.nights.end_tuning(night, {"why": words})
    candidate = store.candidates.add(night, "v", Edit(title=words, themes=(words,), hypothesis=words))
    store.candidates.move(candidate, "invalid", words)
    proposal = store.proposals.add(candidate.id, "c", "b")
    store.proposals.decide(proposal, "rejected", words)
    call = store.calls.begin(PlannedCall(role="worker", model=words, tokens=1, usd=None))
    store.calls.end(call, words, words, Usage())
    diff = Diff(text=f"+key = '{KEY}'\n")
    store.outcomes.add_part(an_outcome(title=words, revision=diff, merged_diff=diff), "github")
    store.close()
    stored = everything_in(store.path)
    assert stored.count(SECRET_MARK) > 20
    assert KEY not in stored
    assert ODD not in stored


def test_what_is_applied_and_graded_stays_exact(store: Store) -> None:
    diff = f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+key = '{KEY}'\n"
    ticket = Ticket(id="t", title="T", body=KEY, repo=".", base_commit="x", gold=diff, rejected=diff)
    store.tickets.add(ticket)
    assert store.tickets.find("t") == ticket
    outcome = an_outcome(submitted_diff=Diff(text=diff))
    store.outcomes.add_part(outcome, "github")
    assert store.outcomes.all()[0].submitted_diff == Diff(text=diff)
    assert store.outcomes.add_part(outcome, "github") is None


def test_what_has_been_read_twice_is_no_news_though_it_had_a_secret(store: Store) -> None:
    outcome = an_outcome(title=f"Use {KEY}", revision=Diff(text=f"+{KEY}\n"))
    assert store.outcomes.add_part(outcome, "github")
    assert store.outcomes.add_part(outcome, "github") is None


def test_an_edit_that_adds_a_key_is_refused_and_one_that_keeps_an_example_is_not() -> None:
    surface = {"prompts/system.md": f"Do it.\nNever write keys such as {KEY}.\n"}
    form = (
        "## Edit: E\ntheme: x\nhypothesis: y\nflips: t\n\nprompts/system.md\n```\n"
        "<<<<<<< SEARCH\nDo it.\n=======\n{}\n>>>>>>> REPLACE\n```\n"
    )
    kept, refused = (parse_edits(form.format(text), surface)[0] for text in ("Do it well.", f"Use {KEY}x."))
    assert kept.edit
    assert KEY in str(kept.edit.changes)
    assert refused.edit is None
    assert "key, a token or a password" in refused.problem


@pytest.mark.parametrize(
    "text", [f"key {KEY}", f"https://ann:hunter2{KEY[-3:]}@host.test", ODD, f"password={KEY[-20:]}", f"\x1b[2K{KEY}"]
)
def test_nothing_printed_has_a_secret(text: str, capsys: pytest.CaptureFixture[str], store: Store) -> None:
    output.print_result(text)
    output.report(text)
    output.print_json({"error": [text, {"inner": json.dumps(text)}]})
    output.print_error(MetaError(text, text))
    try:
        raise ValueError(text)
    except ValueError as error:
        output.print_bug(type(error), error, error.__traceback__)
    out, err = capsys.readouterr()
    assert out.count(SECRET_MARK) >= 3
    assert err.count(SECRET_MARK) >= 4
    for secret in (KEY, ODD, "hunter2", KEY[-20:]):
        assert secret not in out + err
    json.loads(out.splitlines()[-1])


def test_the_worker_alone_prints_and_keeps_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ticket = tmp_path / "ticket.md"
    ticket.write_text("# T\n")
    assert run_worker_agent([str(ticket), "--repo", f"/none/{KEY}\x1b[2J"]) == 2
    err = capsys.readouterr().err
    assert SECRET_MARK in err
    assert KEY not in err
    assert "\x1b" not in err


def test_an_index_password_from_netrc_is_known(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine packages.test login ann password plainindexword-x\n")
    environ = {"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc"), "UV_INDEX_URL": "https://packages.test/simple"}
    assert read_index_settings(environ)
    assert mask_secrets("401 for plainindexword-x") == f"401 for {SECRET_MARK}"


def test_a_password_in_base_url_is_not_shown_when_the_service_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meta.cli.entry import app

    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    (tmp_path / "meta.toml").write_text('[worker]\nmodel = "m"\nbase_url = "http://ann:plainsecret@127.0.0.1:9/"\n')
    done = CliRunner().invoke(app, ["-C", str(tmp_path), "doctor"])
    assert "plainsecret" not in done.output + str(done.exception)
