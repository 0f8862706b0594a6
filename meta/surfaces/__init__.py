"""Versions of what the optimiser may edit: settings, prompts and tools.

    versions      a version: a commit, with the surface's files laid out in a folder named by their hash
    commits       reads and writes commits as git objects, without an index or working tree
    agent_toml    changes one setting in an agent.toml
    starter       creates a first agent, for a team without one

An edit (`Changes`, texts by path) is laid out on a parent version, committed on top of it, kept under a ref, and, if
the gate keeps it, put on a branch for a person. To let the optimiser edit another kind of file, add it to
`SURFACE_PARTS` and read it in `worker_agent.surface`. To keep versions somewhere other than in git, implement
`VersionHistory`.
"""
