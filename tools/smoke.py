"""Whether a deployment answers: `make smoke PROJECT= REGION=`, or `make smoke URL=<address of GET /health/ready>`.

With PROJECT it also remembers the archive as one that a roll-back may go back to.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

import requests

from tools.cloud import Refused, Target, step
from tools.infra import Infra
from tools.releases import Bucket

ROUTE = "GET /health/ready"
GOOD = ("ready", "degraded")
SECONDS = 120.0
PAUSE_SECONDS = 3.0
REQUEST_SECONDS = 15.0


def wait_until_ready(url: str, version: str = "", seconds: float = SECONDS) -> str:
    """`ready` or `degraded`, once the address says so for this version. Raises `Refused` with its last answer."""
    end = time.monotonic() + seconds
    while True:
        status, problem = _ask(url, version)
        if not problem:
            return status
        if time.monotonic() >= end:
            raise Refused(f"{url} was not ready within {seconds:.0f} s. The last answer: {problem}")
        time.sleep(min(PAUSE_SECONDS, seconds))


def _ask(url: str, version: str) -> tuple[str, str]:
    """(status, what is wrong or nothing)."""
    try:
        answer = requests.get(url, timeout=REQUEST_SECONDS)
    except requests.exceptions.SSLError:
        return "", "the certificate is not valid (yet). A new load balancer's takes up to an hour after the DNS record"
    except requests.RequestException as error:
        return "", f"no connection ({type(error).__name__}). With a load balancer: does the DNS record exist?"
    try:
        body = answer.json()
        status, found = str(body["status"]), str(body.get("version", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", f"HTTP {answer.status_code}, and not the answer of {ROUTE}"
    if answer.status_code != 200 or status not in GOOD:
        down = [name for name, part in body.items() if isinstance(part, dict) and part.get("status") == "down"]
        return status, f"HTTP {answer.status_code}, status '{status}', down: {', '.join(down) or 'nothing'}"
    if version and found != version:
        return status, f"version '{found}' answers, expected '{version}'"
    return status, ""


def smoke(target: Target, outputs: Mapping[str, object], environ: Mapping[str, str]) -> None:
    """Ask the deployed readiness route; remember the archive as good. Raises `Refused`."""
    routes = outputs.get("route_urls")
    url = routes.get(ROUTE) if isinstance(routes, dict) else None
    if not url:
        raise Refused(f"The deployment has no URL for '{ROUTE}'. Deploy first: {target.command('deploy')}")
    archive = str(outputs["archive"])
    status = wait_until_ready(str(url), archive[:12], float(environ.get("SMOKE_SECONDS") or SECONDS))
    step("smoke", f"{url} says {status}, version {archive[:12]}")
    if status == "degraded":
        step("smoke", f"a service that no request waits for is down: curl {url}")
    Bucket.read(target.project).mark_ready(archive)


def main(environ: Mapping[str, str]) -> int:
    """0: ready or degraded, 1: not, or refused."""
    try:
        if environ.get("URL"):
            url = environ["URL"]
            step("smoke", f"{url} says {wait_until_ready(url, '', float(environ.get('SMOKE_SECONDS') or SECONDS))}")
            return 0
        target = Target.read(environ)
        infra = Infra(target)
        infra.init()
        smoke(target, infra.outputs(), environ)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
