"""Every model call passes here, to be priced, capped and recorded.

    models           hands out the worker's and the proposer's model; explains the service's errors
    metered_model    a model that says on whose behalf, and for which replay, it is called
    call_budget      sets the most that a call can cost aside before it, and settles the ledger after it

The ledger is `meta.store.calls`. To add a role, add it to `models.ModelRole` and call `Models.proposer(role)`.
"""
