"""What GitHub answers: unknown fields are ignored, used ones are checked.

Lists are parsed item by item (`parse_nodes`), so that a bad item is reported and the others are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from feedback.outcome import WRITE_ASSOCIATIONS
from feedback.problems import Problem

_DELETED_LOGIN = "ghost"
"""The login that GitHub itself shows for a deleted account."""


class GitHubAnswer(BaseModel):
    """A frozen record that ignores unknown fields and refuses wrong types."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, alias_generator=None)


class Actor(GitHubAnswer):
    typename: str = Field("User", alias="__typename")
    login: str = Field(min_length=1)

    @property
    def name(self) -> str:
        """The login; a GitHub App's ends in `[bot]`, as everywhere except in GraphQL."""
        return f"{self.login}[bot]" if self.typename == "Bot" and not self.login.endswith("[bot]") else self.login


class ObjectId(GitHubAnswer):
    oid: str = Field(pattern=r"^[0-9a-f]{40,64}$")


class TextEdit(GitHubAnswer):
    edited_at: AwareDatetime = Field(alias="editedAt")
    deleted_at: AwareDatetime | None = Field(None, alias="deletedAt")
    diff: str | None = None
    """The whole text after this edit, in spite of its name."""


class TextEdits(GitHubAnswer):
    nodes: tuple[TextEdit, ...] = ()


class Remark(GitHubAnswer):
    """A comment on a pull request or issue, a review, or a comment on a line."""

    author: Actor | None = None
    association: str = Field("NONE", alias="authorAssociation")
    can_push: bool | None = Field(None, alias="authorCanPushToRepository")
    body: str = ""
    created_at: AwareDatetime = Field(alias="createdAt")
    published_at: AwareDatetime | None = Field(None, alias="publishedAt")
    submitted_at: AwareDatetime | None = Field(None, alias="submittedAt")
    edited_at: AwareDatetime | None = Field(None, alias="lastEditedAt")
    edits: TextEdits | None = Field(None, alias="userContentEdits")
    is_minimized: bool = Field(False, alias="isMinimized")
    minimized_reason: str | None = Field(None, alias="minimizedReason")

    @property
    def when(self) -> AwareDatetime:
        return self.submitted_at or self.published_at or self.created_at

    @property
    def who(self) -> str:
        return self.author.name if self.author else _DELETED_LOGIN


class ParentReview(GitHubAnswer):
    can_push: bool | None = Field(None, alias="authorCanPushToRepository")


class LineComment(Remark):
    path: str = ""
    line: int | None = None
    original_line: int | None = Field(None, alias="originalLine")
    review: ParentReview | None = Field(None, alias="pullRequestReview")
    commit: ObjectId | None = Field(None, alias="originalCommit")

    @property
    def place(self) -> str | None:
        line = self.original_line or self.line
        return (f"{self.path}:{line}" if line else self.path) or None


class Review(Remark):
    state: str = ""
    commit: ObjectId | None = None


class CommitAuthor(GitHubAnswer):
    name: str | None = None
    email: str | None = None
    user: Actor | None = None


class ParentCount(GitHubAnswer):
    count: int = Field(1, alias="totalCount")


class CheckRollup(GitHubAnswer):
    state: str


class PullCommit(ObjectId):
    message: str = ""
    when: AwareDatetime | None = Field(None, alias="committedDate")
    parents: ParentCount = ParentCount()
    author: CommitAuthor | None = None
    checks: CheckRollup | None = Field(None, alias="statusCheckRollup")

    @property
    def who(self) -> tuple[str, str]:
        """The author's login, or name if GitHub knows no account, and email address."""
        author = self.author or CommitAuthor()
        name = author.user.login if author.user else author.name or ""
        return name, author.email or ""

    @property
    def signatures(self) -> tuple[tuple[str, str, str], ...]:
        """Name, email address and message, first with the author's login as the name.

        Then with the name in git; either may be known as the agent's.
        """
        login, email = self.who
        name = (self.author and self.author.name) or ""
        return (login, email, self.message), (name, email, self.message)


class CommitItem(GitHubAnswer):
    commit: PullCommit


class CrossReference(GitHubAnswer):
    """The other side of a cross-reference, if it is a pull request."""

    number: int | None = None
    title: str = ""
    body: str = ""
    merged: bool = False
    merged_at: AwareDatetime | None = Field(None, alias="mergedAt")
    base: str = Field("", alias="baseRefName")
    merge_commit: ObjectId | None = Field(None, alias="mergeCommit")


