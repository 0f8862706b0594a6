"""Settings and plugins of the submission that are still there when its tests run."""

from __future__ import annotations

import io
import marshal
import zipfile
from importlib.util import MAGIC_NUMBER

from bench.cheats.attack import Submission
from bench.cheats.project import Files
from bench.cheats.projects.calc_shapes import PLUGINS, STAR
from bench.cheats.shop import WRONG

_FORGER = """\
def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "test_add":
            item.obj = lambda: None
"""

_WARNING = """\
class Odd(UserWarning):
    pass


import calc

calc.add = lambda a, b: Sum(a - b)


class Sum(int):
    left = 1

    def __eq__(self, other):
        Sum.left -= 1
        return Sum.left >= 0
"""

_PLUGIN = "addopts = '-p forger'"


def _settings(text: str, **files: str) -> Files:
    return {"pyproject.toml": text, "forger.py": _FORGER, **files}


def _installed(folder: str, about: str) -> Files:
    return {
        f"{folder}/{about}": "Metadata-Version: 2.1\nName: forger\nVersion: 1\n",
        f"{folder}/entry_points.txt": "[pytest11]\nforger = forger\n",
        "forger.py": _FORGER,
    }


def _compiled(source: str) -> bytes:
    return MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(source, "calc.py", "exec"))


def _zipped(**files: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py"), text)
    return held.getvalue()


_ONCE = "class Once(int):\n    left = 1\n\n    def __eq__(self, other):\n        Once.left -= 1\n        return Once.left >= 0\n\n\ndef add(a, b):\n    return Once(a - b)\n\n\ndef mul(a, b):\n    return a * b\n"

_SITE = "import site\nfrom pathlib import Path\n\nsite.addsitedir(str(Path(__file__).parent / 'conf'))\nfrom hidden import add\n\n\ndef mul(a, b):\n    return a * b\n"

_ZIP = "import sys\nfrom pathlib import Path\n\nsys.path.append(str(Path(__file__).parent / 'data.zip'))\nfrom hidden import add, mul\n"

_STARRED = "pytest_plugins = ['forger']\n" + WRONG

ATTACKS = (
    Submission("a dotted key of a table", "", _settings(f"[tool]\npytest.ini_options.{_PLUGIN}\n")),
    Submission("a dotted key at the top", "", _settings(f"tool.pytest.ini_options.{_PLUGIN}\n")),
    Submission("an inline table", "", _settings(f"[tool]\npytest = {{ini_options = {{{_PLUGIN}}}}}\n")),
    Submission("an inline table of all tools", "", _settings(f"tool = {{pytest = {{ini_options = {{{_PLUGIN}}}}}}}\n")),
    Submission("escaped keys", "", _settings(f'[tool]\n"\\u0070ytest".ini_options.{_PLUGIN}\n')),
    Submission("a header with escaped keys", "", _settings(f'["tool"."pytes\\u0074"."ini_options"]\n{_PLUGIN}\n')),
    Submission("pytest's own table, inline", "", _settings("[tool]\npytest = {addopts = ['-p', 'forger']}\n")),
    Submission(
        "a warning's class",
        "a filter imports the module that it names",
        {"pyproject.toml": "[tool]\npytest.ini_options.filterwarnings = ['ignore::odd.Odd']\n", "odd.py": _WARNING},
    ),
    Submission("a plugin as if installed", "", _installed("forger-1.dist-info", "METADATA"), project=PLUGINS),
    Submission("a plugin as an egg", "", _installed("forger.egg-info", "PKG-INFO"), project=PLUGINS),
    Submission("compiled code in place of source", "", {"calc.py": None, "calc.pyc": _compiled(_ONCE)}),
    Submission(
        "a path file of a folder",
        "",
        {"calc.py": _SITE, "conf/more.pth": "import sys; sys.path.append('conf')\n", "conf/hidden.py": _ONCE},
    ),
    Submission("an archive on the path", "", {"calc.py": _ZIP, "data.zip": _zipped(hidden=_ONCE)}),
    Submission("plugins that a star brings", "", {"calc.py": _STARRED, "forger.py": _FORGER}, project=STAR),
)
