from pathlib import Path


def read_file(path: str, start: int = 1, end: int = 400) -> str:
    """Read a text file, with line numbers. For a folder, list it.

    Args:
        path: path relative to the repository's root
        start: first line to show, from 1
        end: last line to show
    """
    file = Path(path)
    if file.is_dir():
        return "\n".join(sorted(p.name + ("/" if p.is_dir() else "") for p in file.iterdir() if p.name != ".git"))
    lines = file.read_text("utf-8", "replace").splitlines()
    shown = [f"{n:5}  {line}" for n, line in enumerate(lines, 1) if start <= n <= end]
    if len(lines) > end:
        shown.append(f"[{len(lines) - end} more lines]")
    return "\n".join(shown)
