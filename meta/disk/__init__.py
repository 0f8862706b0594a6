"""The folder `.meta` and the disk under it.

`cache` knows where in `.meta` everything lies, `scratch` puts workspaces into memory where there is room, and
`free_space` refuses to trust what ran on a full disk. Everything here takes paths and imports errors only.
"""
