"""The kinds of failure, each with the status it means on the wire (mapped once, in runtime/errors.py).

Failure                     what the caller is told
├── Invalid        400      a field or the body is wrong
├── Unauthenticated 401     no valid token
│   └── BadSignature        not signed by the provider that it claims to be from
├── Forbidden      403      not this caller's
├── NotFound       404
├── MethodNotAllowed 405
├── Conflict       409
├── TooLarge       413
├── WrongMediaType 415
├── Unprocessable  422      understood, but contradicts an earlier request
├── TooMany        429
└── Unavailable    503      something we stand on does not answer; try again
    ├── Contended           the store answers, but others were faster every time
    └── SourceUnavailable   a provider does not answer
Misconfigured               the process must not start
ChangedMeanwhile            a compare-and-set lost its race; never leaves the repository's caller
"""

from __future__ import annotations

from typing import Any

RETRY_SENTENCE = "The service is temporarily unavailable. Try again in a moment."


class Failure(Exception):
    """An expected failure: `sentence` tells a person what to do, `code` is stable, `fields` go on the wire."""

    status = 500
    code = "internal_error"

    def __init__(
        self, sentence: str, /, *, code: str | None = None, headers: dict[str, str] | None = None, **fields: Any
    ):
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or type(self).code
        self.headers = headers or {}
        self.fields = fields


class Invalid(Failure):
    status = 400
    code = "invalid_request"


class Unauthenticated(Failure):
    status = 401
    code = "unauthenticated"


class BadSignature(Unauthenticated):
    code = "bad_signature"


class Forbidden(Failure):
    status = 403
    code = "forbidden"


class NotFound(Failure):
    status = 404
    code = "not_found"


class MethodNotAllowed(Failure):
    status = 405
    code = "method_not_allowed"


class Conflict(Failure):
    status = 409
    code = "conflict"


class TooLarge(Failure):
    status = 413
    code = "body_too_large"


class WrongMediaType(Failure):
    status = 415
    code = "unsupported_media_type"


class Unprocessable(Failure):
    status = 422
    code = "unprocessable"


class TooMany(Failure):
    status = 429
    code = "rate_limited"


class Unavailable(Failure):
    status = 503
    code = "temporarily_unavailable"


class Contended(Unavailable):
    pass


class SourceUnavailable(Unavailable):
    """A provider answered 429, 5xx or nothing, after all retries. Whoever asked goes on from there another time."""

    code = "source_unavailable"


class Misconfigured(RuntimeError):
    """The environment cannot be run with; the sentence names the variable and what to do."""


class ChangedMeanwhile(Exception):
    """A write found the document changed since it was read. Read again and decide again."""
