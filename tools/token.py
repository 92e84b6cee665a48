"""Print a token: `make token ROLE=customer SUB=c-1` for the local stack, with PROJECT= for a deployment.

The local one is signed with the stack's own JWT_SECRET (STATE_DIR says whose) and expires by the stack's clock, moved
or not. A deployment's is signed with the JWT_SECRET of its Secret Manager, which is held in memory only.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from datetime import datetime

import jwt

from local.environment import State, variables
from shared.platform.clock import Clock, MovableClock
from shared.platform.settings import Settings
from shared.runtime.auth import ROLES
from tools.cloud import Refused, project
from tools.secrets import read

GIVEN = ("JWT_AUDIENCE", "JWT_ISSUER")
LOCAL_SECONDS = 12 * 3600
# Whoever sees it in a terminal's history an hour later can do nothing with it.
DEPLOYED_SECONDS = 3600


@dataclass(frozen=True, repr=False)
class Issuer:
    """What tokens are signed with, what they carry, how long they hold."""

    secret: str
    audience: str
    issuer: str
    now: datetime
    seconds: int

    def token(self, role: str, subject: str, email: str = "") -> str:
        now = int(self.now.timestamp())
        claims = {
            "sub": subject,
            "role": role,
            "aud": self.audience,
            "iss": self.issuer,
            "iat": now,
            "exp": now + self.seconds,
            **({"email": email} if email else {}),
        }
        return jwt.encode(claims, self.secret, "HS256")


def token(state: State, role: str, subject: str, email: str = "") -> str:
    """An HS256 token that a stack with this state accepts for the next 12 hours."""
    return local(state).token(role, subject, email)


def local(state: State) -> Issuer:
    """Of the local stack with this state."""
    settings = Settings.load({**variables(state, {}, 0), "AUTH_MODE": "jwt", "CLOCK_FILE": ""})
    now = MovableClock(str(state.clock_file)).now()
    return Issuer(settings.jwt_secret, settings.jwt_audience, settings.jwt_issuer, now, LOCAL_SECONDS)


def deployed(name: str) -> Issuer:
    """Of a deployment, by its project. JWT_AUDIENCE and JWT_ISSUER where its tfvars set others. Raises `Refused`."""
    settings = Settings.load({"GOOGLE_CLOUD_PROJECT": name, **{n: os.environ.get(n, "") for n in GIVEN}})
    secret = read(name, "JWT_SECRET")
    return Issuer(secret, settings.jwt_audience, settings.jwt_issuer, Clock().now(), DEPLOYED_SECONDS)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.token", description="Print a token.")
    # Make passes a variable that was not given as an empty one.
    parser.add_argument("--role", choices=ROLES, default=os.environ.get("ROLE") or "customer")
    parser.add_argument("--sub", default=os.environ.get("SUB", ""), help="the customer id of a customer")
    parser.add_argument("--email", default=os.environ.get("EMAIL", ""))
    wanted = parser.parse_args(arguments)
    if wanted.role not in ROLES:
        parser.error(f"ROLE is '{wanted.role}'. Use {', '.join(ROLES)}.")
    if not wanted.sub:
        parser.error("Say whose token it is: make token ROLE=customer SUB=c-1")
    try:
        issuer = deployed(project(os.environ)) if os.environ.get("PROJECT") else local(State.here())
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    print(issuer.token(wanted.role, wanted.sub, wanted.email))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
