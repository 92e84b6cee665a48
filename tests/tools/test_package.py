"""`python -m tools.package`: the same archive every time, with what functions need and no more."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.cloud import Refused
from tools.package import build, main

ROOT = Path(__file__).parents[2]
LOCK = "requirements/functions.txt"
SERVICE = "shared/verification/service.py"
# What the command reads, and where it lies itself.
PARTS = ("docs", "functions", "infra", "local", "main.py", "requirements", "shared", "tools")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository that the test may change."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture
def run(copy: Path, tmp_path: Path) -> Run:
    """The copy's own command, somewhere else than in the copy."""

    def package(*arguments: str, **options: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tools.package", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(copy)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            **options,
        )

    return package


def names(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- the same bytes


def test_the_same_files_give_the_same_bytes(copy: Path) -> None:
    assert build(ROOT) == build(ROOT) == build(copy)


@pytest.mark.parametrize("name", ["main.py", SERVICE, LOCK, "shared/verification/queries/statistics.sql"])
def test_one_other_byte_gives_another_archive(copy: Path, name: str) -> None:
    before = build(copy)
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    assert build(copy) != before


def test_another_name_gives_another_archive(copy: Path) -> None:
    before = build(copy)
    (copy / SERVICE).rename(copy / "shared/verification/services.py")
    assert build(copy) != before


def test_times_modes_caches_and_dot_files_do_not_matter(copy: Path) -> None:
    before = build(copy)
    for cache in ("shared/__pycache__/x.cpython-311.pyc", "functions/audit/__pycache__/y.json", "shared/z.pyc"):
        (copy / cache).parent.mkdir(exist_ok=True)
        (copy / cache).write_bytes(b"cache")
    for hidden in ("shared/.DS_Store", "functions/.env", "shared/audit/.cache/key.py"):
        (copy / hidden).parent.mkdir(exist_ok=True)
        (copy / hidden).write_bytes(b"hidden")
    (copy / "shared/empty").mkdir()
    for number, path in enumerate(sorted(copy.rglob("*"))):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (number, number * 1_000))
    assert build(copy) == before


def test_the_command_gives_the_same_under_any_umask_and_in_any_folder(run: Run, copy: Path, tmp_path: Path) -> None:
    lines = {run("--output", str(tmp_path / f"{umask:o}"), umask=umask).stdout for umask in (0o000, 0o077)}
    digest = hashlib.sha256(build(ROOT)).hexdigest()
    assert lines == {f"{digest}\n"}
    assert (tmp_path / "0" / f"{digest}.zip").read_bytes() == (tmp_path / "77" / f"{digest}.zip").read_bytes()


# --- what is in it


def test_it_holds_what_functions_need_and_nothing_else() -> None:
    folders = [path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*") if path.is_file()]
    sources = {path.relative_to(ROOT).as_posix() for path in folders if path.suffix in (".html", ".py", ".sql", ".txt")}
    schemas = {f"infra/schemas/{path.name}" for path in (ROOT / "infra/schemas").glob("*.json")}
    found = names(build(ROOT))
    assert found == sorted({"main.py", "requirements.txt", *sources, *schemas})
    assert {"functions/verification/verify.py", "shared/verification/queries/statistics.sql"} <= set(found)
    assert "shared/notifications/templates/membership_welcome/body.html" in found
    assert "infra/schemas/commerce.age_verifications.json" in found


def test_every_file_is_there_byte_by_byte_and_the_lock_as_requirements() -> None:
    archive = zipfile.ZipFile(io.BytesIO(build(ROOT)))
    assert archive.testzip() is None
    for name in archive.namelist():
        path = ROOT / (LOCK if name == "requirements.txt" else name)
        assert archive.read(name) == path.read_bytes(), name


def test_entries_are_relative_plain_files_that_all_may_read(copy: Path) -> None:
    archive = build(copy)
    assert str(copy).encode() not in archive
    for entry in zipfile.ZipFile(io.BytesIO(archive)).infolist():
        assert not entry.filename.startswith("/")
        assert ".." not in entry.filename.split("/")
        assert (entry.external_attr >> 16, entry.date_time) == (0o100644, (1980, 1, 1, 0, 0, 0))
        assert (entry.compress_type, entry.create_system, entry.extra) == (zipfile.ZIP_STORED, 3, b"")


@pytest.mark.parametrize("name", ["shared/platform/key.pem", "functions/audit/notes.txt", "shared/audit/rules.py~"])
def test_a_file_that_no_function_reads_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_text("stray")
    with pytest.raises(Refused, match=re.escape(f"{name} is none of the files that functions read")):
        build(copy)


def test_a_symbolic_link_is_refused(copy: Path) -> None:
    (copy / "shared/elsewhere.py").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match=r"shared/elsewhere\.py is a symbolic link"):
        build(copy)


