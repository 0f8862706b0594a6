"""Runs pytest, and finds out what a Python project needs to be tested.

A run: `pytest_run` adds `bait` to the test files, starts `inside/` in the sandbox, and hears of each test through the
`report_pipe`. What comes back is read without the bait; good news counts only if all bait was caught. Beside it, in
another process and workspace, run the same tests after an `alteration`, and have to fail.

A project's needs: `declared_packages`, `imported_packages` and `pytest_plugins` read a commit, and `requirements` makes
an `EnvironmentSpec` of them. What is declared lies in `project_tables` (pyproject.toml, setup.cfg, setup.py; Poetry's
through `poetry_tables`), in `requirement_files`, and in `tool_files` (tox, Pipenv, conda). `test_files` knows which
files are tests and which ones steer them.
"""
