"""The coding agent: a ticket goes in, one submission comes out.

A leaf: it imports neither `meta` nor `feedback`, and `python -m worker_agent TICKET.md` runs it on its own.

    surface            agent.toml, prompts/ and tools/, read and validated: what the optimiser may edit
    workspace          a base commit's tree in a fresh repository; `submission_diff` takes the diff that a run leaves
    agent              the loop: ask the model (`model`), act on the reply (`conversation`), check the `objective`
    answer             reads what the model service sends; `wire_messages` makes what it gets legal
    edit_blocks        edits in a model's text, and how they change a file's bytes (`text_file`)
    tool_host          loads and runs the tools inside the sandbox, one process a run
    sandbox            where every command runs that the agent wrote, chose or asked for
    branch             a submission as a branch with one commit
    git                the one place that runs git, for this package and for `meta`
    foreign_tree       reads, changes and removes files that foreign code may have left, without following a link
    machine_error      tells errors of the machine from those that what ran on it can cause
    storable           makes foreign text, numbers and JSON fit to be stored and printed

Data passes as the frozen values of `records`: `Brief` and `Limits` in, `Submission` out, `Event`s to the transcript.
To add a tool, write `tools/NAME.py` with one function NAME, and name it in agent.toml. To add a way to talk with a
model, write another `Conversation`.
"""
