"""Defines the format of a proposer's edits, and reads and writes it.

## Edit: Read the repository's rules first
theme: ignored_convention
hypothesis: The worker breaks conventions because nothing tells it to look for them.
answers: PR #12, PR #15
flips: ticket-3, ticket-9

prompts/system.md
```
from meta.tune.propose.evidence import Complaint, Failure, ProposerEvidence
from safeguards.masking import adds_secret
from worker_agent.edit_blocks import parse_blocks
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from meta.records.candidate import Edit, EditDraft
from meta.tune.propose.evidence import Complaint, Failure, ProposerEvidence
from safeguards.masking import adds_secret
from worker_agent.edit_blocks import parse_blocks

_HEAD = re.compile(r"^##+ Edit:\s*(?P<title>.+)$", re.MULTILINE)
_FIELD = re.compile(r"^(theme|themes|hypothesis|answers|flips):[ \t]*(.*)$", re.MULTILINE | re.IGNORECASE)


def parse_edits(reply: str, surface: dict[str, str]) -> list[EditDraft]:
    """Parse the edits of a reply, and apply them to the surface (path to text)."""
    heads = list(_HEAD.finditer(reply))
    ends = [*(head.start() for head in heads[1:]), len(reply)]
    return [_draft(h["title"].strip(), reply[h.end() : end], surface) for h, end in zip(heads, ends, strict=False)]


def _draft(title: str, body: str, surface: dict[str, str]) -> EditDraft:
    said = {name.lower().rstrip("s"): value.strip() for name, value in _FIELD.findall(body)}
    changes: dict[str, str | None] = {}
    for part in parse_blocks(body):
        path = part.path.removeprefix("worker_agent/")
        before = changes.get(path, surface.get(path))
        if part.old_text is not None and before is None:
            return EditDraft(title, None, f"{path} is not on the surface")
        if (after := part.apply(before)) is None:
            return EditDraft(title, None, f"the SEARCH text must appear exactly once in {path}")
        changes[path] = after
    if not changes:
        return EditDraft(title, None, "it changes no file")
    return draft_edit(
        title,
        changes,
        surface,
        said.get("hypothesi", ""),
        *(_list(said.get(name, "")) for name in ("theme", "answer", "flip")),
    )


def draft_edit(
    title: str,
    changes: dict[str, str | None],
    surface: Mapping[str, str],
    hypothesis: str,
    themes: Sequence[str],
    answers: Sequence[str],
    flips: Sequence[str],
) -> EditDraft:
    """Build an edit of the surface with its claims; without them it could not be refuted.

    One that adds a key or a password is not built, so that it is never stored.
    """
    for path, text in changes.items():
        if adds_secret(surface.get(path, ""), text or ""):
            return EditDraft(title, None, f"{path} would hold a key, a token or a password; leave it out")
    edit = Edit(
        title=title[:120],
        themes=tuple(themes),
        hypothesis=hypothesis[:600],
        answers=tuple(answers),
        flips=tuple(flips),
        changes=changes,
    )
    return EditDraft(title, edit, _unclaimed(edit))


def _unclaimed(edit: Edit) -> str:
    if not edit.themes:
        return "name a theme: the cause it addresses, as named in the evidence"
    if not edit.hypothesis:
        return "state a hypothesis: why the agent fails and why this helps"
    if not edit.flips and len(edit.answers) < 2:
        return "name a failing ticket that this should fix; a single comment is not reason enough"
    return ""


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for raw in text.split(",") if (part := raw.strip().strip("`")))


def render_question(evidence: ProposerEvidence, surface: dict[str, str], most: int) -> str:
    """Render the whole question to a proposer, quoting what people and workers wrote."""
    files = "\n\n".join(f"{path}\n```\n{text.rstrip()}\n```" for path, text in surface.items())
    failures = "\n\n".join(f"### Failed replay {n}\n{_failure(f)}" for n, f in enumerate(evidence.failures, 1))
    complaints = "\n\n".join(
        f"### {cause}: {len(found)} pull requests\n" + "\n".join(_complaint(c) for c in found[:8])
        for cause, found in evidence.complaints.items()
    )
    tried = block_quote("\n".join(f"- {each}" for each in evidence.tried))  # with what people said of proposals
    parts = [
        f"# Surface\n\n{files}",
        f"# What went wrong\n\n## Failed replays on past tickets\n\n{failures or 'none'}",
        f"## What reviewers did, by cause\n\n{complaints or 'nothing recorded'}",
        f"# What passed\n\n{block_quote(', '.join(evidence.passed)) or 'nothing'}",
        f"# Tried before\n\n{tried or 'nothing'}",
        f"# Now\n\nPropose at most {most} edits.",
    ]
    return "\n\n".join(parts)


def _failure(failure: Failure) -> str:
    head = (
        f"ticket: {failure.ticket}\nthemes: {', '.join(' '.join(label.split()) for label in failure.labels) or 'none'}"
    )
    parts = {"brief": failure.brief, "verdict": failure.reason, "transcript": failure.transcript}
    return "\n".join([block_quote(head), *(f"{name}:\n{block_quote(text)}" for name, text in parts.items())])


def _complaint(complaint: Complaint) -> str:
    lines = [f"{complaint.pull_request} ({complaint.kind}), titled:", block_quote(complaint.title), *complaint.quotes]
    if complaint.revision:
        lines.append(f"what the merge changed in the submission:\n{block_quote(complaint.revision)}")
    return "\n".join(lines)


def block_quote(text: str) -> str:
    """Quote a text by putting `>` before every line."""
    return "\n".join(f"> {line}" for line in text.splitlines())
