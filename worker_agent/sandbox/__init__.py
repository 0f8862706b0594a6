"""Where all code runs that the agent wrote, chose or asked for.

No network, an empty environment, only the workspace writable, no capabilities; limits on time, memory, processes, file
size and output. Everything that a job started is killed when it ends.

    job            what to run and how much it may use (`SandboxJob`, `SandboxLimits`), and the `Sandbox` protocol
    process        starts a job, reads its output, kills it
    warden         a thread that kills jobs whose process tree exceeds its limits
    bubblewrap, container, unsandboxed      the three implementations of `Sandbox`
    discovery      finds the sandbox that the settings name, and tries it once
    namespaces     says what to do where the machine allows no sandbox

A `SandboxJob` goes in. The sandbox turns it into a command line; `process.run_job` runs that and returns a `JobResult`.
To add a kind of isolation, implement `Sandbox` in a new module and name it in `discovery`; `meta.doctor.breakout` then
shows whether it holds.
"""
