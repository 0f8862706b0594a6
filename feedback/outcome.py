"""What became of the agent's pull requests: the records every source yields. Nothing here reads or writes.

Texts that strangers can write (titles, comments, commit messages) are cleaned as they enter a record
(`feedback.cleaning.clean_text`), so no record can hold hidden markup or a token, whichever source it came from.
Diffs are source code and stay as they are, apart from their length.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from feedback.cleaning import clean_line, clean_text

MAX_DIFF_CHARS = 200_000
"""Characters kept of one diff."""

StorableText = Annotated[str, AfterValidator(lambda text: text.encode("utf-8", "replace").decode())]
"""Text that can be written down: JSON may carry halves of surrogate pairs, which nothing can store."""
CleanText = Annotated[str, AfterValidator(clean_text)]
CleanLine = Annotated[str, AfterValidator(clean_line)]


class FeedbackRecord(BaseModel):
    """Frozen and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OutcomeKind(StrEnum):
    """What became of one pull request."""

    MERGED = "merged"  # as submitted
    REVISED = "revised"  # a person changed it, or asked for changes, before the merge
    REJECTED = "rejected"  # closed unmerged
    REVERTED = "reverted"  # merged, later undone
    OPEN = "open"
    UNKNOWN = "unknown"

    @property
    def came_back(self) -> bool:
        """Whether it was not taken as it was: only then is there a cause to know."""
        return self in (OutcomeKind.REVISED, OutcomeKind.REJECTED, OutcomeKind.REVERTED)


class Cause(StrEnum):
    """Why it came back. The first eight are the agent's doing, see `AGENT_CAUSES`."""

    WRONG_BEHAVIOUR = "wrong_behaviour"
    INCOMPLETE = "incomplete"
    WEAK_TESTS = "weak_tests"
    IGNORED_CONVENTION = "ignored_convention"
    TOO_WIDE = "too_wide"
    INVENTED_API = "invented_api"
    DUPLICATE_CODE = "duplicate_code"
    CHECKS_NOT_RUN = "checks_not_run"
    SUPERSEDED = "superseded"
    DUPLICATE_TICKET = "duplicate_ticket"
    ABANDONED = "abandoned"
    PLANS_CHANGED = "plans_changed"
    UNKNOWN = "unknown"


AGENT_CAUSES = frozenset(
    {
        Cause.WRONG_BEHAVIOUR,
        Cause.INCOMPLETE,
        Cause.WEAK_TESTS,
        Cause.IGNORED_CONVENTION,
        Cause.TOO_WIDE,
        Cause.INVENTED_API,
        Cause.DUPLICATE_CODE,
        Cause.CHECKS_NOT_RUN,
    }
)
"""Only outcomes with one of these causes reach the proposer."""

CauseOrigin = Literal["rule", "model", "person"]
RecognitionSign = Literal["author", "co-author", "trailer", "label", "export"]
WRITE_ASSOCIATIONS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's author associations that count as write access."""


class Diff(FeedbackRecord):
    """A unified diff in git's format (`a/` and `b/` prefixes), cut at `MAX_DIFF` characters."""

    text: StorableText = ""
    truncated: bool = False

    @classmethod
    def limited(cls, text: str, limit: int = MAX_DIFF_CHARS) -> Diff:
        """`text` cut after the last whole line within `limit` characters."""
        if len(text) <= limit:
            return cls(text=text)
        return cls(text=text[: text.rfind("\n", 0, limit) + 1], truncated=True)


class OutcomeEvidence(FeedbackRecord):
    """One thing that supports a judgement: a commit that merges or reverts, or somebody's words."""

    kind: StorableText
    """merge, squash, rebase, cherry-pick, in-main, absorbed, closes, revert, person-commit, words, …"""
    text: CleanText
    author: CleanLine | None = None
    place: CleanLine | None = None
    """A commit sha, `file:line`, or `#number`."""
    when: AwareDatetime | None = None
    source: StorableText
    """Where it was read: git, export, github."""


