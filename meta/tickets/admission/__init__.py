"""Decides which tickets may be replayed: their grader must tell right from wrong.

`proof` runs gold, base and the rejected diff of one ticket through the real grader; `queue` is the door for tickets
that wait in the store, and tries several at a time. `reliable_tests` leaves out tests that are flaky, slow or
dependent on their order. `hardness` lets `stubs/` try the ticket, and protects the files that its tests read.
`check_selection` adds the acceptance checks that the merged change passes, and `review_drafts` asks a model for checks
where tests see no difference. `quarantine` grades each trial run; `NotAdmissible` carries the reason why a ticket is
quarantined. `lost_tickets` quarantines tickets whose commit is gone.
"""
