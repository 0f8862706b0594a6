"""Who said what, as of when it was said, and whether that person may push."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from feedback.github.answers import Remark
from feedback.github.client import GitHubClient, MissingResource
from feedback.github.pulls import PullDetails
from feedback.outcome import WRITE_ASSOCIATIONS, Comment, is_bot
from feedback.problems import FeedbackError

EDITED_TEXT = "[edited later; what it said at first is not known]"
_HIDDEN_REASONS = {"spam", "abuse", "off-topic", "off_topic"}
_PUSH_PERMISSIONS = {"admin", "write", "maintain"}


def text_at(said: Remark, moment: datetime) -> str | None:
    """What it said at a moment: later edits are undone. None where GitHub does not tell."""
    if said.edited_at is None or said.edited_at <= moment:
        return said.body
    earlier = [edit for edit in (said.edits.nodes if said.edits else ()) if edit.edited_at <= moment]
    newest = max(earlier, key=lambda edit: edit.edited_at, default=None)
    return newest.diff if newest and newest.deleted_at is None else None


class Collaborators:
    """Who may push to a repository. What a review does not say is asked for once for each person."""

    def __init__(self, client: GitHubClient | None, repository: str) -> None:
        self._client, self._repository = client, repository
        self._known: dict[str, bool] = {}

    def association(self, said: Remark, can_push: bool | None) -> str:
        """GitHub's author association, corrected by what is known of the right to push: a member of the organisation
        may have none, and then does not count as a reviewer."""
        named = said.association.upper()
        if can_push is None and named in ("MEMBER", "COLLABORATOR") and said.author and not is_bot(said.who):
            can_push = self._may_push(said.author.login)
        if can_push is None or (can_push and named in WRITE_ASSOCIATIONS):
            return named
        if can_push:
            return "COLLABORATOR"
        return f"{named}, READ ONLY" if named in WRITE_ASSOCIATIONS else named

    def _may_push(self, login: str) -> bool | None:
        if login in self._known:
            return self._known[login]
        if self._client is None:
            return None
        try:
            answer = self._client.get(f"repos/{self._repository}/collaborators/{login}/permission")
        except MissingResource:
            answer = {"permission": "none"}
        except FeedbackError:
            self._client = None  # the token may not ask; the association has to do
            return None
        permission = answer.get("permission") if isinstance(answer, dict) else None
        if not isinstance(permission, str):
            return None
        if len(self._known) > 5000:
            self._known.clear()
        return self._known.setdefault(login, permission in _PUSH_PERMISSIONS)


def remarks_on(pull: PullDetails, people: Collaborators) -> Iterator[Comment]:
    """Everything said on a pull request, oldest first, each as it read when it was published.

    Spam and abuse that a maintainer has hidden is left out, and so is what has no text.
    """
    pushers = {review.who: review.can_push for review in pull.reviews if review.can_push is not None}
    found: list[tuple[Remark, str | None, bool | None]] = [
        *((said, None, pushers.get(said.who)) for said in pull.comments),
        *((review, None, review.can_push) for review in pull.reviews),
        *((c, c.place, c.review.can_push if c.review else pushers.get(c.who)) for c in pull.line_comments),
    ]
    for said, place, can_push in sorted(found, key=lambda item: item[0].when):
        if said.minimized and (said.minimized_reason or "").lower() in _HIDDEN_REASONS:
            continue
        text = text_at(said, said.when)
        if text is None or text.strip():
            yield Comment(
                author=said.who,
                text=EDITED_TEXT if text is None else text,
                place=place,
                when=said.when,
                association=people.association(said, can_push),
            )
