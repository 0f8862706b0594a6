"""Outcomes from plain git: each way in which a pull request ends, in a small real repository."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from feedback.git.plain_git import PlainGit
from feedback.identity import AgentIdentity
from feedback.outcome import Cause, Outcome, OutcomeKind
from feedback.problems import FeedbackError
from feedback.source import Cursor

AGENT = "Robo Coder <robo@agents.test>"
PERSON = "Ann Reviewer <ann@people.test>"
OTHER = "Bob Other <bob@people.test>"
BOT = "pre-commit-ci[bot] <66+pre-commit-ci[bot]@users.noreply.github.com>"
DAY = 86_400
BODY = "".join(f"line {n}\n" for n in range(1, 31))


class Repository:
    """A repository with a clock of its own; every commit is an hour later than the one before."""

    def __init__(self, path: Path, template: Path | None = None) -> None:
        self.path = path
        self.clock = itertools.count(1_700_003_600, 3600)
        if template:
            shutil.copytree(template, path)
        else:
            path.mkdir()
            self.git("init", "-q", "-b", "main", "--template=")
            self.write("app.py", BODY)
            self.write("other.py", BODY)
            self.commit("Start", PERSON)
        self.base = self.git("rev-parse", "HEAD")

    def git(self, *args: str, **environment: str) -> str:
        hermetic = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1"}
        who = {f"GIT_{role}_NAME": "Ann Reviewer" for role in ("AUTHOR", "COMMITTER")}
        who |= {f"GIT_{role}_EMAIL": "ann@people.test" for role in ("AUTHOR", "COMMITTER")}
        done = subprocess.run(
            ["git", *args], cwd=self.path, env=hermetic | who | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def edit(self, old: str, new: str, name: str = "app.py") -> None:
        text = (self.path / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def commit(self, message: str, author: str) -> str:
        self.git("add", "-A")
        return self._commit("commit", "-q", "--allow-empty", "-m", message, f"--author={author}")

    def _commit(self, *args: str) -> str:
        when = f"{next(self.clock)} +0000"
        self.git(*args, GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)
        return self.git("rev-parse", "HEAD")

    def moved(self, *args: str) -> str:
        """Run a command that makes commits with dates of their own; gives the new tip."""
        when = f"{next(self.clock)} +0000"
        self.git(*args, GIT_COMMITTER_DATE=when)
        return self.git("rev-parse", "HEAD")

    def branch(self, start: str | None = None) -> None:
        self.git("checkout", "-q", "--detach", start or "main")

    def open(self, number: int, ref: str = "refs/pull/{}/head") -> str:
        """Make what is checked out the head of a pull request, and go back to main."""
        head = self.git("rev-parse", "HEAD")
        self.git("update-ref", ref.format(number), head)
        self.git("checkout", "-q", "main")
        return head

    def pull(self, number: int = 7, message: str = "Fix line 3", author: str = AGENT) -> str:
        """A pull request of one commit that changes one line."""
        self.branch()
        self.edit("line 3\n", "line three\n")
        self.commit(message, author)
        return self.open(number)

    def merge(self, head: str, message: str) -> str:
        when = f"{next(self.clock)} +0000"
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        self.git("merge", "-q", "--no-ff", "-m", message, head, **dates)
        return self.git("rev-parse", "HEAD")

    def squash(self, head: str, message: str, author: str = AGENT) -> str:
        self.git("merge", "-q", "--squash", head)
        return self.commit(message, author)

    def advance(self) -> str:
        """Somebody else's work on main."""
        self.edit("line 30", "line 30 of main", "other.py")
        return self.commit("Work on main", PERSON)


