"""The account by webhook: Slack's JSON, which Mattermost, Discord (`/slack`) and Rocket.Chat understand as well."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from meta.look.night_page import night_page
from meta.records.account import Account
from meta.settings import NightlySettings

WEBHOOK_VARIABLE = "META_WEBHOOK"
SEND_ATTEMPTS, SEND_PAUSE, SEND_TIMEOUT = 3, 2.0, 10.0
MAX_BLOCK_CHARS = 2900
"""Slack refuses text blocks of more than 3000."""


def build_payload(account: Account) -> dict[str, Any]:
    """What is posted: a headline for notifications, and the page as it stands in the terminal."""
    lines = night_page(account).splitlines()
    if len(lines) == 1:
        return {"text": lines[0]}
    blocks, text = [], ""
    for line in [*lines, None]:
        if line is None or len(text) + len(line) > MAX_BLOCK_CHARS:
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"```{text.rstrip()}```"}})
            text = ""
        text += f"{line}\n"
    return {"text": lines[0], "blocks": blocks}


def send_account(settings: NightlySettings, account: Account) -> str:
    """Post the account. Returns what went wrong, without the address, which is a secret; empty when nothing did."""
    url = os.environ.get(WEBHOOK_VARIABLE, "") or settings.webhook.get_secret_value()
    if not url:
        return ""
    if not url.startswith(("https://", "http://")):
        return "the webhook is no http address"
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
    """What went wrong, and whether it is worth another try."""
    try:
        request = urllib.request.Request(url, body, {"content-type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=SEND_TIMEOUT):
            return "", False
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}", error.code >= 500 or error.code == 429
    except urllib.error.URLError as error:
        return f"it could not be reached ({type(error.reason).__name__})", True
    except (OSError, HTTPException, ValueError) as error:
        return f"it could not be reached ({type(error).__name__})", not isinstance(error, ValueError)
