"""The stand-in for the model: a server on loopback that speaks the Messages API and answers by fixed rules.

It is no model. It plays two roles, told apart by what is on the wire: the engineer who works on a ticket (`engineer`),
and the one who proposes edits of the engineer's prompts (`proposer`). What the engineer can write for each of the
demo's tickets it knows beforehand (`knowledge`); which of it it writes depends on the prompts, the tools, what the
tools have shown, and a seeded amount of luck (`luck`), and on nothing else:

    what the prompts say (`habits`)             what the stand-in does
    read CONTRIBUTING, the house rules, ...     reads them first; follows a rule that it has read
    (nothing of the kind)                       does not look; one replay in twelve it does all the same
    stay narrow, only what is asked, ...        leaves alone what the ticket does not speak of
    (nothing of the kind)                       improves something else as well; one replay in twelve it does not
    keep to one file                            edits the first file only, however many the ticket needs
    run the tests                               runs them, and mends what it sees fail
    be careful, double-check, an expert, ...    the same as without

One replay in twelve it makes a small mistake. Whether a change is good is decided by the tests, never here.
"""
