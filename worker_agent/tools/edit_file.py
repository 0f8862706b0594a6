import os
import re


def edit_file(path: str, old: str, new: str) -> str:
    """Replace one passage of a file. If `old` is empty, create the file.

    Args:
        path: path relative to the repository's root
        old: the passage to replace, copied exactly, long enough to appear only once in the file
        new: the text that replaces it
    """
    if not old:
        if os.path.exists(path) and read(path)[0].strip():
            raise ValueError(f"{path} already exists; pass the passage to replace as `old`")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write(path, new, "utf-8")
        return f"created {path}"
    text, encoding = read(path)
    hits = list(re.finditer(LINE_END.join(re.escape(line) for line in re.split(LINE_END, old)), text))
    if len(hits) != 1:
        raise ValueError(f"`old` appears {len(hits)} times in {path}; it must appear exactly once")
    start, end = hits[0].span()
    if "\r" not in old + new or text[start:end] != old:  # `new` ends its lines as the file does
        near = re.search(LINE_END, text[start:]) or re.search(LINE_END, text)
        new = re.sub(LINE_END, near[0] if near else "\n", new)
    write(path, text[:start] + new + text[end:], encoding)
    return f"changed {path}"


LINE_END = r"(?:\r\n|\n|\r)"


def read(path):
    """Return a file's text, and the encoding that gives exactly its bytes."""
    with open(path, "rb") as file:
        data = file.read()
    marks = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
    for encoding in (*(name for mark, name in marks.items() if data.startswith(mark)), "utf-8"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def write(path, text, encoding):
    data = text.encode(encoding)
    with open(path, "wb") as file:
        file.write(data)
