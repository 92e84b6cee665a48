"""Idempotency-Key: the same key and body get the first answer again, for 24 hours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from shared.platform.context import Platform
from shared.platform.errors import Failure, Invalid, Unavailable
from shared.platform.idempotency import Claim, KeptAnswer
from shared.runtime.errors import answer_for
from shared.runtime.request import Answer

REPLAYED = {"Idempotent-Replayed": "true"}

log = logging.getLogger(__name__)


def read_key(header: str) -> str:
    """The key without the draft's quotes. Raises `Invalid`."""
    key = header.strip().removeprefix('"').removesuffix('"')
    if not re.fullmatch(r"[\x21-\x7e]{1,128}", key):
        raise Invalid(
            "Idempotency-Key must be 1 to 128 printable ASCII characters without spaces.",
            code="invalid_idempotency_key",
            field="Idempotency-Key",
        )
    return key


def answer_once(
    platform: Platform,
    scope: str,
    key: str,
    body: bytes,
    subject: str,
    request_id: str,
    run: Callable[[], Answer],
) -> Answer:
    """Run once for (scope, key); later calls get the kept answer.

    Failure policy: what another try could change (5xx, 429, 409) is not kept, so that the same key can be used again.
    """
    claimed = platform.idempotency.claim(scope, key, body, subject)
    if isinstance(claimed, KeptAnswer):
        return Answer(claimed.status, claimed.body, REPLAYED)
    try:
        answer = run()
    except Failure as failure:
        answer = answer_for(failure, request_id)
    except Exception:
        _settle(platform, claimed, None)
        raise
    _settle(platform, claimed, answer)
    return answer


def _settle(platform: Platform, claim: Claim, answer: Answer | None) -> None:
    """The caller's answer is decided: a store that fails now costs the replay, not the answer."""
    try:
        if answer is None or answer.status >= 500 or answer.status in (409, 429):
            platform.idempotency.release(claim)
        else:
            body: dict[str, Any] = answer.value
            platform.idempotency.finish(claim, KeptAnswer(answer.status, body))
    except Unavailable:
        log.warning("idempotent_answer_not_kept", extra={"claim": claim.document["claimId"]})
