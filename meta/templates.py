"""Files that are written for a person to keep: texts in a package's folder `templates`, filled in by name."""

from __future__ import annotations

import re
from importlib.resources import files


def fill_template(package: str, name: str, **values: object) -> str:
    """The text of a template, with these values in place of the names between @ signs, such as @FOLDER@."""
    text = files(package).joinpath("templates", name).read_text("utf-8")
    return re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1].lower()]), text)
