"""Who wrote what on a pull request, as it first read, and whether they may push."""

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


def text_at(remark: Remark, moment: datetime) -> str | None:
    """Return the text before edits after `moment`; None if GitHub does not say."""
    if remark.edited_at is None or remark.edited_at <= moment:
        return remark.body
    earlier = [edit for edit in (remark.edits.nodes if remark.edits else ()) if edit.edited_at <= moment]
    newest = max(earlier, key=lambda edit: edit.edited_at, default=None)
    return newest.diff if newest and newest.deleted_at is None else None


class Collaborators:
    """Knows who may push to a repository.

    If a review does not say, it asks GitHub, once for each person.
    """

    def __init__(self, client: GitHubClient | None, repository: str) -> None:
        self._client, self._repository = client, repository
        self._known: dict[str, bool] = {}

    def association(self, remark: Remark, can_push: bool | None) -> str:
        """Return the author association, corrected by whether the author may push.

        A member of the organisation may have no push access, and then does not count as a reviewer.
        """
        association = remark.association.upper()
        may_be_asked = association in ("MEMBER", "COLLABORATOR") and not is_bot(remark.who)
        if can_push is None and may_be_asked and remark.author:
            can_push = self._may_push(remark.author.login)
        if can_push is None or (can_push and association in WRITE_ASSOCIATIONS):
            return association
        if can_push:
            return "COLLABORATOR"
        return f"{association}, READ ONLY" if association in WRITE_ASSOCIATIONS else association

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
            self._client = None  # the token may not ask, so only the association is left
            return None
        permission = answer.get("permission") if isinstance(answer, dict) else None
        if not isinstance(permission, str):
            return None
        if len(self._known) > 5000:
            self._known.clear()
        return self._known.setdefault(login, permission in _PUSH_PERMISSIONS)


def remarks_on(pull: PullDetails, people: Collaborators) -> Iterator[Comment]:
    """Yield what was written on a pull request, as it first read, oldest first.

    Empty remarks are left out, and so are spam and abuse that a maintainer has hidden.
    """
    pushers = {review.who: review.can_push for review in pull.reviews if review.can_push is not None}
    found: list[tuple[Remark, str | None, bool | None]] = [
        *((comment, None, pushers.get(comment.who)) for comment in pull.comments),
        *((review, None, review.can_push) for review in pull.reviews),
        *((c, c.place, c.review.can_push if c.review else pushers.get(c.who)) for c in pull.line_comments),
    ]
    for remark, place, can_push in sorted(found, key=lambda item: item[0].when):
        if remark.is_minimized and (remark.minimized_reason or "").lower() in _HIDDEN_REASONS:
            continue
        text = text_at(remark, remark.when)
        if text is None or text.strip():
            yield Comment(
                author=remark.who,
                text=EDITED_TEXT if text is None else text,
                place=place,
                when=remark.when,
                association=people.association(remark, can_push),
            )
