import os


def read_file(path: str, start: int = 1, end: int = 400) -> str:
    """Read a text file, with line numbers, or list a folder.

    Args:
        path: path relative to the repository's root
        start: first line to show, from 1
        end: last line to show
    """
    if os.path.isdir(path):
        entries = [entry for entry in os.scandir(path) if entry.name != ".git"]
        return "\n".join(sorted(entry.name + ("/" if entry.is_dir() else "") for entry in entries))
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    lines = text.removesuffix("\n").split("\n") if text else []
    shown = [f"{n:5}  {line}" for n, line in enumerate(lines, 1) if start <= n <= end]
    if len(lines) > end:
        shown.append(f"[{len(lines) - end} more lines]")
    return "\n".join(shown)