Outcomes = Callable[..., dict[int, Outcome]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Repository(tmp_path_factory.mktemp("feedback") / "template").path


@pytest.fixture
def repository(tmp_path: Path, template: Path) -> Repository:
    return Repository(tmp_path / "clone", template)


@pytest.fixture
def outcomes(repository: Repository) -> Outcomes:
    def read(identity: AgentIdentity | None = None, **options: object) -> dict[int, Outcome]:
        identity = identity or AgentIdentity(authors=("robo@*",))
        source = PlainGit(repository.path, identity, repository="team/app", **options)  # type: ignore[arg-type]
        return {outcome.number: outcome for outcome in source.outcomes()}

    return read


# Ways of merging.


def test_a_merge_commit_merges_the_pull_request_as_submitted(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull()
    merged = repository.merge(head, "Merge pull request #7 from robo/fix\n\nFix the third line")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.merged_sha, outcome.submitted_sha) == (OutcomeKind.MERGED, merged, head)
    assert outcome.title == "Fix the third line"
    assert outcome.base_sha == repository.base
    assert outcome.evidence[0].kind == "merge"
    assert outcome.submitted_diff is not None
    assert "+line three" in outcome.submitted_diff.text
    assert outcome.revision is not None
    assert outcome.revision.text == ""
    assert (outcome.same_as_first, outcome.same_as_head) == (True, True)


def test_a_squash_is_known_by_the_number_in_its_subject(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull()
    repository.advance()
    merged = repository.squash(head, "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.merged_sha, outcome.title) == (OutcomeKind.MERGED, merged, "Fix line 3")
    assert outcome.evidence[0].kind == "squash"


def test_a_number_alone_is_no_squash_when_the_commit_is_about_other_files(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.pull()
    repository.edit("line 1\n", "line one\n", "other.py")
    repository.commit("Unrelated work for the ticket (#7)", PERSON)
    assert outcomes(open_days=0)[7].kind is OutcomeKind.REJECTED


def test_a_number_from_before_the_pull_request_began_is_another_repositorys(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.edit("line 9\n", "line nine\n")
    repository.commit("Imported work (#7)", PERSON)
    repository.pull()
    assert outcomes()[7].kind is OutcomeKind.OPEN


def test_a_rebase_is_known_by_the_commits_it_kept(repository: Repository, outcomes: Outcomes) -> None:
    repository.branch()
    repository.edit("line 3\n", "line three\n")
    repository.commit("Fix line 3", AGENT)
    repository.edit("line 5\n", "line five\n")
    repository.commit("Fix line 5", AGENT)
    repository.open(7)
    repository.advance()
    repository.moved("cherry-pick", "main..refs/pull/7/head")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.MERGED, "rebase")
    assert outcome.merged_diff is not None
    assert "+line three" in outcome.merged_diff.text
    assert "+line five" in outcome.merged_diff.text
    assert (outcome.same_as_first, outcome.same_as_head) == (False, True)


def test_a_cherry_pick_is_known_by_its_content(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull()
    repository.edit("line 8\n", "line eight\n")
    repository.commit("Work nearby", PERSON)
    repository.edit("line 3\n", "line three\n")
    repository.commit("Take over the fix", AGENT)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.MERGED, "cherry-pick")


def test_a_head_that_main_goes_straight_through_is_merged(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull()
    repository.git("merge", "-q", "--ff-only", head)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.MERGED, "in-main")
    assert "base_sha" in outcome.unknown_fields


def test_work_inside_a_larger_commit_that_credits_the_agent_came_in_revised(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.pull()
    repository.edit("line 3\n", "line three\n")
    repository.edit("line 20\n", "line twenty\n")
    repository.commit(f"Fix two lines\n\nCo-authored-by: {AGENT}", PERSON)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.REVISED, "absorbed")
    assert outcome.revision is not None
    assert "+line twenty" in outcome.revision.text
    assert "+line three" not in outcome.revision.text


def test_the_same_work_by_somebody_else_supersedes_the_pull_request(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull()
    repository.edit("line 3\n", "line three\n")
    repository.commit("My own fix (#9)", OTHER)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.cause, outcome.cause_by) == (OutcomeKind.REJECTED, Cause.SUPERSEDED, "rule")
    assert not outcome.is_agents_fault
    assert "My own fix" in outcome.cause_evidence[0].text


def test_work_that_somebody_else_merged_along_with_more_supersedes_the_pull_request(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.branch()
    for number in range(3, 8):
        repository.edit(f"line {number}\n", f"a line of five that nobody writes twice: {number}\n")
    repository.commit("Fix five lines", AGENT)
    repository.open(7)
    for number in range(3, 7):  # four of the five
        repository.edit(f"line {number}\n", f"a line of five that nobody writes twice: {number}\n")
    repository.edit("line 9\n", "line nine\n", "other.py")
    merged = repository.commit("My own fix of all lines (#9)", OTHER)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REJECTED, Cause.SUPERSEDED)
    assert outcome.cause_evidence[0].place == merged


def test_half_of_the_work_in_somebody_elses_commit_proves_nothing(repository: Repository, outcomes: Outcomes) -> None:
    repository.branch()
    for number in range(3, 7):
        repository.edit(f"line {number}\n", f"a line of four that nobody writes twice: {number}\n")
    repository.commit("Fix four lines", AGENT)
    repository.open(7)
    for number in range(3, 5):
        repository.edit(f"line {number}\n", f"a line of four that nobody writes twice: {number}\n")
    repository.commit("My own fix (#9)", OTHER)
    outcome = outcomes(open_days=0)[7]
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REJECTED, Cause.UNKNOWN)


def test_a_squash_is_found_below_a_branch_that_main_was_moved_forward_to(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.branch()
    repository.edit("line 9\n", "line nine\n", "other.py")
    branch = repository.commit("Something long", PERSON)
    repository.git("checkout", "-q", "main")
    repository.squash(repository.pull(7), "Fix line 3 (#7)")
    squashed = repository.git("rev-parse", "main")
    repository.git("checkout", "-q", "--detach", branch)
    repository.moved("merge", "-q", "--no-ff", "-m", "Merge branch 'main' of example.org:team/app into long", "main")
    repository.git("branch", "-f", "main", "HEAD")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.merged_sha) == (OutcomeKind.MERGED, squashed)


def test_a_commit_that_closes_the_pull_request_with_most_of_its_work_lands_it(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.branch()
    repository.edit("line 3\n", "line three\n")
    repository.edit("line 5\n", "line five\n")
    repository.commit("Fix lines", AGENT)
    repository.open(7)
    repository.edit("line 3\n", "line three\n")
    repository.edit("line 5\n", "line FIVE\n")
    repository.commit("Fix lines\n\nCloses #7", PERSON)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.REVISED, "closes")


def test_a_commit_that_closes_the_pull_request_with_other_work_supersedes_it(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.pull()
    repository.edit("line 3\n", "LINE 3\n")
    merged = repository.commit("Do it another way\n\nCloses #7", PERSON)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REJECTED, Cause.SUPERSEDED)
    assert outcome.cause_evidence[0].place == merged
    assert outcome.closed_at is not None
    assert "kind" not in outcome.unknown_fields


def test_work_carried_in_by_another_pull_request_is_merged(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull(7)
    repository.branch("refs/pull/7/head")
    repository.edit("line 5\n", "line five\n")
    repository.commit("More", AGENT)
    head = repository.open(8)
    repository.merge(head, "Merge pull request #8 from robo/more\n\nMore")
    found = outcomes()
    assert (found[7].kind, found[8].kind) == (OutcomeKind.MERGED, OutcomeKind.MERGED)
    assert "#8" in found[7].evidence[0].text


def test_merge_requests_of_gitlab_are_pull_requests_too(repository: Repository, outcomes: Outcomes) -> None:
    repository.branch()
    repository.edit("line 3\n", "line three\n")
    repository.commit("Fix line 3", AGENT)
    head = repository.open(7, "refs/merge-requests/{}/head")
    repository.merge(head, "Merge branch 'fix' into 'main'\n\nFix line 3\n\nSee merge request team/app!7")
    assert outcomes()[7].kind is OutcomeKind.MERGED


def test_pull_refs_of_a_remote_are_found(repository: Repository, outcomes: Outcomes) -> None:
    repository.branch()
    repository.edit("line 3\n", "line three\n")
    repository.commit("Fix line 3", AGENT)
    head = repository.open(7, "refs/remotes/upstream/pull/{}")
    repository.merge(head, "Merge pull request #7 from robo/fix")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.title) == (OutcomeKind.MERGED, "Fix line 3")
    assert "title" in outcome.unknown_fields


# What people did to it before.


def test_a_persons_commit_on_top_makes_it_revised_and_shows_the_revision(
    repository: Repository, outcomes: Outcomes
) -> None:
    submitted = repository.pull()
    repository.branch("refs/pull/7/head")
    repository.edit("line three\n", "line III\n")
    repository.commit("Use roman numbers", PERSON)
    head = repository.open(7)
    repository.advance()
    repository.squash(head, "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.submitted_sha, outcome.head_sha) == (OutcomeKind.REVISED, submitted, head)
    assert outcome.revision is not None
    assert "-line three" in outcome.revision.text
    assert "+line III" in outcome.revision.text
    assert "main" not in outcome.revision.text
    assert [e.text for e in outcome.evidence if e.kind == "person-commit"] == ["Use roman numbers"]
    assert (outcome.same_as_first, outcome.same_as_head) == (False, True)


def test_a_change_made_while_merging_makes_it_revised(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull()
    repository.git("merge", "-q", "--squash", head)
    repository.edit("line three\n", "line III\n")
    repository.commit("Fix line 3 (#7)", AGENT)
    assert outcomes()[7].kind is OutcomeKind.REVISED


def test_a_bots_commit_on_top_is_not_a_revision(repository: Repository, outcomes: Outcomes) -> None:
    submitted = repository.pull()
    repository.branch("refs/pull/7/head")
    repository.edit("line three\n", "line three  # formatted\n")
    repository.commit("[pre-commit.ci] auto fixes", BOT)
    repository.squash(repository.open(7), "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.submitted_sha) == (OutcomeKind.MERGED, submitted)
    assert "bot-commit" in [e.kind for e in outcome.evidence]


def test_a_merge_of_main_into_the_branch_is_not_a_revision(repository: Repository, outcomes: Outcomes) -> None:
    submitted = repository.pull()
    repository.advance()
    repository.branch("refs/pull/7/head")
    repository.merge("main", "Merge branch 'main' into fix")
    head = repository.open(7)
    repository.squash(head, "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.submitted_sha) == (OutcomeKind.MERGED, submitted)


def test_main_moving_on_nearby_is_not_a_revision(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull()
    repository.edit("line 5\n", "line five\n")
    repository.commit("Work nearby", PERSON)
    repository.squash(head, "Fix line 3 (#7)")
    assert outcomes()[7].kind is OutcomeKind.MERGED


def test_an_applied_suggestion_is_the_reviewers_work(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull()
    repository.branch("refs/pull/7/head")
    repository.edit("line three\n", "line III\n")
    repository.commit(f"Apply suggestions from code review\n\nCo-authored-by: {PERSON}", AGENT)
    repository.squash(repository.open(7), "Fix line 3 (#7)")
    assert outcomes()[7].kind is OutcomeKind.REVISED


def test_a_persons_commit_that_adds_tests_says_what_was_weak(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull()
    repository.branch("refs/pull/7/head")
    repository.write("test_app.py", "def test_three(): ...\n")
    repository.commit("Add regression test", PERSON)
    repository.squash(repository.open(7), "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.cause, outcome.is_agents_fault) == (OutcomeKind.REVISED, Cause.WEAK_TESTS, True)


def test_pull_requests_from_before_main_was_rewritten_are_still_told_apart(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.write("secret.txt", "to be removed from history\n")
    repository.commit("Add what must go", PERSON)
    merged = repository.pull(7)
    repository.squash(merged, "Fix line 3 (#7)")
    repository.branch()
    repository.edit("line 5\n", "line five\n")
    repository.commit("Never merged", AGENT)
    repository.open(8)
    removal = "git rm -q --cached --ignore-unmatch secret.txt"
    repository.git(
        "filter-branch", "--prune-empty", "--index-filter", removal, "main", FILTER_BRANCH_SQUELCH_WARNING="1"
    )
    repository.git("reset", "-q", "--hard")
    found = outcomes()
    assert {number: outcome.kind for number, outcome in found.items()} == {7: OutcomeKind.MERGED, 8: OutcomeKind.OPEN}
    assert found[8].submitted_diff is not None
    assert "secret" not in found[8].submitted_diff.text


def test_copies_of_mains_commits_on_the_branch_are_not_its_work(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull(7)
    repository.advance()
    repository.branch("refs/pull/7/head")
    repository.moved("cherry-pick", "main")
    head = repository.open(7)
    repository.squash(head, "Fix line 3 (#7)")
    outcome = outcomes()[7]
    assert outcome.kind is OutcomeKind.MERGED
    assert [item.kind for item in outcome.evidence] == ["squash"]


# What never came in.


def test_an_old_unmerged_pull_request_counts_as_rejected_and_says_so_by_age(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.pull()
    for _ in range(3):
        next(repository.clock)
    repository.advance()
    assert outcomes()[7].kind is OutcomeKind.OPEN
    rejected = outcomes(open_days=0)[7]
    assert (rejected.kind, rejected.merged_sha, rejected.closed_at) == (OutcomeKind.REJECTED, None, None)
    assert {"kind", "closed_at", "title", "words", "opened_at"} <= set(rejected.unknown_fields)


def test_a_pull_request_merged_into_another_branch_is_unknown_not_rejected(
    repository: Repository, outcomes: Outcomes
) -> None:
    head = repository.pull()
    repository.git("checkout", "-q", "-b", "release", repository.base)
    repository.merge(head, "Merge pull request #7 from robo/fix")
    repository.git("checkout", "-q", "main")
    outcome = outcomes(open_days=0)[7]
    assert (outcome.kind, outcome.evidence[0].kind) == (OutcomeKind.UNKNOWN, "other-branch")


def test_a_later_pull_request_of_the_same_title_supersedes_the_first(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.pull(7, "Fix the third line")
    repository.branch()
    repository.edit("line 3\n", "line III\n")
    repository.commit("Fix the third line", AGENT)
    repository.squash(repository.open(8), "Fix the third line (#8)")
    found = outcomes(open_days=0)
    assert (found[7].kind, found[7].cause) == (OutcomeKind.REJECTED, Cause.SUPERSEDED)
    assert found[8].kind is OutcomeKind.MERGED


def test_a_stacked_pull_request_is_judged_by_its_own_commits(repository: Repository, outcomes: Outcomes) -> None:
    first = repository.pull(7)
    repository.branch("refs/pull/7/head")
    repository.edit("line 5\n", "line five\n")
    repository.commit("Fix line 5", AGENT)
    repository.open(8)
    repository.squash(first, "Fix line 3 (#7)")
    found = outcomes()
    assert (found[7].kind, found[8].kind) == (OutcomeKind.MERGED, OutcomeKind.OPEN)
    assert found[8].submitted_diff is not None
    assert "line three" not in [line[1:] for line in found[8].submitted_diff.text.splitlines() if line[0] in "+-"]


# What was taken back.


@pytest.mark.parametrize("message", ["This reverts commit {sha}.", "Reverts team/app#7"])
def test_a_later_revert_by_its_words_makes_it_reverted(
    repository: Repository, outcomes: Outcomes, message: str
) -> None:
    sha = repository.squash(repository.pull(), "Fix line 3 (#7)")
    repository.edit("line three\n", "line 3\n")
    repository.edit("line 9\n", "line nine\n")
    revert = repository.commit('Revert "Fix line 3 (#7)" (#8)\n\n' + message.format(sha=sha), PERSON)
    outcome = outcomes()[7]
    assert (outcome.kind, outcome.merged_sha, outcome.evidence[-1].place) == (OutcomeKind.REVERTED, sha, revert)


def test_a_revert_of_the_merge_commit_makes_it_reverted(repository: Repository, outcomes: Outcomes) -> None:
    merged = repository.merge(repository.pull(), "Merge pull request #7 from robo/fix\n\nFix line 3")
    repository.moved("revert", "-m", "1", "--no-edit", merged)
    assert outcomes()[7].kind is OutcomeKind.REVERTED


def test_a_change_that_gives_the_files_their_old_content_back_is_a_revert_without_words(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.squash(repository.pull(), "Fix line 3 (#7)")
    repository.edit("line three\n", "line 3\n")
    repository.commit("Third line as it was", PERSON)
    assert outcomes()[7].kind is OutcomeKind.REVERTED


def test_the_inverse_patch_is_a_revert_when_it_speaks_of_one(repository: Repository, outcomes: Outcomes) -> None:
    repository.squash(repository.pull(), "Fix line 3 (#7)")
    repository.edit("line 20\n", "line twenty\n")
    repository.commit("Other work", PERSON)
    repository.edit("line three\n", "line 3\n")
    repository.commit("Back out the third line: it broke the import", PERSON)
    outcome = outcomes()[7]
    assert outcome.kind is OutcomeKind.REVERTED


def test_the_reason_given_for_a_revert_is_its_cause(repository: Repository, outcomes: Outcomes) -> None:
    sha = repository.squash(repository.pull(), "Fix line 3 (#7)")
    repository.edit("line three\n", "line 3\n")
    repository.commit(f'Revert "Fix line 3 (#7)"\n\nThis reverts commit {sha}.\nIt broke the import.', PERSON)
    outcome = outcomes()[7]
    assert (outcome.cause, outcome.cause_by) == (Cause.WRONG_BEHAVIOUR, "rule")
    assert "It broke the import." in outcome.cause_evidence[0].text


def test_a_revert_that_was_itself_reverted_does_not_count(repository: Repository, outcomes: Outcomes) -> None:
    repository.squash(repository.pull(), "Fix line 3 (#7)")
    repository.moved("revert", "--no-edit", "HEAD")
    repository.moved("revert", "--no-edit", "HEAD")
    assert outcomes()[7].kind is OutcomeKind.MERGED


def test_taking_back_one_commit_of_several_is_not_a_revert_of_the_whole(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.branch()
    repository.edit("line 3\n", "line three\n")
    part = repository.commit("Fix line 3", AGENT)
    repository.edit("line 5\n", "line five\n")
    repository.commit("Fix line 5", AGENT)
    repository.merge(repository.open(7), "Merge pull request #7 from robo/fix\n\nFix lines")
    repository.moved("revert", "--no-edit", part)
    assert outcomes()[7].kind is OutcomeKind.MERGED


# Whose it is.


def test_the_agent_is_known_by_author_co_author_or_version_trailer(repository: Repository, outcomes: Outcomes) -> None:
    version = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    repository.pull(1, "By author")
    repository.pull(2, f"By co-author\n\nCo-authored-by: {AGENT}", PERSON)
    repository.pull(3, f"By trailer\n\nWorker-Version: {version}", PERSON)
    repository.pull(4, "By a person", PERSON)
    found = outcomes(AgentIdentity(authors=("robo@*",), co_authors=("robo coder",)))
    assert {n: o.recognised_by for n, o in found.items()} == {1: "author", 2: "co-author", 3: "trailer"}
    assert found[3].version == version
    assert found[2].agent == AGENT


@pytest.mark.parametrize(
    ("trailer", "agent"),
    [
        ("Co-authored-by: Robo", "Robo"),
        ("CO-AUTHORED-BY:  Robo  <>", "Robo"),
        ("Assisted-by: Robo:robo-model-4 checkpatch", "Robo:robo-model-4 checkpatch"),
        ("Assisted-by: Robo <robo@agents.test>", "Robo <robo@agents.test>"),
        ("Generated-by: Robo", "Robo"),
        ("Co-developed-by: Somebody <robo@agents.test>", "Somebody <robo@agents.test>"),
    ],
)
def test_an_agent_is_credited_in_many_ways(
    repository: Repository, outcomes: Outcomes, trailer: str, agent: str
) -> None:
    repository.pull(1, f"Fix line 3\n\n{trailer}", PERSON)
    repository.pull(2, "Fix line 3\n\nReviewed-by: Robo\nHelped by Robo", PERSON)
    repository.pull(3, "Fix line 3\n\nAssisted-by: Roboto\nCo-authored-by: Bob", PERSON)
    found = outcomes(AgentIdentity(co_authors=("robo", "robo@*")))
    assert {number: outcome.agent for number, outcome in found.items()} == {1: agent}


def test_a_local_branch_behind_its_remote_stands_for_the_remotes(repository: Repository) -> None:
    merged = repository.merge(repository.pull(7), "Merge pull request #7 from robo/fix\n\nFix line 3")
    repository.git("update-ref", "refs/remotes/origin/main", merged)
    repository.git("update-ref", "refs/heads/main", repository.base)
    source = PlainGit(repository.path, AgentIdentity(authors=("robo@*",)), main="main")
    assert {outcome.number: outcome.kind for outcome in source.outcomes()} == {7: OutcomeKind.MERGED}
    (problem,) = source.problems
    assert (problem.text, problem.is_kept) == ("main lacks commits of origin/main, so the latter is read", True)
    repository.git("update-ref", "refs/heads/main", merged)
    assert [outcome.kind for outcome in source.outcomes()] == [OutcomeKind.MERGED]
    assert source.problems == []


def test_a_pull_request_that_git_cannot_read_is_set_aside_and_keeps_no_other_back(
    repository: Repository, tmp_path: Path
) -> None:
    repository.pull(1)
    tree, base = repository.git("rev-parse", "main^{tree}"), repository.git("rev-parse", "main")
    for number, (odd_tree, odd_parent) in {2: ("1" * 40, base), 3: (tree, "2" * 40)}.items():
        raw = (
            f"tree {odd_tree}\nparent {odd_parent}\nauthor {AGENT} 1700007200 +0000\ncommitter {AGENT} 1700007200 +0000"
        )
        (tmp_path / "raw").write_text(f"{raw}\n\nFix line 3\n")
        made = repository.git("hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "raw"))
        (repository.path / f".git/refs/pull/{number}").mkdir(parents=True)
        (repository.path / f".git/refs/pull/{number}/head").write_text(made + "\n")
    repository.pull(4)
    source = PlainGit(repository.path, AgentIdentity(authors=("robo@*",)))
    assert [outcome.number for outcome in source.outcomes()] == [1, 4]
    assert {problem.place.partition("#")[2]: problem.text.split(";")[0] for problem in source.problems} == {
        "2": "git cannot read its files",
        "3": "git cannot read its commits",
    }


def test_brackets_in_a_pattern_stand_for_themselves(repository: Repository, outcomes: Outcomes) -> None:
    repository.pull(1, author=BOT)
    repository.pull(2, author="o <o@people.test>")
    assert list(outcomes(AgentIdentity(authors=("*[bot]",)))) == [1]


def test_a_merge_queues_trial_is_nobodys_pull_request(repository: Repository, outcomes: Outcomes) -> None:
    head = repository.pull(7)
    repository.advance()
    repository.branch("main")
    when = f"{next(repository.clock)} +0000"
    queue = {"GIT_AUTHOR_NAME": "mergify[bot]", "GIT_AUTHOR_EMAIL": "m@x", "GIT_AUTHOR_DATE": when}
    repository.git("merge", "-q", "--no-ff", "-m", "Merge of #7", head, GIT_COMMITTER_DATE=when, **queue)
    repository.open(9)
    assert list(outcomes()) == [7]


# Reading again.


def read(source: PlainGit, since: Cursor | None) -> list[int]:
    return [outcome.number for outcome in source.outcomes(since)]


def test_a_second_run_yields_only_what_changed(repository: Repository) -> None:
    source = PlainGit(repository.path, AgentIdentity(authors=("robo@*",)))
    head = repository.pull(7)
    repository.branch()
    repository.edit("line 5\n", "line five\n")
    repository.commit("Another", AGENT)
    repository.open(8)
    assert read(source, None) == [7, 8]
    first = source.cursor
    assert read(source, first) == []
    repository.squash(head, "Fix line 3 (#7)")
    assert read(source, first) == [7]
    stored = source.cursor
    assert stored is not None
    assert read(source, Cursor.model_validate_json(stored.model_dump_json())) == []


def test_a_run_that_is_killed_yields_the_outcome_in_hand_again(repository: Repository) -> None:
    source = PlainGit(repository.path, AgentIdentity(authors=("robo@*",)))
    for number in (7, 8, 9):
        repository.pull(number, f"Change {number}")
    run = source.outcomes()
    assert [next(run).number, next(run).number] == [7, 8]
    assert read(source, source.cursor) == [8, 9]


def test_the_same_repository_gives_the_same_digests(repository: Repository, outcomes: Outcomes) -> None:
    repository.squash(repository.pull(), "Fix line 3 (#7)")
    assert outcomes()[7].digest == outcomes()[7].digest
    assert Outcome.model_validate_json(outcomes()[7].model_dump_json()) == outcomes()[7]


# What cannot be read, and what must not be run.


def test_a_directory_without_git_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="not a git repository"):
        list(PlainGit(tmp_path, AgentIdentity()).outcomes())
    with pytest.raises(FeedbackError, match="not a directory"):
        list(PlainGit(tmp_path / "nowhere", AgentIdentity()).outcomes())


def test_a_clone_without_pull_refs_says_how_to_fetch_them(repository: Repository) -> None:
    with pytest.raises(FeedbackError, match=r"git fetch origin '\+refs/pull/\*/head:refs/pull/\*/head'"):
        list(PlainGit(repository.path, AgentIdentity()).outcomes())


def test_a_main_branch_that_does_not_exist_is_named(repository: Repository) -> None:
    repository.pull()
    with pytest.raises(FeedbackError, match="no branch trunk"):
        list(PlainGit(repository.path, AgentIdentity(), main="trunk").outcomes())


def test_a_cursor_of_another_source_is_refused(repository: Repository) -> None:
    with pytest.raises(FeedbackError, match="not to git:"):
        list(PlainGit(repository.path, AgentIdentity()).outcomes(Cursor(source="jsonl:x")))


def test_nothing_that_the_clone_configures_is_run_and_nothing_is_written_to_it(
    repository: Repository, outcomes: Outcomes
) -> None:
    repository.write(".gitattributes", "*.py diff=evil merge=evil filter=evil\n")
    repository.commit("Attributes", PERSON)
    head = repository.pull()
    repository.edit("line 4\n", "line four\n")
    repository.commit("Conflicting work", PERSON)
    repository.git("merge", "-q", "--squash", "-X", "theirs", head)
    repository.commit("Fix line 3 (#7)", AGENT)
    trap = repository.path / "trap"
    touch = f"touch {trap}; cat"
    for name in (
        "diff.external",
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "log.showSignature",
        "gpg.program",
    ):
        repository.git("config", name, "true" if name == "log.showSignature" else touch)
    for name in ("diff.evil.textconv", "diff.evil.command", "merge.evil.driver", "filter.evil.smudge"):
        repository.git("config", name, touch)
    before = sorted((path, path.stat().st_mtime_ns) for path in (repository.path / ".git").rglob("*"))
    assert outcomes()[7].kind in (OutcomeKind.MERGED, OutcomeKind.REVISED)
    assert not trap.exists()
    assert sorted((path, path.stat().st_mtime_ns) for path in (repository.path / ".git").rglob("*")) == before


def test_a_shallow_clone_says_what_it_cannot_know(repository: Repository, tmp_path: Path) -> None:
    repository.pull()
    repository.branch("refs/pull/7/head")
    repository.edit("line 5\n", "line five\n")
    repository.commit("More", AGENT)
    repository.squash(repository.open(7), "Fix line 3 (#7)")
    shallow = str(tmp_path / "shallow")
    repository.git("init", "-q", "-b", "main", "--bare", shallow)
    repository.git("-C", shallow, "fetch", "-q", "--depth=1", f"file://{repository.path}", "+refs/*:refs/*")
    outcome = next(iter(PlainGit(shallow, AgentIdentity(authors=("robo@*",))).outcomes()))
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert {"kind", "base_sha", "first_sha", "submitted_diff", "revision"} <= set(outcome.unknown_fields)
    assert (outcome.submitted_diff, outcome.revision, outcome.same_as_head) == (None, None, None)


def test_odd_bytes_in_names_messages_and_files_do_no_harm(repository: Repository, outcomes: Outcomes) -> None:
    repository.branch()
    (repository.path / "na\nme\t'\".py").write_bytes(b"\xff\xfe\x00bin")
    (repository.path / "--flag.py").write_bytes(b"caf\xe9\r\n")
    repository.commit("Subject\x01 with \u202e odd\u200b bytes\n\n<!-- hidden -->\ntext", AGENT)
    repository.squash(repository.open(7), "Odd (#7)")
    outcome = outcomes()[7]
    assert outcome.kind is OutcomeKind.MERGED
    assert "hidden" not in outcome.model_dump_json()
