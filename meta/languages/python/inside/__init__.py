"""Runs in the sandbox, in one process with the tests.

It uses only the standard library and pytest, on Python 3.8 and later. `meta` itself never imports any of it. The folder
is mounted read-only, at the path where it lies.
"""
