"""Files that are written for a person to keep, from a package's `templates`."""

from __future__ import annotations

import re
from importlib.resources import files


def fill_template(package: str, name: str, **values: object) -> str:
    """Return a template with these values in place of names such as @FOLDER@."""
    text = files(package).joinpath("templates", name).read_text("utf-8")
    return re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1].lower()]), text)
