"""Runs any command that writes JUnit XML, for tests that pytest does not run.

`junit_run` removes old reports, runs the command in the sandbox and reads what it wrote. Such a verdict is weaker than
pytest's, because the code under test could write the report itself.
"""
