"""What a model that cannot look around is shown of a repository: the list of files, and those the brief speaks of."""

from __future__ import annotations

import re
from collections import Counter

from worker_agent.records import Brief
from worker_agent.tool_host.session import ToolSession

_SOURCE_FILE = re.compile(r"\.(py|pyi|toml|cfg|ini|md|rst|txt|js|ts|go|rs|c|h|java|rb)$")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_MAX_LISTED_FILES = 400
_MAX_FILE_CHARS = 60_000


def repository_excerpt(brief: Brief, session: ToolSession, limit: int) -> tuple[str, str]:
    """File list and the contents of the files most about the brief, at most `limit` characters of contents; and the
    path of the first of them, empty where none is.

    A file is about the brief as far as it holds the brief's rarer words (inverse document frequency), more so when
    the brief names it.
    """
    files = session.files()
    texts = {p: t[:_MAX_FILE_CHARS] for p in files if _SOURCE_FILE.search(p) and (t := session.read(p)) is not None}
    words = {p: set(_WORD.findall(t.lower())) | set(_WORD.findall(p.lower())) for p, t in texts.items()}
    spread = Counter(w for found in words.values() for w in found)
    asked = set(_WORD.findall(brief.text.lower()))

    def about(path: str) -> float:
        score = sum(1.0 / spread[w] for w in asked & words[path])
        name = path.rsplit("/", 1)[-1]
        if path in brief.text or re.search(rf"\b{re.escape(name.rsplit('.', 1)[0])}\b", brief.text):
            score += 3.0
        if not path.endswith(".py") or re.search(r"(^|/)tests?/|test_", path):
            score *= 0.3
        return score

    parts, left = (
        ["Files:\n" + "\n".join(files[:_MAX_LISTED_FILES]) + ("\n..." if len(files) > _MAX_LISTED_FILES else "")],
        limit,
    )
    most_about = ""
    for path in sorted(texts, key=about, reverse=True):
        if about(path) <= 0 or len(texts[path]) > left:
            continue
        left -= len(texts[path])
        most_about = most_about or path
        parts.append(f"{path}\n```\n{texts[path].rstrip()}\n```")
    return "\n\n".join(parts), most_about
