"""Finds another value for a literal, written in the same style."""

from __future__ import annotations

import ast
import io
import re
import secrets
import tokenize
from collections.abc import Iterator

from meta.languages.python.alteration.test_module import Splice, TestModule

_STRING = re.compile(r"(?P<head>[A-Za-z]*(?P<quote>'''|\"\"\"|'|\"))(?P<body>.*)(?P=quote)", re.DOTALL)
_ESCAPE_OR_SIGN = re.compile(r"\\(?:x..|u....|U........|N\{[^}]*\}|[0-7]{1,3}|.)|(?P<sign>[A-Za-z0-9])", re.DOTALL)
_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"


def is_literal(node: ast.expr) -> bool:
    """Return whether an expression spells its value out."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(
            k is not None and is_literal(k) and is_literal(v) for k, v in zip(node.keys, node.values, strict=True)
        )
    return isinstance(node, ast.Constant) and node.value is not Ellipsis


def leaves_of(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the constants that an expected value is made of.

    Indices and what stands in comprehensions, lambdas and f-strings are left out: changing them breaks the test
    instead of changing what it expects.
    """
    if isinstance(node, ast.Constant):
        if node.value is not Ellipsis:
            yield node
    elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and is_literal(node):
        yield node
    elif isinstance(node, ast.Dict):
        for child in (*node.keys, *node.values):
            if child is not None:
                yield from leaves_of(child)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for child in node.elts:
            yield from leaves_of(child)
    elif isinstance(node, ast.BinOp):
        yield from leaves_of(node.left)
        yield from leaves_of(node.right)
    elif isinstance(node, ast.Call):
        for child in node.args:
            yield from leaves_of(child)
        for keyword in node.keywords:
            if keyword.arg not in ("rel", "abs", "nan_ok", "places", "delta", "rtol", "atol", "encoding"):
                yield from leaves_of(keyword.value)


def change_literal(module: TestModule, node: ast.expr) -> Splice | None:
    """Return a splice that gives an expected value another one; `None` if it has no literal."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict) and not list(leaves_of(node)):
        empty = {ast.List: b"[7]", ast.Tuple: b"(7,)", ast.Dict: b'{"a": 7}'}.get(type(node))
        return module.replace(node, empty) if empty and is_literal(node) else None
    leaves = list(leaves_of(node))
    if not leaves:
        return None
    leaf = secrets.choice(leaves)
    return module.replace(leaf, _change_constant(module.text(leaf).decode("utf-8")).encode("utf-8"))


def _change_constant(text: str) -> str:
    try:
        value = ast.literal_eval(text if "\n" not in text else f"({text})")
    except (ValueError, SyntaxError):
        return f"[{text}]"
    if value is None or isinstance(value, bool):
        return "True" if value is False else "False"
    if isinstance(value, int | float | complex):
        return repr(value + 1 + secrets.randbelow(9) if abs(value) < 1e12 else value * (2 + secrets.randbelow(8)))
    return _change_string(text, value)


def _change_string(text: str, value: str | bytes) -> str:
    """Change one letter or digit of a string, or add one, and leave its quotes."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(f"({text})").readline))
    except (tokenize.TokenError, SyntaxError):
        return f"[{text}]"
    strings = [t.string for t in tokens if t.type == tokenize.STRING]
    chosen = secrets.choice(strings)
    match = _STRING.fullmatch(chosen)
    if match is None:
        return f"[{text}]"
    head, body = match["head"], match["body"]
    signs = [m.start() for m in _ESCAPE_OR_SIGN.finditer(body) if m["sign"]]
    if signs:
        place = secrets.choice(signs)
        new = body[:place] + change_sign(body[place]) + body[place + 1 :]
    else:
        new = body + secrets.choice(_LETTERS)
    return text.replace(chosen, f"{head}{new}{match['quote']}", 1)


def change_sign(sign: str) -> str:
    """Return another letter or digit of the same kind."""
    signs = _DIGITS if sign.isdigit() else _LETTERS.upper() if sign.isupper() else _LETTERS
    return secrets.choice(signs.replace(sign, ""))
