"""One replay from start to verdict: environment, protected files, test run, grader."""
