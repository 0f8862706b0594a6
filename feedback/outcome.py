"""The records that every source yields: how a pull request ended, and why.

Text that strangers can write (titles, comments, commit messages) is cleaned as it enters a record
(`feedback.cleaning.clean_text`), so no record holds hidden markup or a token, whichever source it is from. Diffs are
source code: they are cut to length, and secrets are masked in those that are only read. The submitted diff stays
exact, because it may be applied and graded.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from feedback.cleaning import clean_line, clean_text
from safeguards.masking import mask_secrets

MAX_DIFF_CHARS = 200_000
"""A longer diff is cut."""

StorableText = Annotated[str, AfterValidator(lambda text: text.encode("utf-8", "replace").decode())]
"""Text that can be stored: JSON may carry lone surrogates, which UTF-8 cannot encode."""
CleanText = Annotated[str, AfterValidator(clean_text)]
CleanLine = Annotated[str, AfterValidator(clean_line)]


class FeedbackRecord(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OutcomeKind(StrEnum):
    """How a pull request ended."""

    MERGED = "merged"  # as submitted
    REVISED = "revised"  # a person changed it, or asked for changes, before the merge
    REJECTED = "rejected"  # closed without a merge
    REVERTED = "reverted"  # merged and later undone
    OPEN = "open"
    UNKNOWN = "unknown"

    @property
    def came_back(self) -> bool:
        """Whether it was not accepted as submitted; only then does it have a cause."""
        return self in (OutcomeKind.REVISED, OutcomeKind.REJECTED, OutcomeKind.REVERTED)


class Cause(StrEnum):
    """Why a pull request came back. The first eight are the agent's fault."""

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
"""The agent's fault; only outcomes with one of these causes reach the proposer."""

CauseOrigin = Literal["rule", "model", "person"]
RecognitionSign = Literal["author", "co-author", "trailer", "label", "export"]
WRITE_ASSOCIATIONS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""The author associations on GitHub that count as write access."""


class Diff(FeedbackRecord):
    """A unified diff in git's format, cut to `MAX_DIFF_CHARS` characters.

    Paths have the prefixes `a/` and `b/`.
    """

    text: StorableText = ""
    truncated: bool = False

    @classmethod
    def from_text(cls, text: str, limit: int = MAX_DIFF_CHARS) -> Diff:
        """Return the diff, cut after the last whole line within `limit` characters."""
        if len(text) <= limit:
            return cls(text=text)
        return cls(text=text[: text.rfind("\n", 0, limit) + 1], truncated=True)


MaskedDiff = Annotated[Diff, AfterValidator(lambda diff: diff.model_copy(update={"text": mask_secrets(diff.text)}))]


class OutcomeEvidence(FeedbackRecord):
    """Something that supports a judgement: a commit, or what somebody wrote."""

    kind: StorableText
    """merge, squash, rebase, cherry-pick, in-main, absorbed, closes, revert, person-commit, words, …"""
    text: CleanText
    author: CleanLine | None = None
    place: CleanLine | None = None
    """A commit sha, `file:line`, or `#number`."""
    when: AwareDatetime | None = None
    source: StorableText
    """Where it was read: git, github, export, comment."""


class Comment(FeedbackRecord):
    """What somebody wrote on a pull request."""

    author: CleanLine
    text: CleanText
    place: CleanLine | None = None
    """`file:line` the comment is attached to."""
    when: AwareDatetime | None = None
    association: StorableText | None = None
    """The author association as GitHub writes it (OWNER, MEMBER, CONTRIBUTOR, …); None if unknown."""

    @property
    def write_access(self) -> bool | None:
        """Whether the author may push; None if the source does not say.

        None counts as no.
        """
        return None if self.association is None else self.association in WRITE_ASSOCIATIONS


class Outcome(FeedbackRecord):
    """One pull request of the agent and how it ended.

    Repository and number identify it for good.
    """

    repository: StorableText = Field(min_length=1)
    """`owner/name` if known."""
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
    """Who opened the pull request, if known; their own comments are not a review."""
    version: StorableText | None = None
    """The worker's version, from its trailer."""

    base_sha: StorableText | None = None
    first_sha: StorableText | None = None
    """The first commit of the pull request."""
    submitted_sha: StorableText | None = None
    """The agent's last commit before the first commit by a person."""
    head_sha: StorableText | None = None
    merged_sha: StorableText | None = None
    """The commit that brought the change into main."""
    same_as_first: bool | None = None
    """Whether the merged change equals the first commit alone; None if unknown or not merged."""
    same_as_head: bool | None = None
    """Whether the merged change equals the pull request's head."""

    submitted_diff: Diff | None = None
    """From the base to the submitted commit."""
    merged_diff: MaskedDiff | None = None
    """What the merge changed on main."""
    revision: MaskedDiff | None = None
    """From what merging the submission would have produced to what was merged; empty if equal."""

    evidence: tuple[OutcomeEvidence, ...] = ()
    words: tuple[Comment, ...] = ()
    cause: Cause = Cause.UNKNOWN
    cause_by: CauseOrigin | None = None
    cause_evidence: tuple[OutcomeEvidence, ...] = ()
    unknown_fields: tuple[StorableText, ...] = ()
    """Fields that the source cannot know; with `kind` among them, the kind was judged by age alone."""

    @property
    def key(self) -> str:
        """`owner/name#12`; never changes."""
        return f"{self.repository}#{self.number}"

    @property
    def digest(self) -> str:
        """A hex digest of all fields; while it is unchanged there is nothing to store."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]

    @property
    def is_agents_fault(self) -> bool:
        """Whether the agent is at fault; false while the cause is unknown."""
        return self.cause in AGENT_CAUSES

    @property
    def reviewer_words(self) -> tuple[Comment, ...]:
        """Comments by people with write access, but not by its author or the agent."""
        own = {name.casefold() for name in (self.author, self.agent) if name}
        return tuple(
            word
            for word in self.words
            if word.write_access and not is_bot(word.author) and word.author.casefold() not in own
        )

    def with_cause(self, cause: Cause, by: CauseOrigin, evidence: tuple[OutcomeEvidence, ...] = ()) -> Outcome:
        """Return a copy with its cause assigned or corrected."""
        return self.model_copy(update={"cause": cause, "cause_by": by, "cause_evidence": evidence})


_KNOWN_BOTS = re.compile(
    r"\[bot\]|[-_]bot$|^bot[-_]|^(?:dependabot|renovate|greenkeeper|mergify|pre-commit-ci|github-actions|codecov"
    r"|snyk|pyup|allcontributors|imgbot|web-flow)\b",
    re.IGNORECASE,
)


def is_bot(name: str, email: str = "") -> bool:
    """Whether an account's name is a bot's: `x[bot]`, `…-bot`, a known service."""
    return bool(_KNOWN_BOTS.search(name.strip()) or "[bot]" in email.lower())
