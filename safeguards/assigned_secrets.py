"""Secrets that only their place gives away: `password=…`, `Authorization: …`, an address with a password."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from safeguards.secret_shapes import Span

_NAMES = """
password passwd passphrase pwd passwort secret token credential apikey api_key api-key appkey app_key app-key accesskey
access_key access-key authkey auth_key auth-key accountkey account_key secretkey secret_key secret-key privatekey
private_key_id signingkey signing_key encryptionkey encryption_key global_key master_key jwt_key _auth
"""
_VALUE = r"[^\s\"'`<>,;(){}\[\]\\|&=]"
_ASSIGNED = re.compile(
    r"(?:s|_?\d{1,2}|_?(?:value|id|prod|production|staging|dev))?"
    r"(?:\\{0,3}[\"'`])?[ \t]{0,4}(?:=>|:=|==|[:=]|(?<=[a-z] )(?=\S))[ \t]{0,4}(?:\\{0,3}[\"'`])?"
    r"(?:(?:bearer|basic|token)[ \t]+)?"
    rf"({_VALUE}{{8,400}}+=*+)(?=([(\[{{]?))",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?:\\{0,3}[\"'])?[ \t]{0,4}[:=][ \t]{0,4}(?:\\{0,3}[\"'])?"
    r"(basic|bearer|token|digest|apikey|api-key|sso-key|bot|negotiate|ntlm)?[ \t]*+"
    rf"({_VALUE}{{8,4000}}+=*+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"[ \t]++([A-Za-z0-9._~+/-]{20,}+=*+)")
_USER_INFO = re.compile(r"://([^\s/@:\"'<>\\`?#]{0,200}+)(?::([^\s/@\"'<>\\`?#]{1,400}+))?+@(?=[\w\[])")
_MOST_REREAD = 64
_CODE = re.compile(
    r"[$%@{/~.*#!]|\w+://"  # a variable, a path, a placeholder
    r"|[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+$"  # an attribute
    r"|[a-z]+(?:[_-][a-z]+)+\d{0,2}$|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|[a-z]+\d{0,2}$|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*$"
)


def find_assigned(text: str) -> Iterator[Span]:
    """Yield the span of each value that is assigned to a secret's name and looks random."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter that becomes two
        lower = text.replace("\u0130", "I").lower()
    for name in _NAMES.split():
        for found in _matches(_ASSIGNED, text, lower, name):
            if not found[2] and looks_random(found[1]):
                yield found.span(1)
    for found in _matches(_HEADER, text, lower, "authorization"):
        if found[1] or looks_random(found[2]):
            yield found.span(2)
    for found in _matches(_BEARER, text, lower, "bearer"):
        yield found.span(1)


def _matches(pattern: re.Pattern[str], text: str, lower: str, word: str) -> Iterator[re.Match[str]]:
    """Yield what follows each place of a word, if it matches."""
    at = lower.find(word)
    while at >= 0:
        end = at + len(word)
        if found := pattern.match(text, end):
            yield found
            end = found.end() if found.end() - end > _MOST_REREAD else end
        at = lower.find(word, end)


def find_user_info(text: str) -> Iterator[Span]:
    """Yield the span of user and password in each address, and of a user that is a token."""
    if "://" in text and "@" in text:
        for found in _USER_INFO.finditer(text):
            if found[2] or looks_random(found[1], 16):
                yield found.start(1), found.end(2 if found[2] else 1)


def looks_random(value: str, shortest: int = 8) -> bool:
    """Return whether a value is no word, name or piece of code.

    It mixes kinds of characters and repeats few of them.
    """
    value = value.rstrip(".:!?")
    if len(value) < shortest or _CODE.match(value) or not any(c.isalpha() for c in value):
        return False
    kinds = sum(any(test(c) for c in value) for test in (str.islower, str.isupper, str.isdigit))
    kinds += any(not c.isalnum() for c in value)
    return kinds >= 2 and _entropy(value) >= 2.75


def _entropy(value: str) -> float:
    """Shannon's entropy, in bits for each character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
