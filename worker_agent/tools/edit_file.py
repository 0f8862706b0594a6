import os


def edit_file(path: str, old: str, new: str) -> str:
    """Replace one passage of a file, or create a file when `old` is empty.

    Args:
        path: path relative to the repository's root
        old: the passage to replace, exactly as it stands in the file, long enough to stand there once
        new: what to put in its place
    """
    if not old:
        if os.path.exists(path) and read(path).strip():
            raise ValueError(f"{path} exists; give the passage to replace")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write(path, new)
        return f"created {path}"
    text = read(path)
    count = text.count(old)
    if count != 1:
        raise ValueError(f"the passage stands {count} times in {path}; it must stand there exactly once")
    write(path, text.replace(old, new))
    return f"changed {path}"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
