"""Secrets are masked in whatever is stored, logged or shown; ordinary text stays as it is."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeguards.known_secrets import remember_address, remember_secret
from safeguards.masking import SECRET_MARK, mask_secrets

LOWER, HEX = "a1b2c3d4e5f6g7h8i9j0", "0123456789abcdef"
MIXED = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2"
KEY_LINES = "\n".join(["MIIEpAIBAAKCAQEA7bq9F3Zx" + MIXED] * 3)

SECRETS = {
    "AWS access key": "AKIAQYLPMN5HFIQR7XYA",
    "AWS temporary key": "ASIAY34FZKBOKMUTVV7A",
    "AWS session token": "IQoJb3JpZ2luX2VjE" + MIXED * 4,
    "Bedrock": "ABSKQmVkcm9ja0FQSUtleS1" + MIXED * 3,
    "Google API key": "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "Google OAuth secret": "GOCSPX-" + "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0x",
    "Google access token": "ya29.a0AfH6SMB" + MIXED * 2,
    "Google refresh token": "1//0gdf" + MIXED,
    "Google HMAC key": "GOOG1E" + "ABCDEFGHIJ234567" * 3,
    "Azure client secret": "aB38Q~" + "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2dE45",
    "Azure DevOps": "aB3d" * 19 + "AZDOaB3d",
    "GitHub classic": "ghp_" + "aB3d" * 9,
    "GitHub OAuth": "gho_" + "aB3d" * 9,
    "GitHub user": "ghu_" + "aB3d" * 9,
    "GitHub server": "ghs_" + "aB3d" * 9,
    "GitHub refresh": "ghr_" + "aB3d" * 19,
    "GitHub fine-grained": "github_pat_11ABCDEFG0" + MIXED * 2,
    "GitLab personal": "glpat-" + "aB3dE5gH7jK9mN1pQ4sT",
    "GitLab deploy": "gldt-" + "aB3dE5gH7jK9mN1pQ4sT",
    "GitLab runner": "glrt-" + "aB3dE5gH7jK9mN1pQ4sT",
    "GitLab new": "glpat-aB3dE5gH7jK9mN1pQ4sT.01.0a1b2c3d4",
    "Slack bot": "xoxb-123456789012-1234567890123-aB3dE5gH7jK9mN1pQ4sT",
    "Slack app": "xapp-1-A0123456789-1234567890123-" + HEX * 4,
    "Stripe": "sk_live_" + "aB3dE5gH7jK9mN1pQ4sT6vW8",
    "Stripe restricted": "rk_live_" + "aB3dE5gH7jK9mN1pQ4sT6vW8",
    "Stripe webhook": "whsec_" + MIXED,
    "Twilio key": "SK" + HEX * 2,
    "SendGrid": "SG.aB3dE5gH7jK9mN1pQ4sT6v.aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2dE45gH7jK9mN1",
    "Mailgun": "key-" + HEX * 2,
    "Mailchimp": HEX * 2 + "-us12",
    "npm": "npm_" + "aB3d" * 9,
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + MIXED * 2,
    "Docker Hub": "dckr_pat_" + "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0",
    "OpenAI": "sk-" + "aB3d" * 12,
    "OpenAI project": "sk-proj-" + MIXED * 2,
    "Anthropic": "sk-ant-api03-" + MIXED * 3,
    "Hugging Face": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
    "Groq": "gsk_" + "aB3d" * 13,
    "Discord bot": "MTA1NzI4NjYxNTk0ODg2MTQ2.GkzQpB.aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2dE45gH",
    "Telegram": "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw5",
    "Shopify": "shpat_" + HEX * 2,
    "DigitalOcean": "dop_v1_" + HEX * 4,
    "Heroku": "HRKU-AA" + MIXED * 2,
    "Databricks": "dapi" + HEX * 2,
    "Linear": "lin_api_" + "aB3d" * 10,
    "Atlassian": "ATATT3xFfGF0" + MIXED * 2,
    "Bitbucket": "ATBB" + MIXED,
    "Square": "sq0atp-" + "aB3dE5gH7jK9mN1pQ4sT6v",
    "Cloudflare": "v1.0-" + HEX + "01234567" + "-" + HEX * 9,
    "Vault": "hvs.CAESI" + MIXED * 2,
    "Vault before 1.10": "s.aB3dE5gH7jK9mN1pQ4sT6vW8",
    "Terraform": "aB3dE5gH7jK9mN.atlasv1." + MIXED * 2,
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "JWE": "eyJhbGciOiJkaXIifQ..MTIzNDU2Nzg5MDEy.aB3dE5gH7jK9.mN1pQ4sT6vW8",
    "RSA key": f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINES}\n-----END RSA PRIVATE KEY-----",
    "encrypted key": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n"
    f"{KEY_LINES}\n-----END RSA PRIVATE KEY-----",
    "OpenSSH key": f"-----BEGIN OPENSSH PRIVATE KEY-----\r\n{KEY_LINES}\r\n-----END OPENSSH PRIVATE KEY-----",
    "quoted key": f"-----BEGIN PRIVATE KEY-----\n> {KEY_LINES}\n> -----END PRIVATE KEY-----",
}

WITH_THEIR_PLACE = {
    "password in an address": ("postgres://ann:{}@db.test/app", "hunter2"),
    "token as a user": ("https://{}@host.test/x.git", "aB3dE5gH7jK9mN1pQ4sT"),
    "Slack webhook": ("https://hooks.slack.com/services/{}", "T01ABCDEF/B01ABCDEF/aB3dE5gH7jK9mN1pQ4sT6vW8"),
    "Discord webhook": ("https://discord.com/api/webhooks/123456789012345678/{}", MIXED * 2),
    "bearer": ("Authorization: Bearer {}", "aB3dE5gH7jK9mN1p"),
    "basic": ("authorization: Basic {}", "YW5uOmh1bnRlcjI="),
    "header in Python": ("headers={{'Authorization': 'token {}'}}", "0123456789abcdef0123"),
    "AWS secret": ("aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzKEY1"),
    "Azure storage": ("AccountName=x;AccountKey={};Suffix=core", "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2+/" * 2 + "aB3d=="),
    "Azure signature": ("https://x.blob.test/y?sv=1&sig={}&se=2", "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2dE45gH7jK9%3D"),
    "Datadog": ("DD_API_KEY={}", HEX * 2),
    "Datadog header": ("DD-API-KEY: {}", HEX * 2),
    "Twilio": ("TWILIO_AUTH_TOKEN='{}'", HEX * 2),
    "Cloudflare": ('CLOUDFLARE_API_TOKEN: "{}"', "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0xC2dE45gH7jK9"),
    "Heroku": ("heroku_api_key: {}", "01234567-89ab-cdef-0123-456789abcdef"),
    "password": ("DB_PASSWORD=Summer2024!", "Summer2024!"),
    "password in JSON": ('{{"password": "{}"}}', "xK9#mP2$vL5n"),
    "password in an option": ("mysql --password={} -u root", "xK9mP2vL5n"),
    "query": ("GET https://x.test/api?access_token={}&page=2", "aB3dE5gH7jK9"),
    "npm": ("//registry.npmjs.org/:_authToken={}", "01234567-89ab-cdef-0123-456789abcdef"),
    "camel case": ("clientSecret: '{}'", "aB3dE5gH7jK9mN1p"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_a_known_shape_is_masked_wherever_it_stands(name: str) -> None:
    secret = SECRETS[name]
    assert mask_secrets(f"use {secret} here") == f"use {SECRET_MARK} here"
    assert mask_secrets(f"it is {secret}") == f"it is {SECRET_MARK}"
    for text in (f"key:\n{secret}\n", f"'{secret}'", f"`{secret}`", f"({secret})", f"k={secret}, and", f"**{secret}**"):
        assert secret not in mask_secrets(text)


@pytest.mark.parametrize("name", SECRETS)
def test_masked_json_is_json_however_deep_the_secret_lies(name: str) -> None:
    inner = json.dumps({"said": f"first\n{SECRETS[name]}\nlast", "n": 1})
    masked = mask_secrets(json.dumps({"inner": inner}))
    said = json.loads(json.loads(masked)["inner"])["said"]
    assert (said.split()[0], said.split()[-1]) == ("first", "last")
    assert SECRET_MARK in said
    assert MIXED[:20] not in masked


@pytest.mark.parametrize("name", WITH_THEIR_PLACE)
def test_a_secret_is_masked_by_the_place_where_it_stands(name: str) -> None:
    text, secret = WITH_THEIR_PLACE[name]
    masked = mask_secrets(text.format(secret))
    assert secret not in masked
    assert masked == text.format(secret).replace(secret, SECRET_MARK) or masked.count(SECRET_MARK) == 1


def test_a_service_account_of_google_keeps_neither_key_nor_its_id() -> None:
    account = {
        "type": "service_account",
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{KEY_LINES}\n-----END PRIVATE KEY-----\n",
        "client_email": "robot@project.iam.gserviceaccount.test",
    }
    masked = json.loads(mask_secrets(json.dumps(account, indent=2)))
    assert masked["private_key"].strip() == SECRET_MARK
    assert masked["private_key_id"] == SECRET_MARK
    assert masked["client_email"] == account["client_email"]


def test_a_key_that_was_cut_off_is_masked_as_far_as_it_goes() -> None:
    masked = mask_secrets(f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINES}\nand then a sentence.")
    assert masked == f"{SECRET_MARK}\nand then a sentence."


@pytest.mark.parametrize(
    "text",
    [
        "sha 4b825dc642cb6eb9a060e54bf8d69288fbee4904 and 01234567-89ab-cdef-0123-456789abcdef",
        "password = get_password(user)",
        'token = os.environ["GITHUB_TOKEN"]',
        "def check(password: str, token: Token | None = None) -> SecretShape:",
        "The password must have at least 8 characters, and the token expires.",
        "secret = settings.github.app_key_variable",
        "api_key=api_key, password=self.password, auth_token=None",
        "a risk-based approach, task-scheduling-with-many-words-in-a-row, sk-learn-contrib-and-friends",
        "https://user@host.test/path and https://host.test/@scope/package and git@host.test:team/app.git",
        "Basic authorization: see the documentation",
        "key-value pairs, secret_name_of_a_setting_that_is_long, hf_token, s.upper, self.items",
        "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
        "AKIA is how they begin; eyJ is how others do",
        "tests/test_tokens.py::test_secret_is_kept[1-2] PASSED",
        "tokens=1234567890 input_tokens: 12345678",
        "${{ secrets.ANTHROPIC_API_KEY }} and password: ${DB_PASSWORD}",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text


def test_the_projects_own_code_stays_as_it_is() -> None:
    for path in Path(__file__).parents[1].joinpath("meta").rglob("*.py"):
        text = path.read_text("utf-8")
        assert mask_secrets(text) == text


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "MY_OWN_TOKEN", "SERVICE_PASSWORD", "META_WEBHOOK"])
def test_the_value_of_a_secret_variable_is_masked_in_any_shape(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = 'odd value-7 "x"'
    monkeypatch.setenv(variable, value)
    coded = base64.b64encode(value.encode()).decode()
    for text in (f"rejected: {value}", json.dumps({"message": value}), "odd%20value-7%20%22x%22", f"Basic {coded}"):
        masked = mask_secrets(text)
        assert SECRET_MARK in masked
        assert "value-7" not in masked
        assert coded.rstrip("=") not in masked


def test_ordinary_variables_are_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent.1234")
    monkeypatch.setenv("KEYBOARD", "standard")
    monkeypatch.setenv("EDITOR", "vim-9000x")
    assert mask_secrets("/tmp/agent.1234 standard vim-9000x") == "/tmp/agent.1234 standard vim-9000x"


def test_what_was_read_from_elsewhere_is_masked_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert remember_secret("plainword-of-mine") == "plainword-of-mine"
    remember_address("http://ann:quitesecret%2Fpart@models.test/v1")
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:proxysecret@proxy.test:3128")
    text = "plainword-of-mine, quitesecret%2Fpart, quitesecret/part and proxysecret"
    assert mask_secrets(text) == f"{SECRET_MARK}, {SECRET_MARK}, {SECRET_MARK} and {SECRET_MARK}"


@pytest.mark.parametrize("kept", [8, 12, 20])
def test_a_known_value_that_was_cut_off_is_masked_too(kept: int) -> None:
    value = remember_secret("anodd-value-of-a-key-0")
    text = f"{value} again: {value[:kept]}"
    assert mask_secrets(text) == f"{SECRET_MARK} again: {SECRET_MARK}"
    assert mask_secrets(f"{value[:kept]}, and more") == f"{value[:kept]}, and more"


@given(st.text(max_size=300))
def test_masking_twice_changes_nothing(text: str) -> None:
    assert mask_secrets(mask_secrets(text)) == mask_secrets(text)


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_json(value: object) -> None:
    masked = json.loads(mask_secrets(json.dumps(value)))
    assert type(masked) is type(value)


@pytest.mark.parametrize(
    "piece",
    [
        *("ghp_", "aghp_", "sk-", "-eyJ", "eyJ.", "://a:", "password=", "password:", "authorization:", "bearer "),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----ab ", "Private-Lines:", "s.", "https://u:p@"),
        *("sig=", "A" * 50, "key-", "SK", ".abcdef.", "word "),
    ],
)
def test_no_text_takes_long_to_mask(piece: str) -> None:
    started = time.process_time()
    mask_secrets(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 1


def test_a_megabyte_is_masked_in_a_moment() -> None:
    line = (
        "2026-03-01 10:00:00 app/module.py:123 the request for token_count took 12 ms and returned https://x.test/y\n"
    )
    started = time.process_time()
    mask_secrets(line * (1_000_000 // len(line)))
    assert time.process_time() - started < 0.5
