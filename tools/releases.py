"""The archives bucket: what was uploaded, what was deployed and found ready, what a roll-back goes back to.

functions/<sha256>.zip        an archive
functions/<sha256>.json       the functions.json that it was built with
releases/<UTC time>-<sha256>  an empty mark for each time that an archive was deployed and found ready
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared.platform.clock import Clock
from tools.cloud import ProgramFailed, Refused, Target, gcloud, step
from tools.infra import Release

HASH = re.compile(r"[0-9a-f]{64}")
MARK = re.compile(r"releases/(\d{8}T\d{6}Z)-([0-9a-f]{64})")
TIME = "%Y%m%dT%H%M%SZ"
# The bucket deletes objects after 180 days; what is deployed again is uploaded again well before that.
RENEWED_AFTER = timedelta(days=90)


@dataclass(frozen=True)
class Bucket:
    """What lies in the archives bucket: archive → when it was uploaded; marks, oldest first: (when, archive)."""

    url: str
    archives: dict[str, datetime]
    marks: list[tuple[datetime, str]]

    @classmethod
    def read(cls, project: str) -> Bucket:
        """Empty when there is no bucket yet. Raises `Refused`."""
        url = f"gs://{project}-archives"
        try:
            listed = json.loads(gcloud("storage", "ls", "--json", f"{url}/**") or "[]")
        except ProgramFailed as error:
            if "matched no objects" not in error.output and "404" not in error.output:
                raise
            listed = []
        names = {o["metadata"]["name"]: datetime.fromisoformat(o["metadata"]["timeCreated"]) for o in listed}
        # The archive is uploaded after its declarations: where it is, both are.
        archives = {Path(n).stem: at for n, at in names.items() if re.fullmatch(r"functions/[0-9a-f]{64}\.zip", n)}
        marks = [match for name in sorted(names) if (match := MARK.fullmatch(name))]
        return cls(url, archives, [(datetime.fromisoformat(m[1]), m[2]) for m in marks])

    def upload(self, release: Release) -> None:
        """Safe to repeat: the name says what the content is. Raises `Refused`."""
        check_content(release)
        uploaded = self.archives.get(release.archive)
        if uploaded and Clock().now() - uploaded < RENEWED_AFTER:
            step("upload", f"{release.archive[:12]} is in {self.url} since {uploaded:%Y-%m-%d}")
            return
        for file, suffix in ((release.declarations, "json"), (release.zip, "zip")):
            gcloud("storage", "cp", str(file), f"{self.url}/functions/{release.archive}.{suffix}")
        step("upload", f"{release.archive[:12]} to {self.url}/functions/")

    def fetch(self, archive: str, folder: Path) -> Release:
        """An earlier release, on this machine. Raises `Refused`."""
        if archive not in self.archives:
            raise Refused(f"Archive {archive} is not in {self.url}. See which are: make releases")
        folder.mkdir(parents=True, exist_ok=True)
        release = Release(archive, folder / f"{archive}.zip", folder / f"{archive}.json")
        for file, suffix in ((release.declarations, "json"), (release.zip, "zip")):
            gcloud("storage", "cp", f"{self.url}/functions/{archive}.{suffix}", str(file))
        check_content(release)
        step("archive", f"{archive[:12]} from {self.url}, uploaded {self.archives[archive]:%Y-%m-%d %H:%M} UTC")
        return release

    def before(self, live: str) -> str:
        """The archive before the one that runs: the last that was found ready, else the last upload before it."""
        found_ready = [archive for _, archive in self.marks if archive != live and archive in self.archives]
        if found_ready:
            return found_ready[-1]
        limit = self.archives.get(live)
        earlier = [a for a, at in self.archives.items() if a != live and (limit is None or at < limit)]
        if not earlier:
            raise Refused(
                f"There is no archive before {live[:12] or 'the first deploy'} in {self.url} to go back to. "
                "Mend what is wrong and run make deploy again."
            )
        return max(earlier, key=self.archives.__getitem__)

    def mark_ready(self, archive: str) -> None:
        """Remember that this archive was deployed and found ready."""
        if self.marks and self.marks[-1][1] == archive:
            return
        gcloud("storage", "cp", "-", f"{self.url}/releases/{Clock().now():{TIME}}-{archive}")


def packaged(archive: str, folder: Path) -> Release | None:
    """What `make package` left in the folder, if it is there whole."""
    release = Release(archive, folder / f"{archive}.zip", folder / f"{archive}.json")
    return release if release.zip.exists() and release.declarations.exists() else None


def check_content(release: Release) -> None:
    """Raises `Refused` when the archive is not what its name says."""
    found = hashlib.sha256(release.zip.read_bytes()).hexdigest()
    if found != release.archive:
        raise Refused(
            f"{release.zip} has the SHA-256 {found}, not the one in its name: it was altered or cut off. "
            "Delete it and run make package."
        )


def print_releases(target: Target, live: str) -> None:
    """Every archive with its dates, newest first; which one is live."""
    bucket = Bucket.read(target.project)
    if not bucket.archives:
        print(f"No archive in {bucket.url} yet. Upload the first with: {target.command('deploy')}")
    ready = {archive: at for at, archive in bucket.marks}
    for archive, uploaded in sorted(bucket.archives.items(), key=lambda item: item[1], reverse=True):
        found = f"ready {ready[archive]:%Y-%m-%d %H:%M}" if archive in ready else "never found ready"
        print(f"{archive}  uploaded {uploaded:%Y-%m-%d %H:%M}  {found}{'  LIVE' if archive == live else ''}")
