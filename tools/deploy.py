"""Deploy, plan, roll back, list, destroy: `make deploy PROJECT= REGION= [ENVIRONMENT=staging]` and its relatives.

Every step may be repeated: a deploy that was stopped anywhere is completed by running it again. docs/deployment.md
says what each prints.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping

from tools.cloud import REPOSITORY, Refused, Target, run, step
from tools.destroy import destroy
from tools.infra import Changes, Infra, Release, secret, secrets_in
from tools.preflight import bootstrap, check, check_key_ring
from tools.releases import HASH, Bucket, packaged, print_releases
from tools.secrets import existing, give_first_versions
from tools.smoke import smoke

DIST = REPOSITORY / "dist"
Environ = Mapping[str, str]


def deploy(target: Target, environ: Environ) -> None:
    """From nothing, or from what is there, to the functions of the work tree. Raises `Refused`."""
    infra = _ready(target, environ)
    _release(target, infra, _source(target, environ), environ)


def rollback(target: Target, environ: Environ) -> None:
    """To ARCHIVE, or to the archive before the one that runs. Raises `Refused`."""
    check(target, environ, deploys=False)
    infra = Infra(target)
    infra.init()
    bucket = Bucket.read(target.project)
    archive = _archive(environ) or bucket.before(str(infra.outputs().get("archive", "")))
    release = bucket.fetch(archive, target.folder)
    _release(target, infra, release, environ, back=True)


def plan(target: Target, environ: Environ) -> None:
    """What a deploy would change. Makes nothing but the state bucket. Raises `Refused`."""
    check(target, environ, deploys=False)
    bootstrap(target)
    release = _source(target, environ)
    infra = Infra(target)
    infra.init()
    changes = infra.plan(release)
    print(infra.plan_text.read_text(encoding="utf-8"))
    step("plan", f"{changes} (kept in {infra.plan_text.relative_to(REPOSITORY)})")
    for address in changes.lost:
        step("plan", f"deletes data: {address}")


def releases(target: Target, _environ: Environ) -> None:
    """Archives with their dates, and which one is live. Raises `Refused`."""
    infra = Infra(target)
    infra.init()
    print_releases(target, str(infra.outputs().get("archive", "")))


def terraform(target: Target, environ: Environ) -> None:
    """ARGS, on the state of the target. Raises `Refused`."""
    infra = Infra(target)
    infra.init()
    infra.any(shlex.split(environ.get("ARGS", "")) or ["state", "list"])


def _ready(target: Target, environ: Environ) -> Infra:
    check(target, environ)
    bootstrap(target)
    infra = Infra(target)
    infra.init()
    check_key_ring(target, infra.addresses())
    return infra


def _source(target: Target, environ: Environ) -> Release:
    """ARCHIVE from dist/ or from the bucket; without it, what the work tree packages to. Raises `Refused`."""
    archive = _archive(environ)
    if not archive:
        command = [sys.executable, "-m", "tools.package", "--output", str(DIST)]
        archive = (run(command, folder=REPOSITORY).split() or [""])[-1]
    release = packaged(archive, DIST)
    if release:
        step("package", f"{archive[:12]} in {DIST.relative_to(REPOSITORY)}/")
        return release
    if not environ.get("ARCHIVE"):
        raise Refused(f"make package did not leave {DIST}/{archive}.zip with its .json. Run it and read what it says.")
    return Bucket.read(target.project).fetch(archive, target.folder)


def _archive(environ: Environ) -> str:
    archive = environ.get("ARCHIVE", "")
    if archive and not HASH.fullmatch(archive):
        raise Refused(f"ARCHIVE is '{archive}'. Give all 64 hex digits of one that this lists: make releases")
    return archive


def _release(target: Target, infra: Infra, release: Release, environ: Environ, *, back: bool = False) -> None:
    """The same steps for a deploy and a roll-back."""
    _make_stores(target, infra, release)
    Bucket.read(target.project).upload(release)
    give_first_versions(target.project, release.secrets(target.integrations) & existing(target.project))
    _tell_left_out(target, release)
    changes = _planned(infra, release, environ, back=back)
    _confirm(target, changes, environ)
    infra.apply_plan()
    step("apply", f"{release.archive[:12]} is deployed")
    if environ.get("SMOKE") != "0":
        try:
            smoke(target, infra.outputs(), environ)
        except Refused as error:
            raise Refused(f"{error}\nTo go back to the archive before: {target.command('rollback')}") from None
    for route, url in sorted(infra.outputs().get("route_urls", {}).items()):
        print(f"  {route:<60} {url}")


def _make_stores(target: Target, infra: Infra, release: Release) -> None:
    """The bucket and the empty secrets come before the functions, which start with both."""
    addresses = infra.addresses()
    declared, there = release.secrets(target.integrations), existing(target.project)
    # Those that a roll-back put out of the state, or that their owner made by hand.
    found = sorted(declared & there - secrets_in(addresses))
    if found:
        step("stores", f"secrets that were there join the state: {', '.join(found)}")
    if "google_storage_bucket.archives" not in addresses or found or declared - there:
        infra.make_stores(release, found)
    step("stores", f"gs://{target.project}-archives, {len(declared)} secrets")


def _tell_left_out(target: Target, release: Release) -> None:
    """Which providers' functions run on mock data, or not at all."""
    left_out = sorted(release.left_out(target.integrations))
    if left_out:
        file = target.variables.relative_to(REPOSITORY)
        step("secrets", f"not used, because integrations in {file} names no such provider: {', '.join(left_out)}")


def _planned(infra: Infra, release: Release, environ: Environ, *, back: bool) -> Changes:
    changes = infra.plan(release)
    doomed = [secret(name) for name in secrets_in(changes.lost)]
    if back and doomed:
        # An earlier archive does not know them, and the next deploy needs their values.
        infra.forget(doomed)
        step("plan", f"kept, outside of the state: {', '.join(sorted(secrets_in(doomed)))}")
        changes = infra.plan(release)
    if changes.lost and environ.get("ALLOW_DATA_LOSS") != "1":
        raise Refused(
            "This would delete data for good. If that is what you want, set ALLOW_DATA_LOSS=1:\n  "
            + "\n  ".join(changes.lost)
        )
    step("plan", str(changes))
    return changes


def _confirm(target: Target, changes: Changes, environ: Environ) -> None:
    """A person says yes to production by typing its name. Raises `Refused`."""
    if not target.production or environ.get("YES") == "1":
        return
    for address, actions in changes.actions.items():
        if actions not in (["no-op"], ["read"]):
            print(f"  {'+'.join(actions):<14} {address}")
    try:
        typed = input(f"This changes production. Type the project id ({target.project}) to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != target.project:
        raise Refused("Nothing was applied. In a script, set YES=1.")


COMMANDS: dict[str, Callable[[Target, Environ], None]] = {
    "deploy": deploy,
    "destroy": destroy,
    "plan": plan,
    "releases": releases,
    "rollback": rollback,
    "terraform": terraform,
}


def main(arguments: list[str], environ: Environ) -> int:
    """0: done, 1: refused or failed."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"Use: python -m tools.deploy {'|'.join(COMMANDS)}", file=sys.stderr)
        return 1
    try:
        COMMANDS[arguments[0]](Target.read(environ), environ)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to complete it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
