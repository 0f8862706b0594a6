"""Tells whether the agent, another program or a person wrote a commit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from pydantic import Field

from feedback.outcome import FeedbackRecord, RecognitionSign, is_bot

_CO_AUTHOR = re.compile(r"^co-authored-by:(.*)$", re.IGNORECASE | re.MULTILINE)
_ASSISTANT = re.compile(r"^(?:assisted|generated|co-developed)-by:(.*)$", re.IGNORECASE | re.MULTILINE)
"""Other trailers that credit an agent, such as the Linux kernel's `Assisted-by: Claude:some-model checkpatch`."""
_SUGGESTION = re.compile(r"^(?:apply|commit|update).{0,20}suggestions?\b.{0,20}(?:code )?review", re.IGNORECASE)


class AgentIdentity(FeedbackRecord):
    """How to recognise the agent's commits and pull requests. One match is enough.

    Patterns ignore case and match a whole name or email address. `*` stands for any characters, everything else for
    itself, so `dependabot[bot]` needs no escaping.
    """

    authors: tuple[str, ...] = ()
    """Patterns for the author's name or email address."""
    co_authors: tuple[str, ...] = ()
    """Patterns for the name or email address in a trailer that credits somebody (`credits_in`)."""
    labels: tuple[str, ...] = ()
    """Patterns for a label on the pull request, if the source knows labels."""
    version_trailer: str = Field(default="Worker-Version", pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    """The trailer with the worker's version; a commit that has it is the agent's."""

    @cached_property
    def _author_pattern(self) -> re.Pattern[str]:
        return _compile_patterns(self.authors)

    @cached_property
    def _co_author_pattern(self) -> re.Pattern[str]:
        return _compile_patterns(self.co_authors)

    @cached_property
    def _label_pattern(self) -> re.Pattern[str]:
        return _compile_patterns(self.labels)

    @cached_property
    def _trailer_pattern(self) -> re.Pattern[str]:
        return re.compile(rf"^{re.escape(self.version_trailer)}:[ \t]*(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)

    def version(self, message: str) -> str | None:
        """Return the value of the last version trailer in a message."""
        found = self._trailer_pattern.findall(message)
        return str(found[-1])[:100] if found else None

    def recognise(
        self, author: str, email: str, message: str, *, may_push: bool = True
    ) -> tuple[str, RecognitionSign] | None:
        """Return the agent's name in a commit and how it was recognised, or None.

        Anybody can write the version trailer, so where push access is known it counts only from those who have it. A
        reviewer's suggestion that was applied on the web is the reviewer's work, whoever clicked the button.
        """
        if _SUGGESTION.match(message):
            return None
        if may_push and self._trailer_pattern.search(message):
            return f"{author} <{email}>", "trailer"
        if self._author_pattern.fullmatch(author) or self._author_pattern.fullmatch(email):
            return f"{author} <{email}>", "author"
        for name, address in credits_in(message):
            if any(self._co_author_pattern.fullmatch(known) for known in (name, name.partition(":")[0], address)):
                return f"{name} <{address}>" if address else name, "co-author"
        return None

    def recognise_pull(
        self, login: str, labels: Iterable[str], body: str, *, may_push: bool
    ) -> tuple[str, RecognitionSign] | None:
        """Return the same for a pull request on a forge, or None.

        It is the agent's by its author (`name[bot]`; `app/name` for a GitHub App), by a label, or by the version
        trailer in its description if its author may push to the repository.
        """
        if may_push and self._trailer_pattern.search(body):
            return login, "trailer"
        app = f"app/{login.removesuffix('[bot]')}" if login.endswith("[bot]") else login
        if self._author_pattern.fullmatch(login) or self._author_pattern.fullmatch(app):
            return login, "author"
        if any(self._label_pattern.fullmatch(label) for label in labels):
            return login, "label"
        return None


def co_authors_in(message: str) -> list[tuple[str, str]]:
    """Return the name and email address in each `Co-authored-by:` trailer; "" for an address that is not given."""
    return [_read_person(text) for text in _CO_AUTHOR.findall(message)]


def credits_in(message: str) -> list[tuple[str, str]]:
    """Return the same of each trailer that credits a co-author, an assistant or a generator."""
    return co_authors_in(message) + [_read_person(text) for text in _ASSISTANT.findall(message)]


def _read_person(text: str) -> tuple[str, str]:
    name, _, address = text.partition("<")
    return name.strip(), address.partition(">")[0].strip()


def is_person(author: str, email: str) -> bool:
    """Whether a commit's author is a person, judging by name and email address."""
    return not is_bot(author, email)


def _compile_patterns(patterns: tuple[str, ...]) -> re.Pattern[str]:
    parts = [".*".join(map(re.escape, pattern.strip().split("*"))) for pattern in patterns if pattern.strip()]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)
