"""A GitHub App instead of a token: it reads, it pushes, and its tokens are renewed as they end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedback.github.access import GitHubAccess
from feedback.github.github_source import GitHubSource
from feedback.identity import AgentIdentity
from feedback.problems import FeedbackError
from meta.errors import MetaError
from meta.forges.github.remote import OriginRemote
from meta.project import ignore_report
from meta.settings import GitHubSettings
from tests.conftest import Hub, Make
from tests.github.app import app_key, install
from tests.github.server import Fault, GitHubServer, github
from tests.github.world import pull

ROBO = AgentIdentity(authors=("robo[bot]",))


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return app_key(tmp_path_factory.mktemp("app"))


@pytest.fixture
def server(hub: Hub, key: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", str(key))
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_somebodyelses")
    with hub() as served:
        yield served


def access(server: GitHubServer) -> GitHubAccess:
    return GitHubAccess(base_url=server.url, app_id="12", installation_id=7, retries=0)


# Pushing.


@pytest.fixture
def clone(server: GitHubServer, make_repo: Make, tmp_path: Path) -> Path:
    """A clone whose `origin` is on the fake GitHub, over HTTP."""
    product = make_repo({"app.py": "x = 1\n"})
    server.origin = tmp_path / "origin.git"
    git("clone", "-q", "--bare", str(product), str(server.origin), cwd=tmp_path)
    git("remote", "add", "origin", f"{server.url}/team/app.git", cwd=product)
    return product


def git(*args: str, cwd: Path) -> str:
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def origin_of(clone: Path, server: GitHubServer, **changed: object) -> OriginRemote:
    app = {"base_url": server.url, "app_id": "12", "installation_id": 7, **changed}
    return OriginRemote(clone, GitHubSettings.model_validate(app), ignore_report)


def test_git_fetches_and_pushes_with_the_installations_token_and_never_with_the_other_one(
    server: GitHubServer, clone: Path
) -> None:
    given = install(server)
    origin = origin_of(clone, server)
    head = git("rev-parse", "HEAD", cwd=clone)
    branch = git("rev-parse", "--abbrev-ref", "HEAD", cwd=clone)
    assert origin.fetch_branch(branch) == head
    origin.push_commit(head, "work/issue-7")
    assert server.origin is not None
    assert git("rev-parse", "work/issue-7", cwd=server.origin) == head
    assert len(given) == 3  # ls-remote, fetch, push: a fresh one each
    kept = b"".join(path.read_bytes() for path in (clone / ".git").rglob("*") if path.is_file())
    assert b"ghs_" not in kept
    assert "ghs_" not in json.dumps(dict(os.environ))


def test_a_token_is_used_for_git_as_before(server: GitHubServer, clone: Path) -> None:
    server.git_password = "ghp_somebodyelses"
    origin_of(clone, server, app_id="").push_commit(git("rev-parse", "HEAD", cwd=clone), "work/issue-7")
    assert server.requests == []


def test_an_app_that_is_not_let_in_is_said_and_nothing_is_pushed_as_somebody_else(
    server: GitHubServer, clone: Path
) -> None:
    server.faults = lambda request: Fault(401, b'{"message": "A JSON web token could not be decoded"}')
    with pytest.raises(MetaError) as said:
        origin_of(clone, server).push_commit(git("rev-parse", "HEAD", cwd=clone), "work/issue-7")
    assert "github.app_id" in said.value.message
    assert "GITHUB_TOKEN" not in said.value.message
    assert server.git_requests == []


def test_without_anything_to_sign_in_with_git_is_not_started(
    server: GitHubServer, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_APP_PRIVATE_KEY")
    with pytest.raises(MetaError, match="set GITHUB_APP_PRIVATE_KEY"):
        origin_of(clone, server).push_commit("HEAD", "work/issue-7")
    monkeypatch.delenv("GITHUB_TOKEN")
    with pytest.raises(MetaError, match="set GITHUB_TOKEN"):
        origin_of(clone, server, app_id="").push_commit("HEAD", "work/issue-7")
    assert server.git_requests == []


def test_no_token_is_asked_for_or_sent_where_the_remote_is_elsewhere(server: GitHubServer, clone: Path) -> None:
    given = install(server)
    with github(repository="team/app") as other:
        git("remote", "set-url", "origin", f"{other.url}/team/app.git", cwd=clone)
        with pytest.raises(MetaError, match="git push"):
            origin_of(clone, server).push_commit(git("rev-parse", "HEAD", cwd=clone), "work/issue-7")
        assert other.git_requests
        assert not [r for r in other.git_requests if "authorization" in r.headers]
    assert given == []


# Renewing.


def read(server: GitHubServer) -> list[int]:
    return [o.number for o in GitHubSource("team/app", ROBO, access(server), diffs=False).outcomes()]


def test_a_token_that_ends_in_the_middle_is_replaced_before_it_is_used_again(server: GitHubServer) -> None:
    server.pulls = [pull(n) for n in range(1, 121)]
    given = install(server, lambda number: "2026-01-01T00:00:00Z" if number < 3 else "2099-01-01T00:00:00Z")
    assert read(server) == list(range(1, 121))
    assert len(given) == 3
    used = [r.headers["authorization"] for r in server.queries]
    assert used[:2] == ["token ghs_number1", "token ghs_number2"]
    assert set(used[2:]) == {"token ghs_number3"}


def test_a_token_that_github_no_longer_takes_is_replaced_once_and_nothing_is_lost(server: GitHubServer) -> None:
    server.pulls = [pull(n) for n in range(1, 121)]
    given = install(server)
    ended = {"token ghs_number1": 6}

    def refuse(request: object) -> Fault | None:
        who = server.requests[-1].headers.get("authorization", "")
        if who in ended and len(server.requests) > ended[who]:
            return Fault(401, b'{"message": "Bad credentials"}')
        return None

    server.faults = refuse
    assert read(server) == list(range(1, 121))
    assert given == ["ghs_number1", "ghs_number2"]


def test_a_night_without_news_costs_one_request_and_one_for_the_token(server: GitHubServer) -> None:
    server.pulls = [pull(1)]
    install(server)
    reading = GitHubSource("team/app", ROBO, access(server), diffs=False)
    assert len(list(reading.outcomes())) == 1
    server.requests.clear()
    assert not list(GitHubSource("team/app", ROBO, access(server), diffs=False).outcomes(reading.cursor))
    assert [r.path for r in server.requests] == ["/app/installations/7/access_tokens", "/graphql"]


def test_an_installation_that_was_taken_away_is_said_and_not_asked_for_ever(server: GitHubServer) -> None:
    server.pulls = [pull(1)]
    given = install(server)
    server.faults = lambda request: (
        Fault(401, b'{"message": "Bad credentials"}') if request.path.endswith("/graphql") else None
    )
    with pytest.raises(FeedbackError, match=r"github\.installation_id"):
        read(server)
    assert len(given) == 2


def test_two_connections_do_not_share_a_token(server: GitHubServer, key: Path) -> None:
    server.pulls = [pull(1)]
    install(server)
    read(server)
    with github(pulls=[pull(2)]) as other:
        install(other)
        assert read(other) == [2]
        assert other.queries[0].headers["authorization"] == "token ghs_number1"
        assert other.requests[0].path == "/app/installations/7/access_tokens"
