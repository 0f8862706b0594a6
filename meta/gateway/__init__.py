"""Every call of a model passes here: it is priced, held against the caps of the night, and written down.

`models` hands out the worker's and the proposer's model; each is a `metered_model`, which says for whom and for which
replay it asks; `call_budget` sets aside the most that a call may cost before it is made, and settles it in the ledger
(`meta.store.calls`) afterwards. What the service's errors mean to a person is said once, in
`models.explain_service_errors`.

To add a role, add it to `models.ModelRole` and ask for `Models.proposer(role)`.
"""
