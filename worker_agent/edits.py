"""The text protocol's two forms of a change, as a model writes them in one reply.

path/to/file.py                         path/to/file.py
```python                               <<<<<<< SEARCH
the whole new file                      lines that stand in the file once
```                                     =======
                                        lines to put there
                                        >>>>>>> REPLACE
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Write `new` to `path`; with `old`, in place of the one passage that reads `old`."""

    path: str
    new: str
    old: str | None = None


_PATH = r"(?:\#+\s*|\*\*)?(?:[Ff]ile(?:name)?:?\s*)?`?(?P<path{n}>[\w][\w./+-]*\.\w+|[\w./-]+/[\w.-]+|[A-Z]\w+file)`?(?:\*\*)?:?"
_BLOCK = re.compile(
    rf"^{_PATH.format(n=1)}[ \t]*\n+(?:```\w*\n)?<{{5,9}} ?SEARCH\n(?P<old>.*?)^={{5,9}}\n(?P<put>.*?)^>{{5,9}} ?REPLACE"
    rf"|^{_PATH.format(n=2)}[ \t]*\n+```\w*\n(?P<whole>.*?)^```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def parse(reply: str) -> list[Edit]:
    """The edits of a reply in the order they stand; empty when there are none."""
    found: list[Edit] = []
    path = ""
    for match in _BLOCK.finditer(reply if reply.endswith("\n") else reply + "\n"):
        path = match["path1"] or match["path2"]
        if match["whole"] is not None:
            found.append(Edit(path, match["whole"]))
        else:
            found.append(Edit(path, match["put"], match["old"]))
    return found


def prose(reply: str) -> str:
    """What the reply says beside its edits: the summary for the reviewer."""
    return re.sub(r"\n{3,}", "\n\n", _BLOCK.sub("", reply + "\n")).strip()


def replace_once(text: str, old: str, new: str) -> str | None:
    """`text` with its one passage `old` replaced; `None` when `old` stands there not at all or more than once.

    Trailing blanks are forgiven, since models drop them; an empty `old` means an empty file.
    """
    if not old.strip():
        return new if not text.strip() else None
    if text.count(old) == 1:
        return text.replace(old, new)
    lines, wanted = text.splitlines(keepends=True), [line.rstrip() for line in old.splitlines()]
    hits = [
        i for i in range(len(lines) - len(wanted) + 1)
        if [line.rstrip() for line in lines[i : i + len(wanted)]] == wanted
    ]  # fmt: skip
    if len(hits) != 1:
        return None
    return "".join(lines[: hits[0]]) + new + "".join(lines[hits[0] + len(wanted) :])
