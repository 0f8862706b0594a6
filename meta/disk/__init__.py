"""The folder `.meta` and the disk under it.

`cache` knows where in `.meta` everything lies, `scratch` puts workspaces into memory where there is room and clears
away what a killed process has left, and `free_space` refuses to trust what ran on a full disk. Everything here takes
paths and imports errors only.

To keep something new in the cache, give it a property in `cache.Cache`; whatever is there may be deleted at any time.
"""
