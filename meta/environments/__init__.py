"""Sets up what a repository's code needs: base tree, packages, sandbox, folder.

`Workshop.bench` hands out all four as a `Bench`, for one commit and one `EnvironmentSpec`. Behind it, `environment`
turns the spec into mounts and a path, `builder` makes what is not in the cache yet, `installer` says what uv has to do,
`editable_install` adds the repository itself, `interpreters` finds the Python. `commit_tree` reads files of a commit
without a checkout. `fault` decides whether an error on a bench is the machine's or that of what ran there.

A build runs code of the repository and of packages, so it happens in a `build_sandbox` (with the scripts in `inside/`),
which writes to one environment, and whose only way out are the person's package indexes, through the proxy in `index/`.

To support another way of installing, add a module beside `builder` and choose it in `environment`.
"""
