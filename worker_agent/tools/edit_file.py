from pathlib import Path


def edit_file(path: str, old: str, new: str) -> str:
    """Replace one passage of a file, or create a file when `old` is empty.

    Args:
        path: path relative to the repository's root
        old: the passage to replace, exactly as it stands in the file, long enough to stand there once
        new: what to put in its place
    """
    file = Path(path)
    if not old:
        if file.exists() and file.read_text("utf-8").strip():
            raise ValueError(f"{path} exists; give the passage to replace")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(new, "utf-8")
        return f"created {path}"
    text = file.read_bytes().decode("utf-8")
    count = text.count(old)
    if count != 1:
        raise ValueError(f"the passage stands {count} times in {path}; it must stand there exactly once")
    file.write_bytes(text.replace(old, new).encode("utf-8"))
    return f"changed {path}"
