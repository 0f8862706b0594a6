"""What keeps secrets in, and keeps what others wrote from doing anything.

    masking         replaces secrets in a text: known values (`known_secrets`) and known shapes (`secret_shapes`)
    terminal_text   shows control characters instead of sending them to a terminal
    inert_text      keeps a text from acting on a forge: no trailers, mentions, closed issues, commands or images
    git_hardening   how git is run on any repository: which settings and variables every command gets
    git_view        reads a repository without its own drivers and attributes

The ground floor: it imports nothing of this project, and `meta`, `worker_agent` and `feedback` all use it. To add the
shape of a secret, add a line to `secret_shapes` and an example to `tests/test_masking.py`.
"""
