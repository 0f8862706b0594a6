"""Read an issue as a person saw it when they asked for the work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, Field

from feedback.cleaning import clean_line, clean_text
from feedback.github.answers import GitHubAnswer, Remark, end_cursor_of, parse_answer, parse_nodes
from feedback.github.client import GitHubClient
from feedback.github.remarks import EDITED_TEXT, Collaborators, text_at
from feedback.outcome import Comment, is_bot
from feedback.problems import Problem
from feedback.quotation import quote_comment
from meta.errors import ExitCode, MetaError
from meta.forges.github.address import IssuePlace
from worker_agent.records import Brief

_SAID = (
    "id author { __typename login } authorAssociation body createdAt publishedAt lastEditedAt"
    " userContentEdits(first: 50) { nodes { editedAt deletedAt diff } }"
)
ISSUE_QUERY = f"""
query Issue($owner: String!, $name: String!, $number: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    defaultBranchRef {{ name }}
    issue(number: $number) {{
      {_SAID} number title state url
      comments(first: 50, after: $after) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {_SAID} isMinimized minimizedReason }}
      }}
      timelineItems(first: 50, itemTypes: [RENAMED_TITLE_EVENT]) {{
        nodes {{ ... on RenamedTitleEvent {{ createdAt previousTitle }} }}
      }}
    }}
  }}
}}
"""
_MAX_COMMENTS = 100
_MAX_PAGES = 20


class TitleChange(GitHubAnswer):
    """When an issue got a new title, and the one before."""

    created_at: AwareDatetime = Field(alias="createdAt")
    previous: str = Field(alias="previousTitle")


class IssueFacts(Remark):
    """An issue as GitHub has it now: its description is a remark like any other."""

    number: int
    title: str
    state: str
    url: str


@dataclass(frozen=True)
class Issue:
    """An issue and its thread up to a moment.

    `main` is its repository's default branch.
    """

    facts: IssueFacts
    title: str
    body: str
    thread: tuple[Comment, ...]
    main: str

    @property
    def brief(self) -> Brief:
        """The title and the description, then the thread, quoted with who said what."""
        parts = [self.body]
        if self.thread:
            parts += ["What was said about it:", *(quote_comment(comment) for comment in self.thread)]
        return Brief(title=self.title, body="\n\n".join(part for part in parts if part))


def read_issue(client: GitHubClient, place: IssuePlace, as_of: datetime | None = None) -> Issue:
    """Read an issue as of a moment, by default now.

    Later words are left out and later edits undone. Raises `MetaError` where it is closed, or where what it said at
    that moment is not known.
    """
    moment = as_of or datetime.now(UTC)
    owner, _, name = place.repository.partition("/")
    where, problems = str(place), list[Problem]()
    variables = {"owner": owner, "name": name, "number": place.number, "after": None}
    repository, node = _ask(client, variables, where)
    facts = parse_answer(IssueFacts, node, where, problems)
    if facts is None:
        raise MetaError(f"{where} cannot be read: {problems[0].text}", "look at it in the browser")
    if facts.state != "OPEN":
        raise MetaError(f"{where} is closed", "reopen it, or choose another", ExitCode.NOTHING_TO_DO)
    body = text_at(facts, moment)
    if body is None:
        raise MetaError(
            f"{where} was edited after the worker was asked, and what it said before is not known",
            "if it is right as it is now, ask again",
            ExitCode.NOTHING_TO_DO,
        )
    renamed = sorted(
        parse_nodes(TitleChange, node.get("timelineItems"), where, problems), key=lambda event: event.created_at
    )
    title = next((event.previous for event in renamed if event.created_at > moment), facts.title)
    said = list(parse_nodes(Remark, node.get("comments"), where, problems))
    after = end_cursor_of(node.get("comments"))
    for _ in range(_MAX_PAGES):
        if after is None:
            break
        _, node = _ask(client, {**variables, "after": after}, where)
        said += parse_nodes(Remark, node.get("comments"), where, problems)
        after = end_cursor_of(node.get("comments"))
    people = Collaborators(client, place.repository)
    thread = [c for s in said if s.created_at <= moment and (c := _comment(s, moment, people))]
    branch = repository.get("defaultBranchRef")
    main = str(branch.get("name") or "main") if isinstance(branch, dict) else "main"
    return Issue(facts, clean_line(title) or where, clean_text(body, 20_000), tuple(thread[-_MAX_COMMENTS:]), main)


def _ask(client: GitHubClient, variables: dict[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    repository = client.query(ISSUE_QUERY, variables).get("repository")
    node = repository.get("issue") if isinstance(repository, dict) else None
    if not isinstance(repository, dict) or not isinstance(node, dict):
        raise MetaError(f"there is no issue {where}, or the token cannot see it", "check the address", ExitCode.USAGE)
    return repository, node


def _comment(said: Remark, moment: datetime, people: Collaborators) -> Comment | None:
    """What was said, as of the moment; `None` for bots, and so for the worker's own report, and for what was hidden."""
    if is_bot(said.who) or (said.is_minimized and said.minimized_reason not in (None, "resolved", "outdated")):
        return None
    text = text_at(said, moment)
    if text is not None and not text.strip():
        return None
    return Comment(
        author=said.who,
        text=EDITED_TEXT if text is None else text,
        when=said.when,
        association=people.association(said, None),
    )