@pytest.mark.parametrize("name", ["main.py", "infra/schemas", LOCK])
def test_a_part_that_is_not_there_is_named(copy: Path, name: str) -> None:
    (copy / name).rename(copy / "away")
    with pytest.raises(Refused, match=rf"{re.escape(name)} is not there"):
        build(copy)


# --- the lock

HASHED = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example.com/simple",
        "--extra-index-url=https://packages.example.com/simple",
        "-i packages.example.com",
        "--find-links wheels",
        "--trusted-host packages.example.com",
        "#    from https://packages.example.com/simple",
        f"thing @ https://user:word@packages.example.com/thing.whl {HASHED}",
    ],
)
def test_a_lock_that_names_an_index_is_refused_without_repeating_it(copy: Path, line: str) -> None:
    changed(copy / LOCK, "flask==", f"{line}\nflask==")
    with pytest.raises(Refused, match=r"requirements/functions\.txt, line \d+, says where packages come") as refused:
        build(copy)
    assert "example.com" not in str(refused.value)


@pytest.mark.parametrize(
    ("requirement", "named"),
    [
        ("thing==1.0", "thing==1.0"),
        (f"thing>=1.0 {HASHED}", "thing>=1.0"),
        (f"thing==1.* {HASHED}", "thing==1.*"),
        (f"thing {HASHED}", "thing"),
        ("thing==1.0 --hash=md5:00", "thing==1.0"),
        (f"thing==1.0 \\\n    {HASHED} \\\n    --hash=sha256:00", "thing==1.0"),
        ("thing==1.0 ; python_full_version < '3.12'", "thing==1.0 ; python_full_version < '3.12'"),
        ("-r other.txt", "-r other.txt"),
        ("-e .", "-e ."),
        ("./thing.whl", "./thing.whl"),
    ],
)
def test_a_requirement_without_version_or_hash_is_refused(copy: Path, requirement: str, named: str) -> None:
    changed(copy / LOCK, "flask==", f"{requirement}\nflask==")
    with pytest.raises(Refused) as refused:
        build(copy)
    assert f"does not pin {named} to a version" in str(refused.value)


@pytest.mark.parametrize("requirement", ["thing==1.0", "thing[more]==1!2.0.post1+x", "thing==1 ; os_name == 'nt'"])
def test_a_requirement_may_have_extras_and_markers(copy: Path, requirement: str) -> None:
    changed(copy / LOCK, "flask==", f"{requirement} \\\n    {HASHED}\n    # via why\nflask==")
    assert requirement.encode() in zipfile.ZipFile(io.BytesIO(build(copy))).read("requirements.txt")


# --- the command


def test_it_writes_the_archive_and_its_declarations_and_prints_the_hash(run: Run, copy: Path, tmp_path: Path) -> None:
    done = run()
    (digest,) = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (copy / "dist").iterdir()) == [f"{digest}.json", f"{digest}.zip"]
    assert hashlib.sha256((copy / "dist" / f"{digest}.zip").read_bytes()).hexdigest() == digest
    declarations = (copy / "dist" / f"{digest}.json").read_bytes()
    assert declarations == (copy / "infra/generated/functions.json").read_bytes()
    assert run().stdout == done.stdout


@pytest.mark.parametrize("change", ["declared", "generated", "missing"])
def test_stale_declarations_are_refused(run: Run, copy: Path, change: str) -> None:
    generated = copy / "infra/generated/functions.json"
    if change == "declared":
        changed(copy / "functions/verification/verify.py", "min_instances=1", "min_instances=2")
    elif change == "generated":
        changed(generated, '"minInstances": 1', '"minInstances": 0')
    else:
        generated.unlink()
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "package: infra/generated/functions.json is stale. Run: make generate\n"
    assert not (copy / "dist").exists()


def test_a_refusal_leaves_nothing_and_prints_no_hash(run: Run, copy: Path) -> None:
    (copy / "shared/key.pem").write_text("stray")
    done = run("--output", str(copy / "out"))
    assert (done.returncode, done.stdout, (copy / "out").exists()) == (1, "", False)
    assert done.stderr.startswith("package: shared/key.pem is none of the files")


def test_main_answers_as_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--output", str(tmp_path)]) == 0
    digest = hashlib.sha256(build(ROOT)).hexdigest()
    assert capsys.readouterr().out == f"{digest}\n"
    assert json.loads((tmp_path / f"{digest}.json").read_text())["verification-verify"]["kind"] == "http"
