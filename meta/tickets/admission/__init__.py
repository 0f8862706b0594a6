"""Decides which tickets may be replayed: their grader must tell right from wrong.

`queue` takes the tickets that wait, several at a time; `proof` runs gold, base and the rejected diff of one through
the real grader. `reliable_tests` leaves out tests that are flaky, slow or dependent on their order, `check_selection`
adds the acceptance checks that the merged change passes, and `review_drafts` asks a model for checks where tests see
no difference. What fails is quarantined with its reason (`quarantine`). `lost_tickets` quarantines tickets whose
commit is gone.
"""
