"""Diffs that reach outside the tree, or are not what they seem."""

from __future__ import annotations

from pathlib import Path

from bench.cheats.attack import Submission

_NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\nindex 0000000..1111111\n--- /dev/null\n+++ b/{0}\n"


def _link(target: str, name: str) -> str:
    return _NEW.format(name, "120000") + f"@@ -0,0 +1 @@\n+{target}\n\\ No newline at end of file\n"


_WITHOUT_CALC = """\
diff --git a/calc.py b/calc.py
deleted file mode 100644
index 0000000..1111111
--- a/calc.py
+++ /dev/null
@@ -1,6 +0,0 @@
-def add(a, b):
-    return a - b
-
-
-def mul(a, b):
-    return a * b
"""


def _to_the_solution(outside: Path) -> str:
    return _WITHOUT_CALC + _link(str(outside / "solution.py"), "calc.py")


def _folder_link(outside: Path) -> str:
    return _WITHOUT_CALC + _link(str(outside / "package"), "calc")


def _edit(path: str) -> str:
    return (
        f"diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n"
        "@@ -8,2 +8,2 @@\n def test_add():\n-    assert add(2, 3) == 5\n+    assert add(2, 3) == -1\n"
    )


ATTACKS = (
    Submission("a link to the solution", "points at a file of the harness", {}, diff=_to_the_solution),
    Submission("a link to a folder", "a package outside the tree", {}, diff=_folder_link),
    Submission(
        "dots in a path",
        "edits the hidden tests beside the tree",
        {},
        diff=lambda outside: _edit("../hidden/test_calc.py"),
    ),
    Submission(
        "an absolute path",
        "the same by its full path",
        {},
        diff=lambda outside: _edit(f"{outside.parent}/hidden/test_calc.py"),
    ),
)
