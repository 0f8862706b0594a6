import os
import re

SKIP = {".git", "__pycache__", "node_modules", ".venv", ".tox"}


def search(pattern: str, path: str = ".", most: int = 60) -> str:
    """Search files for a regular expression. Returns matching lines as path:line: text.

    Args:
        pattern: a Python regular expression
        path: file or folder to search, relative to the repository's root
        most: maximum number of matches to return
    """
    wanted, found = re.compile(pattern), []
    for file in files(path):
        try:
            with open(file, encoding="utf-8") as lines:
                found += [
                    f"{file}:{n}: {line.rstrip()[:300]}" for n, line in enumerate(lines, 1) if wanted.search(line)
                ]
        except (UnicodeDecodeError, OSError):
            continue
        if len(found) > most:
            return "\n".join([*found[:most], "[more matches; narrow the pattern or the path]"])
    return "\n".join(found) or "no matches"


def files(path):
    if os.path.isfile(path):
        yield path
    for folder, names, found in os.walk(path):
        names[:] = sorted(n for n in names if n not in SKIP)
        yield from (os.path.normpath(os.path.join(folder, f)) for f in sorted(found))
