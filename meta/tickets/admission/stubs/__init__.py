"""Stubs that solve nothing: they answer what the test compares with, or something that equals anything.

`submission` makes a diff of the merged change with stubs in place of what it changed; `answers` is the code of a stub,
and only ever runs in the sandbox. A ticket that a stub passes is hackable: its verdicts show little.
"""
