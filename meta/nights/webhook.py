"""Send the account to a webhook as Slack's JSON.

Mattermost, Discord (`/slack`) and Rocket.Chat read it too.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from meta.look.night_page import night_page
from meta.records.account import Account
from meta.settings import NightlySettings
from safeguards.inert_text import BREAK
from safeguards.known_secrets import remember_secret
from safeguards.masking import mask_secrets
from safeguards.terminal_text import show_controls

WEBHOOK_VARIABLE = "META_WEBHOOK"
SEND_ATTEMPTS, SEND_PAUSE, SEND_TIMEOUT = 3, 2.0, 10.0
MAX_BLOCK_CHARS = 2900
"""Slack refuses text blocks of more than 3000."""


def build_payload(account: Account) -> dict[str, Any]:
    """What is posted: a headline for notifications, and the page as on the terminal."""
    page = escape_slack(mask_secrets(show_controls(night_page(account))))
    lines = [part for line in page.split("\n") for part in _split_long(line)]
    if len(lines) == 1:
        return {"text": lines[0]}
    blocks, text = [], ""
    for line in [*lines, None]:
        if line is None or len(text) + len(line) > MAX_BLOCK_CHARS:
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"```{text.rstrip()}```"}})
            text = ""
        text += f"{line}\n"
    return {"text": lines[0], "blocks": blocks}


def escape_slack(text: str) -> str:
    """Return the text as Slack shows it: no link, no mention, no channel called, no end to a block of code.

    Mattermost and Discord call people by a bare `@`, also in code.
    """
    for character, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("```", "'" * 3), ("@", f"@{BREAK}")):
        text = text.replace(character, shown)
    return text


def _split_long(line: str) -> list[str]:
    """A line in parts that fit a block, none of which ends within an escaped character."""
    parts: list[str] = []
    while len(line) > MAX_BLOCK_CHARS:
        end = line.rfind("&", MAX_BLOCK_CHARS - 5, MAX_BLOCK_CHARS)
        end = end if end > 0 else MAX_BLOCK_CHARS
        parts, line = [*parts, line[:end]], line[end:]
    return [*parts, line]


def send_account(settings: NightlySettings, account: Account) -> str:
    """Post the account, and return what went wrong; empty if nothing did.

    The address is a secret and is never part of it.
    """
    url = os.environ.get(WEBHOOK_VARIABLE, "") or settings.webhook.get_secret_value()
    if not url:
        return ""
    remember_secret(url)
    if not url.startswith(("https://", "http://")):
        return "the webhook is not an http address"
    body = json.dumps(build_payload(account), ensure_ascii=False).encode()
    problem = ""
    for turn in range(SEND_ATTEMPTS):
        if turn:
            time.sleep(SEND_PAUSE * turn)
        problem, again = _post(url, body)
        if not again:
            break
    return problem.replace(url, "(the webhook)")


def _post(url: str, body: bytes) -> tuple[str, bool]:
    """Return what went wrong, and whether it is worth another try."""
    import ssl

    import httpx

    headers = {"content-type": "application/json"}
    trust = ssl.create_default_context()  # what this machine trusts, such as a company's own authority
    try:
        with httpx.Client(verify=trust, timeout=SEND_TIMEOUT, follow_redirects=True) as client:
            answer = client.send(client.build_request("POST", url, content=body, headers=headers), stream=True)
            status = answer.status_code
            return ("", False) if answer.is_success else (f"it answered {status}", status >= 500 or status == 429)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return f"it could not be reached ({type(error).__name__})", isinstance(error, httpx.HTTPError | OSError)
