"""Pages and tables: all that a person reads beyond a single line.

A function here takes records and returns text; it opens nothing and prints nothing. The commands in `meta.cli` print
what it returns. To add a page, write one function from its record to its text, and a command that gets that record.
"""
