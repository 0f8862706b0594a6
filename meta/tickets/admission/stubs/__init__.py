"""Stubs that solve nothing: they answer what the test compares with, or something that equals anything.

`submission` makes a submission of the merged change, with stubs in place of the functions that it changed. `stub_code`
is what a stub does, and only ever runs in the sandbox. A ticket that a stub passes is hackable: its verdicts show
little.
"""
