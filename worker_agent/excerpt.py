"""What a model without tools sees of a repository.

That is the list of its files, and the contents of those that are relevant to the brief.
"""

from __future__ import annotations

import re
from collections import Counter

from worker_agent.records import Brief
from worker_agent.text_file import decode_file
from worker_agent.tool_host.session import ToolSession

_SOURCE_FILE = re.compile(r"\.(py|pyi|toml|cfg|ini|md|rst|txt|js|ts|go|rs|c|h|java|rb)$")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_MAX_LISTED_FILES = 400
_MAX_FILE_CHARS = 60_000


def repository_excerpt(brief: Brief, session: ToolSession, limit: int) -> tuple[str, str]:
    """Return the excerpt, and the path of its most relevant file.

    The excerpt is the file list and the contents of the files most relevant to the brief, at most `limit` characters of
    contents. A file is the more relevant, the more of the brief's rarer words it contains (inverse document frequency),
    and more so if the brief names it. The path is empty if no file is relevant.
    """
    files = session.files()
    found = {p: session.read(p) for p in files if _SOURCE_FILE.search(p)}
    texts = {p: _shown_text(data)[:_MAX_FILE_CHARS] for p, data in found.items() if data is not None}
    words = {p: set(_WORD.findall(t.lower())) | set(_WORD.findall(p.lower())) for p, t in texts.items()}
    files_with = Counter(w for found in words.values() for w in found)
    asked = set(_WORD.findall(brief.text.lower()))

    def relevance(path: str) -> float:
        score = sum(1.0 / files_with[w] for w in asked & words[path])
        name = path.rsplit("/", 1)[-1]
        if path in brief.text or re.search(rf"\b{re.escape(name.rsplit('.', 1)[0])}\b", brief.text):
            score += 3.0
        if not path.endswith(".py") or re.search(r"(^|/)tests?/|test_", path):
            score *= 0.3
        return score

    parts = ["Files:\n" + "\n".join(files[:_MAX_LISTED_FILES]) + ("\n..." if len(files) > _MAX_LISTED_FILES else "")]
    left, most_relevant = limit, ""
    for path in sorted(texts, key=relevance, reverse=True):
        if relevance(path) <= 0 or len(texts[path]) > left:
            continue
        left -= len(texts[path])
        most_relevant = most_relevant or path
        parts.append(f"{path}\n```\n{texts[path].rstrip()}\n```")
    return "\n\n".join(parts), most_relevant


def _shown_text(data: bytes) -> str:
    return decode_file(data).text.replace("\r\n", "\n").replace("\r", "\n")
