"""Versions of what the optimiser may edit: settings, prompts and tools.

    versions      a version: a commit, and the surface's files as committed there, laid out under their own hash
    commits       reads and writes commits of the agent's repository as objects alone
    agent_toml    changes one setting of an agent.toml

An edit (`Changes`, texts by path) is laid out on a parent version, committed on top of it, kept under a ref, and at the
end put on a branch for a person. To let the optimiser edit another kind of file, name it in `SURFACE_PARTS` and read it
in `worker_agent.surface`; versions kept elsewhere than in git are another `VersionHistory`.
"""
