"""Tells a conversation that no longer fits the model from other rejected requests.

Services share no error code for it: each says it in its own words, most of them with status 400.
"""

from __future__ import annotations

import re

_TOO_LONG = re.compile(
    "|".join(
        (
            # "prompt is too long: 213462 tokens > 200000 maximum", "Input is too long for requested model",
            # "Prompt contains 33000 tokens and 0 draft tokens, too large for model", "Input token length too long"
            r"\b(prompt|input|request|message|conversation|history|query|text)s?\b[\w ,'`()-]{0,60} ?too (long|large)",
            # "maximum context length is 8192 tokens", "exceed_context_size_error", "exceeds the context window"
            r"context[ _-]?(length|window|size|limit)",
            # "maximum prompt length is 131072", "the maximum model length of 4096", "exceeds max_seq_len 2048"
            r"\bmax(imum)?[ _](allowed )?(context|prompt|model|input|seq|sequence)[ _](len|length|size|limit)\b",
            r"prompt exceeds max",
            # "exceeded model token limit: 262144", "exceeds the limit of 128000", "exceed max message tokens"
            r"model token limit|token limit exceeded|total tokens limit|max message tokens",
            r"(prompt|input|request(ed)?) tokens? count[^.]{0,60}(exceed|but )",
            r"exceeds the maximum number of (input )?tokens",
            r"tokens in request more than max",
            r"too many (input )?tokens|number of tokens in the prompt|number of input tokens",
            r"inputs` tokens \+",
            r"range of input length|input length\b[^.]{0,40}exceed",
            r"(input|prompt) (token )?length exceeds",
            r"prompt token count",
            r"reduce the length",
            r"request_too_large|request (payload )?(size )?exceeds the (maximum size|limit)",
            r"超长|输入长度|上下文长度|超过最大长度",
        )
    ),
    re.IGNORECASE,
)
_THROTTLED = re.compile(r"rate.?limit|too many requests|throttl|please wait|per (minute|day)|\bTPM\b|quota", re.I)


def says_too_long(words: str) -> bool:
    """Whether a service's error says that the conversation does not fit the model.

    Errors about too many tokens a minute use similar words, and are not that.
    """
    return bool(_TOO_LONG.search(words)) and not _THROTTLED.search(words)
