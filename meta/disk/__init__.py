"""The folder `.meta` and the disk under it.

    cache         where everything in `.meta` is
    scratch       workspaces, in memory if there is room; removes what a killed process left behind
    free_space    raises an error on a full disk, so that nobody trusts what ran there

Everything here takes paths and knows nothing of replays. To keep something new in the cache, give it a property in
`cache.Cache`; anything in the cache may be deleted whenever no command runs.
"""
