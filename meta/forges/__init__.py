"""What goes out to the places where code is reviewed, and what comes back.

`github` is the only forge so far. To add another, such as GitLab, put its package beside it: deliver an issue as a pull
request (`delivery`), publish a proposal (`publication`), read what people decide about it (`proposal_feedback`), and
let a mention start the work (`trigger`). Forges import look, proposals and workers, never nights.
"""
