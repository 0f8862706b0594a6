"""How tools are called without their code ever running beside the key.

    session        outside: starts the host in the sandbox, sends requests, bounds what comes back in time and size
    inside_host    inside: one self-contained file that loads the tools, describes them, and runs them

The process that holds the key never imports a tool: it learns each tool's schema, and gets each result, as text.
To add a request, add it to `answer_request` inside and give it a method outside.
"""
