"""How git is run on any repository, for the worker, the miner, the grader and feedback alike.

Whatever any configuration says, no command runs a hook, a file system monitor, a pager, an editor, a signing program,
an external diff, a text conversion or a filter; none asks for a password, reaches the network or follows submodules.
Where a caller does not ask for the user's own settings, none of any configuration changes an answer either.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache

NO_PROGRAMS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "sequence.editor": "false",
    "core.askPass": "",
    "core.alternateRefsCommand": "true",
    "credential.helper": "",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "push.gpgSign": "false",
    "gpg.program": "false",
    "log.showSignature": "false",
    "merge.verifySignatures": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "core.protectHFS": "true",  # no spelling of .git is ever written, whatever the file system
    "core.protectNTFS": "true",
}
"""What no setting may bring about, the user's own included."""

NO_NETWORK = {"protocol.allow": "never", "core.sshCommand": "false", "core.gitProxy": "false"}

SAME_ANSWERS = {
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.eol": "native",
    "core.safecrlf": "false",
    "core.quotePath": "true",
    "core.abbrev": "auto",
    "core.bigFileThreshold": "512m",
    "core.splitIndex": "false",
    "core.untrackedCache": "false",
    "core.whitespace": "",
    "apply.whitespace": "warn",
    "apply.ignoreWhitespace": "no",
    "color.ui": "false",
    "color.branch": "false",
    "color.diff": "false",
    "color.grep": "false",
    "color.status": "false",
    "column.ui": "never",
    "diff.algorithm": "myers",
    "diff.colorMoved": "no",
    "diff.context": "3",
    "diff.dstPrefix": "b/",
    "diff.ignoreSubmodules": "none",
    "diff.indentHeuristic": "true",
    "diff.interHunkContext": "0",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "diff.orderFile": os.devnull,
    "diff.relative": "false",
    "diff.renameLimit": "1000",
    "diff.renames": "true",
    "diff.srcPrefix": "a/",
    "diff.submodule": "short",
    "diff.suppressBlankEmpty": "false",
    "diff.wsErrorHighlight": "none",
    "format.notes": "false",
    "format.pretty": "medium",
    "grep.column": "false",
    "grep.extendedRegexp": "false",
    "grep.fullName": "false",
    "grep.lineNumber": "false",
    "grep.patternType": "default",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
    "log.abbrevCommit": "false",
    "log.date": "default",
    "log.decorate": "no",
    "log.diffMerges": "separate",
    "log.follow": "false",
    "log.mailmap": "false",
    "log.showRoot": "true",
    "merge.conflictStyle": "merge",
    "merge.default": "text",
    "merge.directoryRenames": "conflict",
    "merge.renames": "true",
    "merge.renormalize": "false",
    "rerere.enabled": "false",
    "status.renames": "true",
}
"""Git's own defaults, so that no configuration changes an answer."""

DIFF_COMMANDS = ("diff", "diff-index", "diff-tree", "log", "show")
DIFF_OPTIONS = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--diff-algorithm=myers")
"""What a diff driver or a section of one submodule could change in spite of the settings above."""

NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
"""Variables with which git reads neither the system's nor the user's configuration and attributes."""

_OFFLINE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
_KEPT_VARIABLES = ("XDG_CONFIG_HOME", "TMPDIR")
_USER_VARIABLES = ("SSH_AUTH_SOCK", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")


def hardened_options() -> tuple[str, ...]:
    """Return the options of a git that only answers, the same on every machine."""
    return (*config_options(NO_PROGRAMS, NO_NETWORK, SAME_ANSWERS), *trusted_folders())


def hardened_variables() -> dict[str, str]:
    """Return the whole environment of such a git."""
    return clean_variables() | NO_CONFIGURATION | _OFFLINE


def user_options(reach_remote: bool) -> tuple[str, ...]:
    """Return the options of a git that reads the user's settings; `reach_remote` lets it use the network."""
    return config_options(NO_PROGRAMS, {} if reach_remote else NO_NETWORK)


def user_variables() -> dict[str, str]:
    """Return the whole environment of a git that reads the user's settings."""
    return clean_variables() | {name: os.environ[name] for name in _USER_VARIABLES if name in os.environ}


def clean_variables() -> dict[str, str]:
    """Return the variables that every git needs; nothing else of this process's environment reaches it."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": f"{os.devnull}/none",
        "GIT_PAGER": "cat",
    }


def config_options(*settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options that set these settings."""
    return tuple(part for group in settings for name, value in group.items() for part in ("-c", f"{name}={value}"))


@lru_cache(maxsize=1)
def trusted_folders() -> tuple[str, ...]:
    """Return the options that name other users' repositories which this user trusts.

    Git takes `safe.directory` from the user's configuration or the command line, never from the repository's.
    """
    listing = ("git", *config_options(NO_PROGRAMS, NO_NETWORK), "config", "--null", "--get-all", "safe.directory")
    done = subprocess.run(listing, cwd="/", env=user_variables(), capture_output=True, check=False)
    folders = os.fsdecode(done.stdout).split("\0")[:-1]
    return config_options(*({"safe.directory": folder} for folder in folders))
