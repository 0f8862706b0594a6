"""`meta ingest-feedback` from GitHub into runs.db, alone and together with other sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feedback.outcome import Cause, Outcome, OutcomeKind
from feedback.reconciliation import reconcile
from meta.cli.entry import app
from meta.errors import MetaError
from meta.store.store import Store
from tests.conftest import Hub, Make
from tests.github.server import GitHubServer
from tests.github.world import at, comment, pull, sha
from tests.raw_database import run_raw


@pytest.fixture
def server(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GitHubServer]:
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    said = [comment("ann", "Please add tests for this.", 2.5, association="OWNER")]
    with hub(pulls=[pull(1), pull(2, "CLOSED", comments=said)]) as served:
        (tmp_path / "meta.toml").write_text(
            f'[github]\nbase_url = "{served.url}"\n[agent]\nauthors = ["robo[bot]"]\n'
            '[[repositories]]\npath = "nowhere"\nname = "team/app"\n'
        )
        yield served


def meta(folder: Path, *args: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["-C", str(folder), *args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_github_is_ingested_and_the_second_time_nothing_is_new(
    server: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = meta(tmp_path, "ingest-feedback", "--source", "github", "--json")
    assert first["outcomes"] == [
        {"kind": "merged", "cause": "unknown", "n": 1},
        {"kind": "rejected", "cause": "weak_tests", "n": 1},
    ]
    asked = len(server.requests)
    again = meta(tmp_path, "ingest-feedback", "--source", "github:team/app", "--json")
    (told,) = again["sources"]  # type: ignore[misc]
    assert told["changed"] == 0
    assert len(server.requests) == asked + 1
    assert ("x",) not in run_raw(tmp_path / "runs.db", "select cursor from cursors")


def outcome(**fields: object) -> Outcome:
    base = {
        "repository": "team/app",
        "number": 7,
        "title": "Fix",
        "kind": "merged",
        "agent": "robo[bot]",
        "recognised_by": "author",
    }
    return Outcome.model_validate({**base, **fields})


def test_what_git_and_github_know_is_joined_whichever_comes_first(tmp_path: Path) -> None:
    git = outcome(
        kind="revised", base_sha=sha("base"), revision={"text": "+x\n"}, unknown_fields=["author", "opened_at", "words"]
    )
    forge = outcome(
        title="Fix the thing",
        author="robo[bot]",
        opened_at=at(1),
        unknown_fields=["base_sha", "revision"],
        words=[{"author": "ann", "text": "You forgot the empty list.", "association": "OWNER"}],
    )
    sources = {"git:/clone": git, "github:api/team/app": forge}
    ways = []
    for order in (list(sources), list(reversed(sources))):
        store = Store(tmp_path / f"{order[0][:3]}.db")
        for name in order:
            store.outcomes.add_part(sources[name], name)
        ways.append(store.outcomes.find("team/app#7"))
        store.close()
    assert ways[0] == ways[1] == reconcile(sources)
    joined = reconcile(sources)
    assert (joined.kind, joined.base_sha, joined.title) == (OutcomeKind.REVISED, sha("base"), "Fix the thing")
    assert joined.unknown_fields == ()
    assert joined.cause is Cause.INCOMPLETE


def test_git_that_only_judges_by_age_does_not_overrule_github() -> None:
    git = outcome(kind="rejected", unknown_fields=["kind"])
    assert reconcile({"git:/clone": git, "github:x": outcome(kind="open")}).kind is OutcomeKind.OPEN
    assert (
        reconcile({"git:/clone": git, "github:x": outcome(kind="unknown", unknown_fields=["kind"])}).kind
        is OutcomeKind.REJECTED
    )


def test_a_revert_that_only_git_can_see_counts() -> None:
    assert reconcile({"git:/clone": outcome(kind="reverted"), "github:x": outcome()}).kind is OutcomeKind.REVERTED


def test_what_a_person_said_of_the_cause_survives_every_ingest(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs.db")
    store.outcomes.add_part(outcome(kind="rejected"), "github:x")
    known = store.outcomes.find("team/app#7")
    assert known is not None
    store.outcomes.save(known.with_cause(Cause.PLANS_CHANGED, "person"))
    changed = store.outcomes.add_part(outcome(kind="rejected", closed_at=at(5)), "github:x")
    assert changed is not None
    assert (changed.cause, changed.cause_by, changed.closed_at) == (
        Cause.PLANS_CHANGED,
        "person",
        outcome(closed_at=at(5)).closed_at,
    )
    assert store.outcomes.add_part(outcome(kind="rejected", closed_at=at(5)), "github:x") is None
    store.close()


def configured(folder: Path, server: GitHubServer, *paths: str, github: str = "github = true\n") -> None:
    (folder / "meta.toml").write_text(
        f'[github]\nbase_url = "{server.url}"\n[agent]\nauthors = ["robo[bot]"]\n'
        + "".join(f'[[repositories]]\npath = "{path}"\nname = "team/app"\n{github}' for path in paths)
    )


def test_a_clone_without_pull_requests_is_no_obstacle_where_github_is_asked(
    server: GitHubServer, tmp_path: Path, make_repo: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.diffs["/repos/team/app/compare/" + f"{sha('base')}...{sha('2.1')}"] = "+x\n"
    configured(tmp_path, server, str(make_repo({"app.py": "x = 1\n"})))
    told = meta(tmp_path, "ingest-feedback", "--json")
    assert [source["source"] for source in told["sources"]] == [f"github:{server.url}/team/app"]  # type: ignore[attr-defined]
    store = Store(tmp_path / "runs.db")
    rejected = store.outcomes.find("team/app#2")
    store.close()
    assert rejected is not None
    assert rejected.submitted_diff is not None  # such a clone cannot give it, so GitHub is asked
    assert rejected.submitted_diff.text == "+x\n"


def test_a_source_that_cannot_be_read_is_said_and_keeps_no_other_from_being_read(
    server: GitHubServer, tmp_path: Path, make_repo: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configured(tmp_path, server, "nowhere", github="")
    with (tmp_path / "meta.toml").open("a") as toml:
        toml.write('[[repositories]]\npath = "nowhere"\nname = "team/app"\ngithub = true\n')
    done = CliRunner().invoke(app, ["-C", str(tmp_path), "ingest-feedback"])
    assert isinstance(done.exception, MetaError)
    assert "nowhere" in done.exception.message
    assert "1 merged, 1 rejected" in done.output
    assert "nowhere: not read" in done.output
