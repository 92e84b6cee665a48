"""What can go wrong with a source. The failure policy of each is in service.py."""

from __future__ import annotations

from shared.platform.errors import Conflict, Failure, NotFound


class SourceFailure(Failure):
    """The source has answered and will answer the same again: retrying helps nobody, a person must act."""

    code = "source_failed"


class AuthFailed(SourceFailure):
    """401: the credentials are wrong, expired or revoked."""

    code = "auth_failed"


class SourceRefused(SourceFailure):
    """403, 404 or another 4xx: a scope is missing, or what we ask for is not there."""

    code = "source_refused"


class SuddenlyEmpty(SourceFailure):
    """The source has nothing where it used to have something: never taken for an empty success."""

    code = "suddenly_empty"


class SquareUnavailable(Failure):
    """Figures that come from Square alone, without Square: nothing older is served instead."""

    status = 502
    code = "square_unavailable"


class CursorExpired(Exception):
    """The provider forgot the page we were at: the slice is read again from its start. Never leaves the reader."""


class AlreadyRunning(Conflict):
    """Another run of this source is under way."""

    code = "already_running"


class UnknownJob(NotFound):
    code = "unknown_job"


class UnknownSource(NotFound):
    code = "unknown_source"
