import os


def edit_file(path: str, old: str, new: str) -> str:
    """Replace one passage of a file. If `old` is empty, create the file.

    Args:
        path: path relative to the repository's root
        old: the passage to replace, copied exactly, long enough to appear only once in the file
        new: the text that replaces it
    """
    if not old:
        if os.path.exists(path) and read(path).strip():
            raise ValueError(f"{path} already exists; pass the passage to replace as `old`")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write(path, new)
        return f"created {path}"
    text = read(path)
    count = text.count(old)
    if count != 1:
        raise ValueError(f"`old` appears {count} times in {path}; it must appear exactly once")
    write(path, text.replace(old, new))
    return f"changed {path}"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