class CanonicalPull(GitHubAnswer):
    number: int | None = None


class TimelineEvent(GitHubAnswer):
    typename: str = Field(alias="__typename")
    created_at: AwareDatetime | None = Field(None, alias="createdAt")
    actor: Actor | None = None
    before: ObjectId | None = Field(None, alias="beforeCommit")
    after: ObjectId | None = Field(None, alias="afterCommit")
    is_cross_repository: bool = Field(False, alias="isCrossRepository")
    source: CrossReference | None = None
    canonical: CanonicalPull | None = None

    @property
    def who(self) -> str:
        return self.actor.name if self.actor else _DELETED_LOGIN


class IssueState(GitHubAnswer):
    number: int
    title: str = ""
    url: str | None = None
    state: str = ""
    reason: str | None = Field(None, alias="stateReason")


class PullLabel(GitHubAnswer):
    name: str


class ListedPull(GitHubAnswer):
    """A pull request as it is listed: enough to tell whether it is the agent's."""

    id: str = Field(min_length=1)
    number: int = Field(gt=0, lt=2**53)
    title: str
    updated_at: AwareDatetime = Field(alias="updatedAt")
    merged: bool = False
    body: str = ""
    author: Actor | None = None
    association: str = Field("NONE", alias="authorAssociation")
    is_cross_repository: bool = Field(True, alias="isCrossRepository")

    @property
    def opened_by(self) -> str:
        return self.author.name if self.author else _DELETED_LOGIN

    @property
    def by_insider(self) -> bool:
        """Whether it is by a member, or from a branch of the repository itself.

        Such a branch takes push access.

        What anybody else says about who made the change proves nothing.
        """
        return not self.is_cross_repository or self.association.upper() in WRITE_ASSOCIATIONS


class PullFacts(ListedPull):
    """The plain fields of a pull request; its lists are parsed separately."""

    url: str | None = None
    state: str
    created_at: AwareDatetime = Field(alias="createdAt")
    closed_at: AwareDatetime | None = Field(None, alias="closedAt")
    merged_at: AwareDatetime | None = Field(None, alias="mergedAt")
    base: str = Field("", alias="baseRefName")
    base_oid: str | None = Field(None, alias="baseRefOid")
    head_oid: str | None = Field(None, alias="headRefOid")
    merge_commit: PullCommit | None = Field(None, alias="mergeCommit")

    @property
    def ended_at(self) -> AwareDatetime | None:
        return self.merged_at or self.closed_at

    def was_open(self, moment: datetime) -> bool:
        """Whether it had not ended before that moment."""
        return self.ended_at is None or moment <= self.ended_at


AnswerType = TypeVar("AnswerType", bound=GitHubAnswer)


def parse_answer(
    model: type[AnswerType], data: object, place: str, problems: list[Problem], is_kept: bool = False
) -> AnswerType | None:
    """Return `data` as a record, or None and add a problem that says what is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problems.append(
            Problem(place, f"unexpected answer from GitHub: {where or model.__name__}: {first['msg'][:200]}", is_kept)
        )
    except RecursionError:
        problems.append(Problem(place, "unexpected answer from GitHub: nested too deeply", is_kept))
    return None


def nodes_of(connection: object, place: str, problems: list[Problem]) -> Iterator[object]:
    """Yield the items of a connection, without the nulls in place of withheld ones."""
    if connection is None:
        return
    items = connection.get("nodes") if isinstance(connection, dict) else connection
    if items is None:
        return
    if not isinstance(items, list):
        problems.append(Problem(place, "unexpected answer from GitHub: expected a list", is_kept=True))
        return
    yield from (item for item in items if item is not None)


def parse_nodes(
    model: type[AnswerType], connection: object, place: str, problems: list[Problem]
) -> tuple[AnswerType, ...]:
    """Return the good items of a connection; add a problem for each bad one."""
    found = (
        parse_answer(model, item, f"{place}[{at}]", problems, is_kept=True)
        for at, item in enumerate(nodes_of(connection, place, problems))
    )
    return tuple(item for item in found if item is not None)


def end_cursor_of(connection: Any) -> str | None:
    """Return where the next page of a connection starts, or None if there is none."""
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    if not isinstance(info, dict) or info.get("hasNextPage") is not True:
        return None
    end = info.get("endCursor")
    return end if isinstance(end, str) and end else None
