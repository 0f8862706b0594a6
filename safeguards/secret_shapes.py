"""The shapes of secrets, as their issuers publish them.

A pattern begins with plain characters and never gives back what it has read, so searching takes linear time. No pattern
reads past a quotation mark, and only that of private keys past a backslash, so masking JSON leaves JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

_ALNUM, _DASHED, _DOTTED, _BASE64, _HEX, _UPPER = (
    "A-Za-z0-9",
    "A-Za-z0-9_-",
    "A-Za-z0-9_.-",
    "A-Za-z0-9+/=_-",
    "a-fA-F0-9",
    "A-Z0-9",
)

_PREFIXES = (
    ("AKIA ASIA ABIA ACCA", _UPPER, 16),
    ("IQoJb3JpZ2lu FwoGZXIvYXdz ABSKQmVkcm9ja0FQSUtleS1 bedrock-api-key-", _BASE64, 40),  # AWS
    ("AIza", _DASHED, 30),
    ("GOCSPX- 1//0 ya29. AQ.Ab8", _DOTTED, 20),  # Google
    ("GOOG1E", _UPPER, 24),
    ("ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", _DOTTED, 20),  # GitHub
    ("glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt-", _DOTTED, 16),
    ("GR1348941", _DASHED, 16),
    ("npm_ ATATT3 ATCTT3 ATBB", _BASE64, 24),  # npm, Atlassian
    ("pypi-", _DASHED, 40),
    ("dckr_pat_ dckr_oat_ BBDC- HRKU- rubygems_ glc_ glsa_ sntrys_ sntryu_ figd_ nfp_ pscale_tkn_", _BASE64, 20),
    ("pscale_pw_ pscale_oauth_ dp.pt. dp.st. sbp_ sb_secret_ tskey-auth- tskey-api- PMAK- NRAK-", _BASE64, 20),
    ("dop_v1_ doo_v1_ dor_v1_ CCIPAT_ CCIPRJ_ cfut_ cfat_ cfk_ ddapp_ ntn_ pul- v1.0-", _DASHED, 20),
    ("sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", _ALNUM, 10),  # Stripe
    ("whsec_", _BASE64, 24),
    ("sq0atp- sq0csp- sq0idp-", _DASHED, 20),  # Square
    ("EAAA", _DASHED, 50),
    ("xkeysib- xsmtpsib-", _DASHED, 40),
    ("shpat_ shpca_ shppa_ shpss_ shpua_ shptka_ dapi dkea dose dsapi key- SK AC", _HEX, 32),
    ("xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe. xapp-", "%A-Za-z0-9_.-", 10),  # Slack
    ("sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or- sess- gsk_ xai- pplx- hf_ api_org_ tgp_v1_", _DASHED, 16),
    ("lin_api_ lin_oauth_ hvs. hvb. hvr. AGE-SECRET-KEY-", _DASHED, 16),
    ("secret_", _ALNUM, 40),  # Notion
)
_WEAK_PREFIXES = (("sk- r8_ fw_ cio oy2 rnd_ fly_ vcp_ vck_", _DASHED, 20), ("s.", _ALNUM, 24))
"""Words may begin like these, so one part of what follows has to be long."""

Span = tuple[int, int]
_LONG_RUN = r"[A-Za-z0-9_.%/+=-]{15,}+"
_LONG_PART = re.compile(r"[A-Za-z0-9]{16}")

_WORD_BEFORE = re.compile(r"[A-Za-z0-9]")
_ESCAPE_BEFORE = re.compile(r"\\[nrtbf]$|\\u[0-9a-fA-F]{4}$|\[[0-9;?]{0,9}[A-Za-z]$")
"""An escape in JSON, or the end of a colour on a terminal; its last letter is not part of a word."""


def _begins_inside_word(text: str, start: int) -> bool:
    before = text[max(start - 12, 0) : start]
    return bool(before and _WORD_BEFORE.match(before[-1]) and not _ESCAPE_BEFORE.search(before))


def _whole(match: re.Match[str]) -> Span:
    return match.span()


def _part(match: re.Match[str]) -> Span | None:
    return match.span(1) if match[1] else None


def _find_jwt(match: re.Match[str]) -> Span | None:
    parts = match[0].split(".")
    is_token = len(parts) >= 2 and len(parts[0]) >= 11 and sum(map(len, parts[1:])) >= 16
    return match.span() if is_token and not _begins_inside_word(match.string, match.start()) else None


_KEY_SPACE = r"(?:[\s>+|]|\\+[nrt])*+"
_KEY_TO_ITS_END = r"(?:[A-Za-z0-9+/=:,.>|\s]|-(?!----)|\\+[nrt])*+-----END [A-Z0-9 ]*+-----"
_KEY_LINES = rf"(?:{_KEY_SPACE}[A-Za-z0-9+/=]{{16,}}+)*+"


def _find_key(match: re.Match[str]) -> Span | None:
    """A private key up to its end; one that was cut off, as far as its lines go."""
    if "PRIVATE" not in match[0].upper():  # a certificate or a public key
        return None
    end = match.re.pattern.startswith("-----") and _compile(_KEY_TO_ITS_END).match(match.string, match.end())
    end = end or _compile(_KEY_LINES).match(match.string, match.end())
    return match.start(), end.end() if end else match.end()


def _with_before(length: int) -> Callable[[re.Match[str]], Span]:
    return lambda match: (match.start() - length, match.end())


_ID_BEFORE = r"(?:\\++(?:u[0-9a-fA-F]{4}|[a-zA-Z]))?+([A-Za-z0-9_-]*+)$"


def _with_id(match: re.Match[str]) -> Span:
    """A token with the number of its account before it, but not the end of an escape in JSON."""
    before = _compile(_ID_BEFORE).search(match.string[max(match.start() - 36, 0) : match.start()])
    return match.start() - (len(before[1]) if before else 0), match.end()


_STRUCTURED: tuple[tuple[str, str, Callable[[re.Match[str]], Span | None]], ...] = (
    ("-----BEGIN", r"-----BEGIN [A-Z0-9 ]*+-----", _find_key),
    ("Private-Lines:", r"Private-Lines:", _find_key),  # PuTTY
    ("eyJ", r"eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+){0,4}+", _find_jwt),
    ("hooks.slack", r"hooks\.slack(?:-gov)?\.com/\w++/([A-Za-z0-9/_-]{10,}+)", _part),
    ("/api/webhooks/", r"/api/webhooks/\d++/([A-Za-z0-9_-]{20,}+)", _part),  # Discord
    (".webhook.office", r"\.webhook\.office\.com/([^\s\"'<>\\]{20,}+)", _part),
    (":AA", r":(?<=\d{8}:)AA[A-Za-z0-9_-]{30,}+", _with_id),  # Telegram
    (".", r"\.(?<=[A-Za-z0-9_-]{23}\.)[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}+", _with_id),  # Discord
    ("SG.", r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+", _whole),  # SendGrid
    ("Q~", r"Q~(?<=[A-Za-z0-9_~.-]{3}\dQ~)[A-Za-z0-9_~.-]{31,}+", _with_before(4)),  # Azure
    ("JQQJ9", r"JQQJ9(?<=[A-Za-z0-9]{52}JQQJ9)[A-Za-z0-9]{20,}+", _with_before(52)),
    ("AZDO", r"AZDO(?<=[A-Za-z0-9]{76}AZDO)[A-Za-z0-9]{4}", _with_before(76)),
    ("sig=", r"sig=([A-Za-z0-9%+/=]{40,}+)", _part),
    (".atlasv1.", r"\.atlasv1\.(?<=[A-Za-z0-9]{14}\.atlasv1\.)[A-Za-z0-9_=-]{40,}+", _with_before(14)),
    ("v1.", r"v1\.[0-9a-f]{40}", _whole),  # older tokens of GitHub Apps
    ("-us", r"-us(?<=[0-9a-f]{32}-us)\d{1,2}", _with_before(32)),  # Mailchimp
)


def find_shapes(text: str) -> Iterator[Span]:
    """Yield the span of everything in a text that has the shape of a secret."""
    long_runs = "\n".join(_compile(_LONG_RUN).findall(text))  # searched instead of the text, which is far longer
    for table, weak in ((_PREFIXES, False), (_WEAK_PREFIXES, True)):
        for prefixes, charset, shortest in table:
            for prefix in prefixes.split():
                if prefix in long_runs:
                    yield from _find_prefixed(text, prefix, _compile(f"[{charset}]*+"), shortest, weak)
    for keyword, pattern, span_of in _STRUCTURED:
        if keyword in text:
            yield from (span for match in _compile(pattern).finditer(text) if (span := span_of(match)))


def _find_prefixed(text: str, prefix: str, body: re.Pattern[str], shortest: int, weak: bool) -> Iterator[Span]:
    start = text.find(prefix)
    while start >= 0:
        end = start + len(prefix)
        if not _begins_inside_word(text, start) and (found := body.match(text, end)):
            run = found[0].rstrip(".")
            if len(run) >= shortest:
                end += len(run)
                if not weak or _LONG_PART.search(run):
                    yield start, end
        start = text.find(prefix, end)


_compile = lru_cache(maxsize=None)(re.compile)
"""Compiles a pattern when it is first needed: start-up is a feature."""
