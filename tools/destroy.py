"""Take everything away: `make destroy PROJECT= REGION= [ENVIRONMENT=] CONFIRM=<project>`."""

from __future__ import annotations

from collections.abc import Mapping

from tools.cloud import Refused, Target, step
from tools.infra import DATA, Infra, Release
from tools.preflight import check
from tools.releases import Bucket


def destroy(target: Target, environ: Mapping[str, str]) -> None:
    """Functions, data, keys and archives; may be repeated. Raises `Refused`."""
    if environ.get("CONFIRM") != target.project:
        raise Refused(
            f"This deletes every customer record, the audit trail and the keys of {target.project}, for good. If that "
            f"is what you want: {target.command('destroy')} CONFIRM={target.project}"
        )
    check(target, environ, deploys=False)
    infra = Infra(target)
    infra.init()
    addresses = infra.addresses()
    if addresses:
        release = _live(target, infra)
        guarded = [address for address in addresses if address.split(".")[0] in DATA]
        if guarded:
            infra.apply_only(release, tuple(guarded), "-var=deletion_protection=false")
            step("destroy", f"protection lifted from {len(guarded)} resources")
        infra.destroy(release, "-var=deletion_protection=false")
    step("destroy", f"nothing of {target.project} is left in Terraform's state")
    print(_what_stays(target))


def _live(target: Target, infra: Infra) -> Release:
    """What runs, with its own declarations: lifting protection must not change anything else."""
    live = str(infra.outputs().get("archive", ""))
    bucket = Bucket.read(target.project)
    if live in bucket.archives:
        return bucket.fetch(live, target.folder)
    # Stopped before its first apply was done, or the archive is gone: only stores are left to name.
    declarations = target.variables.parents[1] / "generated" / "functions.json"
    return Release(live or "0" * 64, declarations, declarations)


def _what_stays(target: Target) -> str:
    return f"""What stays, and how to remove it:
  state bucket   gcloud storage rm --recursive gs://{target.project}-state
  key ring       costs nothing and can never be deleted: to deploy here again, give kms_key_ring a new name in
                 infra/environments/{target.environment}.tfvars. Its keys' versions are gone after 30 days.
  backups        expire by themselves within 14 weeks, or: gcloud firestore backups list --project={target.project}
                 gcloud firestore backups delete --backup=<id> --location={target.region} --project={target.project}
  services       stay enabled and cost nothing
  all of it      gcloud projects delete {target.project}   (also what you made by hand; can be undone for 30 days)"""
