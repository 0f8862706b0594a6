"""The command line: arguments in, one call, text or JSON out.

`command_list` names every command, its line of help and its function; `entry` runs one and turns errors into exit
codes; the `*_commands` files hold the functions by topic, with options from `options`. A function opens what it needs
with `meta.app`, calls one room, and prints what `meta.look` makes of the result. Questions to a person and exit codes
are nowhere else. Whatever is slow is imported inside the function that needs it: start-up time is a feature.
To add a command, write its function and add a line to `command_list`.
"""
