"""The built-in example: a project with a past, reviews, an agent and a stand-in.

`setup` makes the folders on the spot, with the same git hashes every time: `past` writes the project's history from the
changes in `changes/*.md`, `reviews` an export of what reviewers said, `demo_tickets` the tickets. `standin` serves a
scripted model on loopback. `tour` runs the whole loop on it and tells the story to whoever hands it a printer.
To add a change, add a file to `changes/`; both the history and the stand-in read it.
"""
