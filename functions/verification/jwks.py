"""GET /.well-known/jwks.json"""

from __future__ import annotations

from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import JwksAnswer
from shared.verification.tokens import AgeTokens


@endpoint(
    "GET /.well-known/jwks.json",
    auth=PUBLIC,
    responds={200: JwksAnswer},
    cache_control="public, max-age=300",
    secrets=("AGE_TOKEN_KEY",),
)
def handle(request: Request) -> Answer:
    """The public keys that age tokens are checked with."""
    return Answer(200, AgeTokens.on(request.platform).jwks())