class Comment(FeedbackRecord):
    """What somebody wrote on the pull request."""

    author: CleanLine
    text: CleanText
    place: CleanLine | None = None
    """`file:line` the comment is attached to."""
    when: AwareDatetime | None = None
    association: StorableText | None = None
    """GitHub's author association in capitals (OWNER, MEMBER, CONTRIBUTOR, …); None if not known."""

    @property
    def write_access(self) -> bool | None:
        """None where the source does not say; then the author does not count as a reviewer."""
        return None if self.association is None else self.association in WRITE_ASSOCIATIONS


class Outcome(FeedbackRecord):
    """One pull request of the agent and what became of it. `(repository, number)` names it for ever."""

    repository: StorableText = Field(min_length=1)
    """`owner/name` where known."""
    number: int = Field(gt=0)
    title: CleanLine
    url: StorableText | None = None
    kind: OutcomeKind

    opened_at: AwareDatetime | None = None
    submitted_at: AwareDatetime | None = None
    """When the submitted commit was made."""
    closed_at: AwareDatetime | None = None

    agent: CleanLine
    """The agent as the source names it: `name <email>` or a login."""
    recognised_by: RecognitionSign
    author: CleanLine | None = None
    """Who opened the pull request, if known; this person's words are not a review."""
    version: StorableText | None = None
    """The worker's version, from the trailer."""

    base_sha: StorableText | None = None
    first_sha: StorableText | None = None
    """The first commit of the pull request."""
    submitted_sha: StorableText | None = None
    """The agent's last commit before the first commit by a person."""
    head_sha: StorableText | None = None
    merged_sha: StorableText | None = None
    """The commit that brought the change into the main branch."""
    same_as_first: bool | None = None
    """Whether the merged change equals the first commit alone; None where unknown or not merged."""
    same_as_head: bool | None = None
    """Whether the merged change equals the pull request's head."""

    submitted_diff: Diff | None = None
    """Base to submitted commit."""
    merged_diff: Diff | None = None
    """What the merge changed on the main branch."""
    revision: Diff | None = None
    """From what merging the submission would have given to what was merged; empty text if equal."""

    evidence: tuple[OutcomeEvidence, ...] = ()
    words: tuple[Comment, ...] = ()
    cause: Cause = Cause.UNKNOWN
    cause_by: CauseOrigin | None = None
    cause_evidence: tuple[OutcomeEvidence, ...] = ()
    unknown_fields: tuple[StorableText, ...] = ()
    """Names of the fields this source cannot know; `kind` among them means it was judged by age alone."""

    @property
    def key(self) -> str:
        """`owner/name#12`, the same at every ingest."""
        return f"{self.repository}#{self.number}"

    @property
    def digest(self) -> str:
        """Hex digest of the whole content: unchanged digest, nothing to store."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]

    @property
    def agents_fault(self) -> bool:
        """Whether the cause lies with the agent; false while the cause is unknown."""
        return self.cause in AGENT_CAUSES

    @property
    def reviewer_words(self) -> tuple[Comment, ...]:
        """Words of people with write access: no bots, not the author of the pull request, not the agent."""
        own = {name.casefold() for name in (self.author, self.agent) if name}
        return tuple(
            word
            for word in self.words
            if word.write_access and not is_bot(word.author) and word.author.casefold() not in own
        )

    def with_cause(self, cause: Cause, by: CauseOrigin, evidence: tuple[OutcomeEvidence, ...] = ()) -> Outcome:
        """The same outcome with its cause assigned or corrected."""
        return self.model_copy(update={"cause": cause, "cause_by": by, "cause_evidence": evidence})


_KNOWN_BOTS = re.compile(
    r"\[bot\]|[-_]bot$|^bot[-_]|^(?:dependabot|renovate|greenkeeper|mergify|pre-commit-ci|github-actions|codecov"
    r"|snyk|pyup|allcontributors|imgbot|web-flow)\b",
    re.IGNORECASE,
)


def is_bot(name: str, email: str = "") -> bool:
    """Whether an account is a program by its name (`x[bot]`, known services, `…-bot`), not a person."""
    return bool(_KNOWN_BOTS.search(name.strip()) or "[bot]" in email.lower())
