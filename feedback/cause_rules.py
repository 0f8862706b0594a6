"""The phrases in which people say why a change came back, as regular expressions.

Each is narrow on purpose: a missed phrase leaves the cause unknown, a misleading one blames the wrong thing. A phrase
starts at a word boundary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from feedback.outcome import Cause

_TESTS = r"(?:(?:unit|regression|integration|more|some|any|a|the|new) )*tests?(?: cases?| coverage)?\b"
_CODE_THING = r"(?:function|method|class|module|attribute|argument|parameter|option|flag|field|api|endpoint)\b"
_NUMBER = r"(?:#\d+|https?://\S+/(?:pull|merge_requests)/\d+)"
_NOT = r"(?:does not|doesn'?t|do not|don'?t|did not|didn'?t|never)"
_CHECKER = r"(?:ci|lint(?:er|ing|s)?|mypy|ruff|flake8|eslint|isort|pre-commit|type ?check\w*|formatt?(?:er|ing)?)\b"
_SCOPE = r"(?:\w+(?:\(.*?\))?!?: )?"

CauseRules = tuple[tuple[Cause, re.Pattern[str]], ...]


def _compile_rules(phrases: Mapping[Cause, tuple[str, ...]], start: str = r"\b") -> CauseRules:
    return tuple((cause, re.compile(start + "(?:" + "|".join(p) + ")", re.IGNORECASE)) for cause, p in phrases.items())


_SUPERSESSION_PHRASES = {
    Cause.SUPERSEDED: (
        rf"(?:superseded|replaced|obsoleted) (?:by|with) {_NUMBER}",
        rf"in favou?r of {_NUMBER}",
        rf"(?:done|fixed|handled|landed|merged|addressed) (?:already )?(?:in|by|via|with) {_NUMBER}",
    ),
    Cause.ABANDONED: (
        r"(?:stale|inactivity|abandoned)\b",
        r"no (?:recent )?(?:activity|response)\b",
    ),
}
_CANCELLATION_PHRASES = {
    Cause.DUPLICATE_TICKET: (
        rf"(?:duplicates?(?: of)?|dupe? of|same (?:issue |thing |ticket )?as) {_NUMBER}",
        r"already (?:fixed|implemented|reported) (?:on|in) (?:main|master|another)\b",
    ),
    Cause.PLANS_CHANGED: (
        r"no longer (?:need(?:ed)?|want(?:ed)?|relevant|plann?\w*)\b",
        r"(?:we|i)(?:'ve| have)? (?:decided|chose[n]?) (?:not to|against|to drop)\b",
        r"(?:do not|don'?t) (?:want|need) (?:this|that|it) (?:any ?more|after all)\b",
        r"changed (?:our|my) minds?\b",
    ),
}
_AGENT_FAULT_PHRASES = {
    Cause.WEAK_TESTS: (
        rf"(?:add|needs?|missing|lacks?|lacking|without|write|include|where (?:is|are)|requires?|no) {_TESTS}",
        rf"{_TESTS} (?:is|are) (?:missing|weak|too weak|not enough|needed|required)\b",
        rf"tests? {_NOT} (?:cover|assert|check|test|exercise|fail without)\b",
        r"(?:not covered by (?:any |the )?tests?|untested|not tested)\b",
    ),
    Cause.IGNORED_CONVENTION: (
        r"(?:our|the|project'?s?|code|coding|naming) (?:conventions?|style)\b",
        r"(?:style ?guide|contributing\.md|against (?:the )?conventions?)\b",
        r"we (?:always|never|usually|normally|don'?t|do not|prefer to|only) (?:use|write|put|name|import|call)\b",
        r"(?:that|this)(?:'s| is) not how we\b",
        r"follow (?:the|our) (?:existing |usual )?(?:pattern|style|structure)",
    ),
    Cause.TOO_WIDE: (
        r"unrelated (?:change|edit|file|diff|refactor|reformat|formatting)",
        r"too (?:many|much) (?:\w+ ){0,2}(?:changes|files|refactoring)\b",
        r"(?:pr|pull request|change|diff|scope) is (?:far |way |much )?too (?:large|big|broad|wide)\b",
        r"(?:split|break) (?:this|it|the pr|the change)\b[^.]{0,20}\b(?:up|into|separate|smaller)\b",
        r"out of scope (?:for|of) this\b",
    ),
    Cause.INVENTED_API: (
        rf"no such {_CODE_THING}",
        rf"{_CODE_THING}[^.]{{0,40}} {_NOT} exist",
        rf"there(?: is|'s) no (?:such )?(?:`[^`]+` )?{_CODE_THING}",
        r"hallucinat",
        rf"(?:made[- ]up|invented) (?:\w+ )?{_CODE_THING}",
    ),
    Cause.DUPLICATE_CODE: (
        r"we already have (?:a|an|the|this|that|`)[^.]{0,60}\b(?:for|that|in|to|does)\b",
        r"duplicat\w+ (?:of )?(?:the |an |our )?(?:existing )?(?:code|logic|helper|function|implementation)\b",
        r"re-?use (?:the |our )?existing\b",
    ),
    Cause.CHECKS_NOT_RUN: (
        rf"{_CHECKER}(?: checks?| job)? (?:is |are |still |keeps? )*(?:fail\w*|red|broken|complain\w*)\b",
        r"please run (?:the |our )?(?:`[^`]+`|linters?|formatter|tests?|test suite|checks?|pre-commit|mypy|ruff|black)",
    ),
    Cause.INCOMPLETE: (
        r"(?:incomplete|half[- ]done)\b",
        r"you (?:forgot|missed)\b",
        r"(?:only|just) (?:fixes|handles|covers)\b",
        rf"{_NOT} (?:handle|cover|support|address)\b",
    ),
    Cause.WRONG_BEHAVIOUR: (
        r"(?:this|that|it|which|change|code|result|logic) (?:is|are) (?:just |simply |plain )?(?:wrong|incorrect)\b",
        r"(?:this|that|it|which|change) (?:breaks|broke|crashe[sd])\b",
        r"regression\b(?! tests?)",
        rf"(?:this|that|it|change|fix) {_NOT} (?:work|fix)\b",
        r"wrong (?:result|output|value|behaviou?r|answer)\b",
    ),
}
_REVERT_PHRASES = {
    Cause.WRONG_BEHAVIOUR: (
        r"(?:breaks?|broke|broken|breaking|regress\w*|crash\w*|wrong|incorrect\w*|fail(?:s|ed|ing|ures?)?)\b",
        r"caus(?:es?|ed|ing) (?:\w+ ){0,2}(?:errors?|issues?|problems?|bugs?|exceptions?)\b",
    ),
    Cause.PLANS_CHANGED: (
        r"no longer (?:need(?:ed)?|want(?:ed)?)\b",
        r"(?:we|i)(?:'ve| have)? decided (?:not to|against)\b",
    ),
}
_COMMIT_PHRASES = {
    Cause.WEAK_TESTS: (rf"(?:add|improve|extend|strengthen)(?:ed|s)? (?:\w+ ){{0,2}}?{_TESTS}",),
    Cause.CHECKS_NOT_RUN: (
        rf"(?:fix(?:ed)? |run |apply )?(?:the )?(?:{_CHECKER}|black)(?: (?:errors?|issues?|failures?|fix(?:es)?))?\s*$",
    ),
}

REVIEWER_RULES = _compile_rules(_SUPERSESSION_PHRASES | _CANCELLATION_PHRASES | _AGENT_FAULT_PHRASES)
"""For a sentence by somebody with write access."""
BOT_RULES = _compile_rules(_SUPERSESSION_PHRASES)
"""For what a bot writes when it closes a pull request."""
REVERT_RULES = _compile_rules(_REVERT_PHRASES)
"""For the reason that a reverting commit gives."""
COMMIT_RULES = _compile_rules(_COMMIT_PHRASES, start="^" + _SCOPE)
"""For the subject of a person's commit on top of the agent's."""
IRRELEVANT_SENTENCE = re.compile(
    r"\b(?:no need|not (?:needed|necessary)|lgtm|thanks? (?:for|you)|nice|great|optional|nit)\b", re.IGNORECASE
)
"""A sentence with one of these words does not say why a change came back."""
