"""Makes what models, tools and programs wrote fit to be stored, printed and sent between processes.

Text may hold halves of surrogate pairs, numbers may have a thousand digits, and JSON may be nested as deep. All of it
stays readable.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

MAX_DEPTH = 100
"""What is nested deeper is left out; Python's own functions end at a thousand levels."""

MAX_BITS = 1000

MAX_NUMBER = 10**12
"""Nothing here is counted in larger numbers. Millions of these can still be added up in 64 bits."""


def storable_text(text: Any) -> Any:
    """Return text that is valid UTF-8: what is not is written out, as in `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(text, str) else text


StorableText = Annotated[str, BeforeValidator(storable_text)]
"""Text that somebody else wrote."""


def _limit_number(number: float) -> float | None:
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return max(-MAX_NUMBER, min(number, MAX_NUMBER))


StorableCount = Annotated[int, AfterValidator(_limit_number)]
"""A count that somebody else reported."""

StorableAmount = Annotated[float | None, AfterValidator(lambda amount: amount and _limit_number(amount))]
"""An amount computed from such counts; `None` if it is not finite."""


def storable_json(value: Any, depth: int = 0) -> Any:
    """Return a value that every JSON reader takes, as like the given one as can be."""
    if isinstance(value, str):
        return storable_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _limit_number(value) == value else _describe_number(value)
    if depth > MAX_DEPTH:
        return f"(nested more than {MAX_DEPTH} deep)"
    if isinstance(value, dict):
        return {storable_text(str(key)): storable_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(inner, depth + 1) for inner in value]
    return storable_text(repr(value))


def _describe_number(number: float) -> str:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        return f"(a number of {number.bit_length()} bits)"
    return str(number)
