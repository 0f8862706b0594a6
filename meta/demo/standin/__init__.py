"""Stands in for the model: a loopback server that answers by fixed rules.

It speaks the Messages API but has no model behind it. It plays two roles, told apart by the request: the engineer who
works on a ticket (`engineer`), and the one who proposes edits of the engineer's prompts (`edit_writer`). The engineer
knows beforehand what can be written for each of the demo's tickets (`knowledge`). What it does write depends on the
prompts, the tools, what the tools have shown, and seeded luck (`luck`), and on nothing else:

    what the prompts say (`habits`)             what the stand-in does
    read CONTRIBUTING, the house rules, ...     reads them first; follows a rule that it has read
    (nothing of the kind)                       does not look, except in one replay in twelve
    stay narrow, only what is asked, ...        leaves alone what the ticket does not mention
    (nothing of the kind)                       improves something else too, except in one replay in twelve
    keep to one file                            edits only the first file, however many the ticket needs
    run the tests                               runs them, and fixes what it sees fail
    be careful, double-check, an expert, ...    the same as without

In one replay in twelve it makes a small mistake. The tests decide whether a change is good, never this package.
"""
