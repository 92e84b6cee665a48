"""Pack what Cloud Functions get: `dist/<sha256>.zip`, named by its content, and `dist/<sha256>.json` beside it.

The same files give the same bytes, on any machine and at any time. All functions share the archive; each is deployed
with its own entry point. The `.json` is the functions.json that belongs to it, which a roll-back deploys it with.
Standard output is the SHA-256 alone.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.cloud import REPOSITORY, Refused
from tools.generate import contents

LOCK = "requirements/functions.txt"
DECLARATIONS = "infra/generated/functions.json"
# Repository path → kinds of file that lie there. Any other kind is refused: a stray key would reach every function.
SOURCES: dict[str, tuple[str, ...]] = {
    "main.py": (".py",),
    "functions": (".json", ".py", ".sql"),
    "shared": (".html", ".json", ".py", ".sql", ".txt"),
    "infra/schemas": (".json",),
}
CACHES = ("__pycache__", ".pyc", ".pyo")
# Of every entry: the earliest time that the format can hold, and the mode of a plain file that all may read.
TIME = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644
UNIX = 3

REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[\w,.-]+\])?==[\w.+!]+"  # name[extra]==version
    r"(?:\s*;(?:(?!--).)*?)?"  # marker
    r"((?:\s+--hash=\S+)*)"
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# pip would take packages from there, whoever answers.
ELSEWHERE = re.compile(r"://|(?:^|\s)(?:-i|-f|--(?:extra-)?index-url|--find-links|--trusted-host)\b")


def build(repository: Path) -> bytes:
    """The archive, a ZIP: main.py, functions/, shared/, infra/schemas/ and requirements.txt (the lock).

    Raises `Refused` for a file of a kind that functions do not read, and for a lock that pip could not check.
    """
    files = {name: (repository / name).read_bytes() for name in _names(repository)}
    files["requirements.txt"] = _lock(repository)
    packed = io.BytesIO()
    # Stored, not deflated: zlib and its successors give different bytes, and Cloud Storage is paid for by the gigabyte.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = UNIX
            entry.external_attr = MODE << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def _names(repository: Path) -> Iterator[str]:
    for needed in (*SOURCES, LOCK):
        if not (repository / needed).exists():
            raise Refused(f"{repository / needed} is not there. Take it from a complete copy of the repository.")
    for source, kinds in SOURCES.items():
        for name in _below(repository, source):
            if (repository / name).is_symlink():
                raise Refused(f"{name} is a symbolic link. Put the file itself there.")
            if not name.endswith(kinds):
                raise Refused(
                    f"{name} is none of the files that functions read ({', '.join(kinds)}). "
                    "Delete it, or add its kind to SOURCES in tools/package.py."
                )
            yield name


def _below(repository: Path, name: str) -> Iterator[str]:
    """Every file at or below a path, except caches and what a dot hides."""
    path = repository / name
    if path.name.startswith(".") or path.name.endswith(CACHES):
        return
    if path.is_symlink() or not path.is_dir():
        yield name
        return
    for child in os.listdir(path):
        yield from _below(repository, f"{name}/{child}")


def _lock(repository: Path) -> bytes:
    """The lock as it is: pip insists on hashes when a line has one, and reads the markers on its own Python."""
    lock = (repository / LOCK).read_bytes()
    text = lock.decode()
    for number, line in enumerate(text.splitlines(), 1):
        if ELSEWHERE.search(line):
            raise Refused(
                f"{LOCK}, line {number}, says where packages come from. Functions take them from pip's own index "
                "only: take that out of the settings of uv, then run: make lock"
            )
    for requirement in _requirements(text):
        match = REQUIREMENT.fullmatch(requirement)
        hashes = match[1].split() if match else []
        if not hashes or not all(HASH.fullmatch(each) for each in hashes):
            raise Refused(
                f"{LOCK} does not pin {requirement.split(' --hash')[0]} to a version (==) with SHA-256 hashes. "
                "Run: make lock"
            )
    return lock


def _requirements(text: str) -> list[str]:
    """Lines without comments, each with those that continue it."""
    plain = re.sub(r"(?m)(^|\s)#.*$", "", text)
    return [line.strip() for line in re.sub(r"\s*\\\n\s*", " ", plain).splitlines() if line.strip()]


def _declarations(repository: Path) -> str:
    """functions.json as the code declares it. Raises `Refused` when the file says something else."""
    current = contents()[DECLARATIONS]
    path = repository / DECLARATIONS
    if not path.exists() or path.read_text(encoding="utf-8") != current:
        raise Refused(f"{DECLARATIONS} is stale. Run: make generate")
    return current


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, whenever it is stopped."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def main(arguments: Sequence[str]) -> int:
    """0: written, its hash is the last line of standard output; 1: refused, with a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "dist", help="folder, by default dist/")
    folder: Path = parser.parse_args(arguments).output
    try:
        declarations = _declarations(REPOSITORY)
        archive = build(REPOSITORY)
    except Refused as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    digest = hashlib.sha256(archive).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    # The archive last: where it is, both are.
    _write(folder / f"{digest}.json", declarations.encode())
    _write(folder / f"{digest}.zip", archive)
    print(digest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
