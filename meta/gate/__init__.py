"""When a change is kept: a test of candidate against incumbent that is right however often one looks.

Pure standard library, no input or output, no clock. `docs/gate.md` says what it promises.
"""
