"""Print a token for the local stack: `make token ROLE=customer SUB=c-1`, or `--role`, `--sub`, `--email`.

It is signed with the stack's own JWT_SECRET (STATE_DIR says whose) and expires by the stack's clock, moved or not.
"""

from __future__ import annotations

import argparse
import os
import sys

import jwt

from local.environment import State, variables
from shared.platform.clock import MovableClock
from shared.platform.settings import Settings
from shared.runtime.auth import ROLES

LIFETIME_SECONDS = 12 * 3600


def token(state: State, role: str, subject: str, email: str = "") -> str:
    """An HS256 token that a stack with this state accepts for the next 12 hours."""
    settings = Settings.load({**variables(state, {}, 0), "AUTH_MODE": "jwt", "CLOCK_FILE": ""})
    now = int(MovableClock(str(state.clock_file)).now().timestamp())
    claims = {
        "sub": subject,
        "role": role,
        "aud": settings.jwt_audience,
        "iss": settings.jwt_issuer,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        **({"email": email} if email else {}),
    }
    return jwt.encode(claims, settings.jwt_secret, "HS256")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.token", description="Print a token for the local stack.")
    # Make passes a variable that was not given as an empty one.
    parser.add_argument("--role", choices=ROLES, default=os.environ.get("ROLE") or "customer")
    parser.add_argument("--sub", default=os.environ.get("SUB", ""), help="the customer id of a customer")
    parser.add_argument("--email", default=os.environ.get("EMAIL", ""))
    wanted = parser.parse_args(arguments)
    if wanted.role not in ROLES:
        parser.error(f"ROLE is '{wanted.role}'. Use {', '.join(ROLES)}.")
    if not wanted.sub:
        parser.error("Say whose token it is: make token ROLE=customer SUB=c-1")
    print(token(State.here(), wanted.role, wanted.sub, wanted.email))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
