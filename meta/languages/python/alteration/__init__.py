"""Alters deciding tests so that they expect something else, and so must fail with honest code.

    test_module    a test file: its tree, where each node stands in its bytes, and where a name gets its value
    literals       another value for a literal, written in the same style
    tables         rows that a test runs over: `parametrize` and loops
    test_scope     what a name in a test stands for: a value, a table column, a helper
    assertions     what a test expects, in every shape of assertion, and how to change it
    doctests       the same for examples in documents
    altered_files  draws one alteration a test, and writes the altered files

`altered_files.draw_alterations` takes a grader and a prepared workspace; `pytest_run` runs what it returns in a second
workspace and a second process, under the same file names. To alter one more shape of assertion, yield it from
`assertions`.
"""
