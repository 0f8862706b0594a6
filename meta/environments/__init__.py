"""Sets up what a repository's code needs: base tree, packages, sandbox, folder.

`Workshop.bench` hands out all four as a `Bench`, for one commit and one `EnvironmentSpec`. Behind it, `environment`
turns the spec into mounts and a path, `builder` makes what is not in the cache yet, `installer` runs uv in a sandbox
with network access, `editable_install` adds the repository itself, `interpreters` finds the Python. `commit_tree` reads
files of a commit without a checkout.

To support another way of installing, add a module beside `builder` and choose it in `environment`.
"""
