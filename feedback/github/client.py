"""Talks to GitHub through `githubkit`, and explains every failure.

Reads are retried after network and server failures; writes are not, since the first may have worked. The client waits
for a rate limit that ends soon enough; otherwise it raises an error that says when the limit ends.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from feedback.github.access import GitHubAccess
from feedback.outcome import MAX_DIFF_CHARS, Diff
from feedback.problems import FeedbackError
from safeguards.known_secrets import remember_secret
from safeguards.masking import mask_secrets

if TYPE_CHECKING:
    import httpx
    from githubkit.exception import GitHubException

JsonObject = dict[str, Any]
_RESERVED_POINTS = 50
"""Points of the hourly limit that are left to other users of the same token."""
_DIFF_TYPE = "application/vnd.github.diff"
_MAX_ANSWER_BYTES = 64_000_000


class QueryTooLarge(FeedbackError):
    """GitHub could not answer in time or within its limits; a smaller query may work."""


class StaleCursor(FeedbackError):
    """GitHub no longer knows this place in a list."""


class MissingResource(FeedbackError):
    """It does not exist, or the token may not see it."""


class RefusedWrite(FeedbackError):
    """GitHub understood a write and refused it (HTTP 409, 422)."""


@dataclass(frozen=True, slots=True)
class _GitHubRequest:
    method: str
    path: str
    repeatable: bool
    """Whether it is safe to send twice; a request that is not and may have worked is never sent again."""
    json: JsonObject | None = None
    params: Mapping[str, str | int] | None = None
    accept: str | None = None
    stream: bool = False
    heavy: bool = False
    """Whether 502 and 504 mean that it asked for too much."""


class GitHubClient:
    """A connection to a GitHub server, for a `with` block.

    `report` gets a line when it has to wait.
    """

    def __init__(self, access: GitHubAccess, report: Callable[[str], None] = lambda line: None) -> None:
        from githubkit import GitHub
        from githubkit.cache import MemCacheStrategy

        self.access, self._report = access, report
        self.requests = 0
        self._resume_at = self._reset = 0.0
        self._app_tokens = MemCacheStrategy()  # its own: githubkit's is shared by every connection of the process
        self._github = GitHub(
            access.auth(),
            base_url=access.base_url,
            user_agent="meta-feedback",
            timeout=access.timeout_seconds,
            http_cache=False,  # it would keep every answer in memory
            cache_strategy=self._app_tokens,
            auto_retry=False,
            rest_api_validate_body=False,
        )

    def __enter__(self) -> GitHubClient:
        self._github.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._github.__exit__(kind, error, trace)

    def query(self, text: str, variables: Mapping[str, Any]) -> JsonObject:
        """Return the `data` of a GraphQL query.

        Parts that do not exist or may not be seen are null.

        Raises `QueryTooLarge` if a smaller query may work, `MissingResource`, `StaleCursor` or `FeedbackError`.
        """
        pause = self._resume_at - time.time()
        if pause > 0:
            self._wait(pause, "the hourly limit of GraphQL is nearly used up")
            self._resume_at = 0.0
        body = {"query": text, "variables": dict(variables)}
        for attempt in range(self.access.retries + 1):
            answer = self._parse_object(
                self._send(_GitHubRequest("POST", self._graphql, repeatable=True, json=body, heavy=True))
            )
            errors = [e for e in answer.get("errors") or [] if isinstance(e, dict)]
            kinds = {str(e.get("type", "")).upper() for e in errors}
            if kinds & {"RATE_LIMIT", "RATE_LIMITED"} and attempt < self.access.retries:
                self._wait(self._until_reset, "the hourly limit of GraphQL is used up")
                continue
            return self._checked_data(answer, errors, kinds)
        raise FeedbackError(
            f"{self._host} still limits the request rate. Run the same command later; it continues from here."
        )

    def get(self, path: str, **params: str | int) -> Any:
        """Return the JSON at `path` of the REST API, such as `repos/team/app`."""
        return self._parse(self._send(_GitHubRequest("GET", f"/{path}", repeatable=True, params=params)))

    def diff(self, path: str) -> Diff:
        """Return a comparison, commit or pull request as a unified diff.

        It is cut to the length that records keep.
        """
        response = self._send(_GitHubRequest("GET", f"/{path}", repeatable=True, accept=_DIFF_TYPE, stream=True))
        max_bytes = 4 * MAX_DIFF_CHARS  # a character takes up to four
        body = b""
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    break
        except Exception as error:
            raise FeedbackError(f"{self._host} broke the connection in the middle of {path}: {error}") from None
        finally:
            response.close()
        diff = Diff.from_text(body.decode("utf-8", "replace"))
        return diff if len(body) <= max_bytes else Diff(text=diff.text, truncated=True)

    def post(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        """Write once.

        Raises `RefusedWrite` if GitHub refuses, `FeedbackError` if it may or may not have worked.
        """
        return self._parse(self._send(_GitHubRequest(method, f"/{path}", repeatable=False, json=dict(body))))

    def token(self) -> str:
        """Return a token for git: the configured one, or a fresh one of the App's."""
        if not self.access.app_id:
            return self.access.token()
        path = f"/app/installations/{self.access.installation_id}/access_tokens"
        answer = self._parse(self._send(_GitHubRequest("POST", path, repeatable=True, json={})))
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[\w.-]+", token):
            raise FeedbackError(f"{self._host} gave the GitHub App no token. Is github.base_url right?")
        return remember_secret(token)

    # Sending.

    @property
    def _host(self) -> str:
        return self.access.base_url.split("://")[-1].split("/")[0]

    @property
    def _graphql(self) -> str:
        base = self.access.base_url.rstrip("/")
        return base.removesuffix("/v3") + "/graphql" if base.endswith("/api/v3") else "/graphql"

    def _send(self, request: _GitHubRequest) -> httpx.Response:
        """Send until an answer comes. Raises `FeedbackError` for a failure that must not or need not be retried."""
        from githubkit.exception import GitHubException, RequestFailed

        attempt, renewed = 0, False
        while True:
            self.requests += 1
            try:
                answer = self._github.request(
                    request.method,
                    request.path,
                    json=request.json,
                    params=dict(request.params) if request.params else None,
                    headers={"Accept": request.accept} if request.accept else None,
                    stream=request.stream,
                )
                self._note_limit(answer.raw_response.headers)
                return answer.raw_response
            except GitHubException as error:
                unauthorized = isinstance(error, RequestFailed) and error.response.status_code == 401
                if unauthorized and self.access.app_id and not renewed:
                    # The App's token expired early. GitHub did nothing, so even a write may be sent again.
                    self._app_tokens.cleanup()
                    renewed = True
                    continue
                self._wait(*self._pause(error, request, attempt))
            except ValueError as error:  # a malformed header or key
                raise FeedbackError(f"{self._host} sent or was sent something malformed: {error}") from None
            attempt += 1

    def _pause(self, error: GitHubException, request: _GitHubRequest, attempt: int) -> tuple[float, str]:
        """Return how many seconds to wait before a retry, and why. Raises `FeedbackError` if there must be none."""
        from githubkit.exception import AuthCredentialError, RateLimitExceeded, RequestFailed

        is_last = attempt >= self.access.retries
        back_off = min(2.0**attempt, 60.0) / 2
        if isinstance(error, RateLimitExceeded):
            # GitHub did nothing, so even a write may be sent again.
            seconds = max(error.retry_after.total_seconds(), 1.0)
            if is_last:
                raise FeedbackError(self._try_later_message(seconds)) from None
            return seconds, "it asks for fewer requests"
        if isinstance(error, RequestFailed):
            status = error.response.status_code
            if request.heavy and status in (502, 504):
                raise QueryTooLarge(f"{self._host} answered {status}") from None
            if status < 500 or not request.repeatable or is_last:
                raise self._explain_failure(error.response.raw_response, request) from None
            return back_off, f"it answered {status}"
        if isinstance(error, AuthCredentialError):
            raise FeedbackError(f"GitHub App: {error}") from None
        why = str(getattr(error, "exc", error)) or type(error).__name__
        if not request.repeatable or is_last:
            raise FeedbackError(
                f"{self._host} cannot be reached ({why}). Check the network and github.base_url, then run the"
                " same command again; it continues from here."
            ) from None
        return back_off, why

    def _explain_failure(self, response: httpx.Response, request: _GitHubRequest) -> FeedbackError:
        """Return the error for a failed request: what GitHub answered, and what to do."""
        status = response.status_code
        try:
            answer = response.json()
            errors = [e for e in answer.get("errors") or [] if isinstance(e, dict)]
            details = [str(e.get("message") or e.get("code") or e) for e in errors]
            message = ". ".join([str(answer.get("message") or ""), *details])
        except Exception:
            message = response.reason_phrase
        message = mask_secrets(" ".join(message.split()))[:300]
        what = f"{self._host} answered {status} to {request.method} {request.path}: {message}"
        if status == 401:
            if self.access.app_id:
                return FeedbackError(
                    f"{what}. GitHub does not accept the App. Check github.app_id, github.installation_id and the key"
                    f" in {self.access.app_key_variable}."
                )
            return FeedbackError(f"{what}. The token in {self.access.token_variable} is not valid; create a new one.")
        if status == 403:
            return FeedbackError(f"{what}. The token lacks a permission; docs/github.md lists what is needed.")
        if status in (404, 410, 451):
            return MissingResource(f"{what}. Check the name, and that the token may see it.")
        if status in (409, 422):
            return RefusedWrite(what)
        if status == 406:  # a diff that is too large for GitHub to show
            return QueryTooLarge(what)
        return FeedbackError(f"{what}. Run the same command again later; it continues from here.")

    def _parse_object(self, response: httpx.Response) -> JsonObject:
        answer = self._parse(response)
        if not isinstance(answer, dict):
            raise FeedbackError(f"{self._host} answered something other than GraphQL. Is github.base_url right?")
        return answer

    def _parse(self, response: httpx.Response) -> Any:
        if response.status_code == 204 or not response.content:
            return None
        if len(response.content) > _MAX_ANSWER_BYTES:
            raise QueryTooLarge(f"{self._host} answered with {len(response.content)} bytes")
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise FeedbackError(
                f"{self._host} answered something other than JSON. Is github.base_url the address of the API?"
            ) from None

    def _checked_data(self, answer: JsonObject, errors: list[JsonObject], kinds: set[str]) -> JsonObject:
        """Return an answer's `data` if it is whole; raise what its errors mean if it is not."""
        data = answer.get("data")
        message = mask_secrets("; ".join(str(e.get("message")) for e in errors))[:400]
        if isinstance(data, dict) and any(value is not None for value in data.values()):
            limit = data.get("rateLimit")
            remaining = limit.get("remaining") if isinstance(limit, dict) else None
            if isinstance(limit, dict) and isinstance(remaining, int) and remaining < _RESERVED_POINTS:
                self._resume_at = _timestamp_of(limit.get("resetAt"))
            # A query that times out returns what it has, with the rest null; do not mistake that for everything.
            if not errors or kinds <= {"NOT_FOUND", "FORBIDDEN"}:
                return data
            raise QueryTooLarge(f"{self._host}: {message}")
        if "INVALID_CURSOR_ARGUMENTS" in kinds:
            raise StaleCursor(f"{self._host}: {message}")
        if "NOT_FOUND" in kinds:
            raise MissingResource(f"{self._host}: {message}. Check the name, and that the token may see it.")
        if kinds & {"RATE_LIMIT", "RATE_LIMITED"}:
            raise FeedbackError(self._try_later_message(self._until_reset))
        if kinds & {"MAX_NODE_LIMIT_EXCEEDED", "RESOURCE_LIMITS_EXCEEDED"} or "timeout" in message.lower():
            raise QueryTooLarge(f"{self._host}: {message}")
        raise FeedbackError(f"{self._host} refused a query: {message or 'no data came'}")

    # Waiting.

    def _note_limit(self, headers: Mapping[str, str]) -> None:
        reset = headers.get("x-ratelimit-reset", "")
        self._reset = float(reset) if reset.isdecimal() else 0.0

    @property
    def _until_reset(self) -> float:
        return max(self._reset - time.time(), 1.0)

    def _wait(self, seconds: float, why: str) -> None:
        if seconds > self.access.longest_wait_seconds:
            raise FeedbackError(self._try_later_message(seconds))
        if seconds >= 2:
            self._report(f"{self._host}: {why}; waiting {seconds:.0f} s")
        time.sleep(seconds)

    def _try_later_message(self, seconds: float) -> str:
        when = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat(timespec="minutes")
        return f"{self._host} takes no more requests until {when}. Run the same command then; it continues from here."


def _timestamp_of(moment: object) -> float:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0
