"""The text protocol: the two forms in which a model writes a change in its reply.

    path/to/file.py                         path/to/file.py
    ```python                               ```
    the whole new file                      <<<<<<< SEARCH
    ```                                     lines that occur once in the file
                                            =======
                                            lines to put in their place
                                            >>>>>>> REPLACE
                                            ```

The fence around a passage may be missing, and several passages may follow one path. Weaker models vary the form: a
path inside its own fence is still a path, and a passage that was cut short is kept with `is_complete=False`, so that
the model can be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker_agent.text_file import keep_line_ends, replace_passage, split_lines

_PATH = re.compile(
    r"^(?:#+ |\*\*|- )?(?:[Ff]ile(?:name)?:? ?)?[`*]*"
    r"(?P<path>[\w.+-]+(?:/[\w.+-]+)*(?:\.\w+|/[\w.+-]+|file))[`*]*:?[`*]*$"
)
_SEARCH, _MIDDLE, _REPLACE = re.compile(r"^<{5,9} ?SEARCH"), re.compile(r"^={5,9}$"), re.compile(r"^>{5,9} ?REPLACE")


@dataclass(frozen=True)
class EditBlock:
    """Writes `new_text` to `path`: the whole file, or in place of `old_text`.

    `is_complete` is false where the passage breaks off, as it does when the reply reached its limit.
    """

    path: str
    new_text: str
    old_text: str | None = None
    is_complete: bool = True

    def apply(self, text: str | None) -> str | None:
        """Return the file's text with the edit made; `text` is `None` for a new file.

        `None` unless the passage to replace occurs exactly once.
        """
        if self.old_text is None:
            return self.new_text if text is None else keep_line_ends(text, self.new_text)
        return None if text is None else replace_passage(text, self.old_text, self.new_text)


def parse_blocks(reply: str) -> list[EditBlock]:
    """Return the edits in a reply, in order."""
    return [part for part in _split_reply(reply) if isinstance(part, EditBlock)]


def strip_blocks(reply: str) -> str:
    """Return what the reply says besides its edits: the summary for the reviewer."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(p for p in _split_reply(reply) if isinstance(p, str))).strip()


def _split_reply(reply: str) -> Iterator[str | EditBlock]:
    """Yield the edits in a reply, and the lines between them."""
    lines, at, path = reply.split("\n"), 0, None
    new_path = False  # a whole file must follow its path directly, or any later example would overwrite it
    while at < len(lines):
        line = lines[at].rstrip()
        if _SEARCH.match(line) and path:
            old, at = _take_until(_MIDDLE, lines, at + 1)
            new, at = _take_until(_REPLACE, lines, at)
            new_path = False
            yield EditBlock(path, new, old, is_complete=at <= len(lines))
        elif line.startswith("```") and path:
            if at + 1 < len(lines) and _SEARCH.match(lines[at + 1]):
                at += 1  # the fence only wraps passages
            elif line == "```" and at and _REPLACE.match(lines[at - 1]):
                at += 1  # and here it ends
            elif new_path and line == "```" and at > 1 and lines[at - 2].startswith("```"):
                at, new_path = at + 1, _begins_edit(lines, at + 1)  # the path had its own fence
            elif new_path:
                whole, at = _take_until(re.compile(r"^```\s*$"), lines, at + 1)
                yield EditBlock(path, whole)
                path = None
            else:
                path = None
        elif (named := _PATH.match(line)) and _begins_edit(lines, at + 1):
            path, at, new_path = named["path"], at + 1, True
        else:
            yield lines[at]
            at += 1


def _begins_edit(lines: list[str], at: int) -> bool:
    """Whether an edit begins here, after any blank lines.

    If so, the line before it is a path.
    """
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at < len(lines) and (lines[at].startswith("```") or bool(_SEARCH.match(lines[at])))


def _take_until(end: re.Pattern[str], lines: list[str], at: int) -> tuple[str, int]:
    """Return the lines from `at` up to the one that matches `end`, as text.

    Also returns the number of the line after that one.
    """
    taken = []
    while at < len(lines) and not end.match(lines[at].rstrip()):
        taken.append(lines[at] + "\n")
        at += 1
    return "".join(taken), at + 1


def find_similar_passage(text: str, old: str) -> str:
    """Return the passage of `text` that is most similar to `old`, of as many lines.

    Empty if they share no word.
    """
    lines, wanted = ([line.rstrip("\r\n") for line in split_lines(each)] for each in (text, old))
    if not lines or not wanted or len(lines) > 5000:
        return ""
    bags = [set(line.split()) for line in lines]
    words = set(old.split())

    def shared_words(start: int) -> int:
        return len(words & set().union(*bags[start : start + len(wanted)]))

    best = max(range(max(1, len(lines) - len(wanted) + 1)), key=shared_words)
    return "\n".join(lines[best : best + len(wanted)]) if shared_words(best) else ""
