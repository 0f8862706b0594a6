"""What runs in the sandbox, in one process with the tests: standard library and pytest only, Python 3.8 and later.

Nothing of it is ever imported by `meta` itself. The folder is mounted read-only where it lies.
"""
