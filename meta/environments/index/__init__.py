"""Lets a sandbox without network install packages, from the person's package indexes and nowhere else.

`index_settings` reads which indexes those are, with their passwords: uv's and pip's variables and files, and `.netrc`.
`proxy` answers on a unix socket outside the sandbox. It asks the real index, adds the password, and rewrites the links
of each page so that files come through it too. `pages` does the rewriting; `guarded_transport` decides which addresses
may be connected to. Inside, `inside/forward.py` leads a port of the sandbox's own loopback to the socket.
"""
