"""tools/verify_draw.py as a buyer runs it, from a copy of the file, and web/raffle_draw.js beside it."""

from __future__ import annotations

import ast
import io
import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.raffles.draw import picks, sampled
from shared.raffles.drawing import round_after
from shared.raffles.merkle import Entry
from tests.factories.audits import (
    CLOSED_AT,
    LEDGER,
    QUICKNET,
    ROUND,
    SIGNATURE,
    altered,
    at,
    drand_draw,
    entries_in,
    inputs_in,
    leaves_in,
    local_draw,
    put,
    receipt_of,
    undrawn,
)
from tools import verify_draw

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "verify_draw.py"
SCRIPT = ROOT / "web" / "raffle_draw.js"
GOLDEN = ROOT / "tests" / "golden" / "raffles"
DRAWS = ("drand", "drand_large", "local", "one_ticket")
# What nobody's ticket depends on.
NO_INPUTS = {"note", "plannedDrawAt", "drawnAt", "changes"}
GARBAGE = [None, True, -1, 0, 1.5, 2**60, 10**400, "", "\n", "é", "\ud800", "x" * 5000, [], [None], {}, {"a": []}]
# Standard input: [function, arguments] of each call. Standard output: the results.
NODE = """
import * as page from {module};
let text = "";
for await (const chunk of process.stdin) text += chunk;
const results = [];
for (const [name, given] of JSON.parse(text)) results.push(await page[name](...given));
process.stdout.write(JSON.stringify(results));
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Judge = Callable[..., tuple[int, str]]
Call = tuple[str, list[Any]]
JavaScript = Callable[[Sequence[Call]], list[Any]]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(TOOL, tmp_path_factory.mktemp("anywhere") / "check.py"))


@pytest.fixture
def run(copied: Path, tmp_path: Path) -> Run:
    """The copied file in a process of its own, by default without any package. The first argument is the document."""

    def run(document: Any, *arguments: str, packages: bool = False) -> subprocess.CompletedProcess[str]:
        interpreter = [sys.executable, "-I"] if packages else [sys.executable, "-I", "-S"]
        (tmp_path / "audit.json").write_text(json.dumps(document))
        command = [*interpreter, str(copied), str(tmp_path / "audit.json"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)

    return run


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Exit status and everything that was written, of many documents in this process."""

    def judged(document: Any, *arguments: str) -> tuple[int, str]:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        status = verify_draw.main(["-", *arguments])
        written = capsys.readouterr()
        return status, written.out + written.err

    return judged


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("There is no node on this machine: web/raffle_draw.js cannot be run.")
    return found


@pytest.fixture(scope="module")
def javascript(node: str) -> JavaScript:

    def called(calls: Sequence[Call]) -> list[Any]:
        script = NODE.replace("{module}", json.dumps(SCRIPT.as_uri()))
        command = [node, "--input-type=module", "--eval", script]
        done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, check=False, timeout=90)
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return found

    return called


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def failed_in(output: str) -> set[str]:
    """Names of the checks that failed."""
    return {line[8:21].strip() for line in output.splitlines() if line.startswith("FAILED")}


def numbers_in(audit: Any) -> list[int]:
    return [pick["ticketNumber"] for pick in audit["picks"]]


# --- a right draw


@pytest.mark.parametrize("name", DRAWS)
def test_a_right_draw_is_right_for_whoever_has_the_file_alone(run: Run, name: str) -> None:
    audit = golden(name)
    done = run(audit)
    assert (done.returncode, done.stderr) == (0, "")
    assert failed_in(done.stdout) == set()
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("Winner", "Runner-up"))]
    assert [int(line[line.index("ticket") + 1].rstrip(",")) for line in lines] == numbers_in(audit)


def test_the_same_winners_in_three_programs(javascript: JavaScript) -> None:
    chance = random.Random(7)
    audits = [golden(name) for name in DRAWS]
    for _ in range(40):
        number, ledger = 0, []
        for _ in range(chance.randint(1, 30)):
            first = number + chance.randint(1, 4)
            number = first + chance.randint(0, 6)
            ledger.append(Entry(first, number, f"TXN_{chance.randint(1, 9)}"))
        make = chance.choice((drand_draw, local_draw))
        audits.append(make(ledger, seed=chance.randbytes(32), raffle_id=f"RAFFLE_{number}"))
    for audit, page in zip(audits, javascript([("verifyDraw", [audit]) for audit in audits]), strict=True):
        expected = picks(inputs_in(audit), entries_in(audit))
        assert (page["ok"], [pick["ticketNumber"] for pick in page["picks"]]) == (True, expected)
        found = verify_draw.picks_of(verify_draw.Draw.read(verify_draw.Fields(audit)))
        assert [(pick.first, pick.purchase_id) for pick in found] == [
            (pick["ticketNumber"], pick["purchaseId"]) for pick in page["picks"]
        ]
        assert [pick.first for pick in found] == expected


def test_both_check_the_same(judge: Judge, javascript: JavaScript) -> None:
    for audit in (drand_draw(), local_draw()):
        (page,) = javascript([("verifyDraw", [audit])])
        _, output = judge(audit, "--no-signature")
        names = [line[8:21].strip() for line in output.splitlines() if line.startswith("ok ")]
        assert [check["name"] for check in page["checks"]] == names


def test_without_drand_it_says_whose_randomness_it_was(run: Run) -> None:
    done = run(local_draw())
    assert done.returncode == 0
    assert "-       randomness    the shop's own machine made it" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("The randomness was the shop's own.")
    assert run(local_draw(), "--require-signature").returncode == 1


def test_a_completed_raffle_is_a_drawn_one(judge: Judge) -> None:
    assert judge({**local_draw(), "status": "completed"})[0] == 0


def test_it_needs_the_standard_library_alone_and_no_new_python() -> None:
    tree = ast.parse(TOOL.read_text(), feature_version=(3, 9))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.name for node in imported if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module or "" for node in imported if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_what_lies_beside_it_is_not_taken_for_the_standard_library(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(json.dumps(drand_draw()))
    shutil.copy(copied, tmp_path / "check.py")
    for name in ("token", "secrets", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of somebody else')")
    for options in ([], ["-I"]):
        command = [sys.executable, *options, "check.py", "audit.json", "--no-signature"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


# --- a changed one


@pytest.mark.parametrize("make", [drand_draw, local_draw])
def test_a_changed_character_of_any_input_is_found(
    make: Callable[[], dict[str, Any]], judge: Judge, javascript: JavaScript
) -> None:
    audit = make()
    places = [place for place in leaves_in(audit) if place[0] not in NO_INPUTS]
    changed = list(altered(audit, places))
    assert len(changed) > 700
    pages = javascript([("verifyDraw", [document]) for _, document in changed])
    assert [what for (what, _), page in zip(changed, pages, strict=True) if page["ok"]] == []
    assert [what for what, document in changed if judge(document, "--no-signature")[0] == 0] == []


@pytest.mark.parametrize(
    ("place", "value", "names"),
    [
        (("algorithm",), "livhana-raffle-2", {"algorithm"}),
        (("seed",), "00" * 32, {"seed", "picks"}),
        (("seedCommitment",), "00" * 32, {"seed", "picks"}),
        (("raffleId",), "RAFFLE_other", {"ledger root", "picks"}),
        (("ledgerRoot",), "00" * 32, {"ledger root", "picks"}),
        (("tickets",), 30, {"tickets", "ledger root", "picks"}),
        (("ledger", 0, "purchaseId"), "TXN_b2", {"ledger root"}),
        (("ledger", 0, "last"), 7, {"ledger order", "tickets", "ledger root", "picks"}),
        (("ledger", 4), {"first": 26, "last": 33, "purchaseId": "TXN_d4"}, {"ledger root", "picks"}),
        (("salesClosedAt",), "2023-09-15T10:59:50.250Z", {"round", "picks"}),
        (("salesClosedAt",), "2023-09-15T11:00:03.000Z", {"round", "round time", "picks"}),
        (("entropy", "round"), ROUND + 1, {"round", "round time", "picks"}),
        (("entropy", "roundTime"), "2023-09-15T11:00:03.001Z", {"round time"}),
        (("entropy", "randomness"), "00" * 32, {"randomness", "picks"}),
        (("entropy", "chainHash"), "00" * 32, {"chain", "picks"}),
        (("entropy", "publicKey"), "00" * 96, {"chain", "picks"}),
        (("entropy", "scheme"), "pedersen-bls-chained", {"chain"}),
        (("entropy", "period"), 30, {"chain", "round", "round time", "drawn at", "picks"}),
        (("drawnAt",), "2023-09-15T11:00:02.999Z", {"drawn at"}),
        (("picks", 0, "ticketNumber"), 15, {"picks"}),
        (("picks", 0, "rank"), 1, {"picks"}),
        (("picks",), [], {"picks"}),
    ],
)
def test_what_is_wrong_is_named(
    place: tuple[Any, ...], value: Any, names: set[str], judge: Judge, javascript: JavaScript
) -> None:
    audit = put(drand_draw(), place, value)
    status, output = judge(audit, "--no-signature")
    assert (status, failed_in(output)) == (1, names)
    (page,) = javascript([("verifyDraw", [audit])])
    assert {check["name"] for check in page["checks"] if not check["ok"]} == names


def test_a_left_out_runner_up_and_one_too_many_are_wrong(judge: Judge) -> None:
    audit = drand_draw()
    for named in (audit["picks"][:-1], [*audit["picks"], {"rank": 11, "ticketNumber": 3}], audit["picks"][::-1]):
        assert failed_in(judge({**audit, "picks": named}, "--no-signature")[1]) == {"picks"}


# --- the signature


def made_up() -> dict[str, Any]:
    """Everything in it fits together, but the signature is one that somebody has thought of."""
    return drand_draw(signature="ab" * 48)


def test_without_a_package_it_says_that_the_signature_is_not_checked(run: Run) -> None:
    for audit in (drand_draw(), made_up()):
        done = run(audit)
        assert done.returncode == 0
        assert "-       signature     not checked: pip install drand-verify (or py_ecc)" in done.stdout
        assert done.stdout.splitlines()[-1].endswith("The signature of drand was NOT checked.")
    strict = run(drand_draw(), "--require-signature")
    assert (strict.returncode, failed_in(strict.stdout)) == (1, {"signature"})


@pytest.mark.parametrize("package", ["drand_verify", "py_ecc"])
def test_the_signature_of_drand(package: str, monkeypatch: pytest.MonkeyPatch, judge: Judge) -> None:
    pytest.importorskip(package, reason="the package is not there, or has no wheel for this Python")
    for other in {"drand_verify", "py_ecc"} - {package}:
        monkeypatch.setitem(sys.modules, other, None)
    status, output = judge(drand_draw(), "--require-signature")
    assert (status, output.splitlines()[-1].split(": ")[1]) == (0, "right. Nobody could choose this result.")
    assert "ok      signature     the drand network signed this randomness" in output
    status, output = judge(made_up())
    assert (status, failed_in(output)) == (1, {"signature"})
    assert not verify_draw.signed(ROUND + 1, SIGNATURE, QUICKNET["public_key"])
    for malformed in ("00" * 48, "ff" * 48, "c0" + "00" * 47):
        assert not verify_draw.signed(ROUND, malformed, QUICKNET["public_key"])
    assert not verify_draw.signed(ROUND, SIGNATURE, "ff" * 96)


def test_the_key_of_the_document_is_never_trusted(judge: Judge) -> None:
    pytest.importorskip("drand_verify", reason="the package is not there, or has no wheel for this Python")
    audit = drand_draw(public_key="ff" * 96)
    status, output = judge(audit)
    assert (status, failed_in(output)) == (1, {"chain"})
    assert "ok      signature" in output


# --- another chain


def test_another_chain_needs_its_key_and_is_called_another(judge: Judge, javascript: JavaScript) -> None:
    key, closed_at = "ab" * 96, datetime(2026, 7, 1, 17, tzinfo=UTC)
    audit = drand_draw(
        chain_hash="cd" * 32,
        public_key=key,
        genesis_time=1780000000,
        period=1,
        sales_closed_at="2026-07-01T17:00:00.000Z",
        round=round_after(closed_at, 1780000000, 1),
    )
    status, output = judge(audit, "--no-signature")
    assert (status, failed_in(output)) == (1, {"chain"})
    assert "--chain-key" in output
    status, output = judge(audit, "--no-signature", "--chain-key", key)
    assert (status, "ANOTHER chain" in output) == (0, True)
    status, output = judge(audit, "--no-signature", "--chain-key", "00" * 96)
    assert (status, failed_in(output)) == (1, {"chain"})
    calls: list[Call] = [("verifyDraw", [audit, {"chainKey": given}]) for given in (key, "00" * 96)]
    assert [page["ok"] for page in javascript([*calls, ("verifyDraw", [audit])])] == [True, False, False]


def test_the_key_of_another_chain_does_not_loosen_quicknet(judge: Judge) -> None:
    status, output = judge(drand_draw(public_key="ab" * 96), "--no-signature", "--chain-key", "ab" * 96)
    assert (status, failed_in(output)) == (1, {"chain"})


@pytest.mark.parametrize("key", ["", "ab", "zz" * 96, "AB" * 96])
def test_a_key_that_is_none_is_a_usage_error(key: str, run: Run) -> None:
    done = run(drand_draw(), "--chain-key", key)
    assert (done.returncode, "192 hexadecimal digits" in done.stderr) == (2, True)


@given(st.integers(-5_000_000, 5_000_000), st.integers(1, 60))
def test_the_round_is_that_of_the_rule(milliseconds: int, period: int) -> None:
    closed_at = CLOSED_AT + timedelta(milliseconds=milliseconds)
    genesis = QUICKNET["genesis_time"]
    entropy = verify_draw.Entropy("drand", "", genesis_time=genesis, period=period)
    due = verify_draw.round_due(closed_at, entropy)
    assert due == round_after(closed_at, genesis, period)
    comes, last = (genesis + (number - 1) * period for number in (due, due - 1))
    # More than a period after the close, and no later than that.
    assert last <= closed_at.timestamp() + period < comes


# --- rejection sampling


def test_words_that_would_favour_low_positions_are_passed_over_in_all_three(node: str) -> None:
    """JSON holds no 64-bit numbers, so the words are written into a small script."""
    cases = [([2**64 - 1, 1, 2, 0], 3), ([2**64 - 2, 1, 0], 3), ([2**64 - 5, 2**64 - 6, 4, 4, 3, 2, 1, 0], 11)]
    for words, tickets in cases:
        enough = [*words, *range(tickets)]
        expected = sampled(enough, tickets, 11)
        assert verify_draw.sampled(iter(enough), tickets) == expected
        text = ", ".join(f"{word}n" for word in enough)
        script = (
            f"import {{ sampled }} from {json.dumps(SCRIPT.as_uri())};"
            f"console.log(JSON.stringify(await sampled([{text}], {tickets})));"
        )
        command = [node, "--input-type=module", "--eval", script]
        assert json.loads(subprocess.check_output(command, text=True, timeout=30)) == expected


# --- documents that cannot be checked


@pytest.mark.parametrize("status", ["draft", "active", "sold_out", "cancelled"])
def test_an_unfinished_raffle_is_said_to_be_one(status: str, run: Run, javascript: JavaScript) -> None:
    audit = {**undrawn(), "status": status}
    done = run(audit)
    assert (done.returncode, done.stdout) == (2, "")
    said = "was called off" if status == "cancelled" else "has not been drawn yet (not there yet: seed, drawnAt)"
    assert f"Field status is '{status}'" in done.stderr
    assert said in done.stderr
    (page,) = javascript([("verifyDraw", [audit])])
    (check,) = page["checks"]
    assert (page["ok"], check["name"], said in check["detail"]) == (False, "document", True)


def test_a_document_without_the_ledger_says_how_to_get_it(run: Run) -> None:
    audit = drand_draw()
    del audit["ledger"]
    done = run(audit)
    assert (done.returncode, "?ledger=true" in done.stderr) == (2, True)


def test_a_missing_or_strange_field_is_named(judge: Judge, javascript: JavaScript) -> None:
    audit = {**drand_draw(), "receipt": receipt_of(9)}
    places = [place for place in leaves_in(audit) if place[0] not in NO_INPUTS]
    places += [("drawnAt",), ("entropy",), ("picks",), ("ledger",), ("picks", 3), ("ledger", 2), ("receipt", "path")]
    strange = [(place, put(audit, place, garbage)) for place in places for garbage in GARBAGE]
    documents = [one for one in strange if json.dumps(one[1]) != json.dumps(audit)]
    pages = javascript([("verifyDraw", [document]) for _, document in documents])
    assert [page for page in pages if page["ok"]] == []
    for place, document in documents:
        status, output = judge(document, "--no-signature")
        assert status in (1, 2)
        named = [str(part) for part in place if isinstance(part, str)]
        assert status == 1 or named[-1] in output, (place, output)


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: repr(value)[:12])
def test_garbage_in_any_place_never_ends_in_a_traceback(garbage: Any, judge: Judge) -> None:
    audit = drand_draw()
    for place in [
        ("raffleId",),
        ("status",),
        ("tickets",),
        ("picks",),
        ("ledger",),
        ("entropy", "round"),
        ("entropy",),
    ]:
        assert judge(put(audit, place, garbage), "--no-signature")[0] in (1, 2)
    assert judge(garbage)[0] == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b'"text"', b"1" * 10_000, b"NaN", b"{}", b'{"status": 1}'],
    ids=lambda content: repr(content[:10]),
)
def test_a_file_of_something_else(content: bytes, copied: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_bytes(content)
    command = [sys.executable, "-I", "-S", str(copied), "audit.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("verify_draw: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there(copied: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(copied), str(tmp_path / "nothing.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "cannot be read" in done.stderr) == (2, True)


def test_javascript_takes_anything(javascript: JavaScript) -> None:
    strange: list[Any] = [None, True, 1, "", "text", [], {}, {"status": "drawn"}, {"receipt": 1, "status": "drawn"}]
    pages = javascript([("verifyDraw", [one]) for one in strange] + [("verifyReceipt", [one, one]) for one in strange])
    assert [page["ok"] for page in pages] == [False] * len(pages)
    assert all(page["checks"][-1]["detail"] for page in pages)


# --- receipts


def test_a_receipt_from_a_file_alone_or_in_an_answer(run: Run, tmp_path: Path) -> None:
    for written in (receipt_of(9), {**undrawn(), "receipt": receipt_of(9)}):
        (tmp_path / "receipt.json").write_text(json.dumps(written))
        done = run(drand_draw(), "--receipt", str(tmp_path / "receipt.json"))
        assert done.returncode == 0
        assert "ok      receipt       ticket 9, purchase TXN_c3: it is in the list" in done.stdout


def test_a_receipt_is_checked_before_the_draw(judge: Judge, javascript: JavaScript) -> None:
    right = {**undrawn(), "receipt": receipt_of(9)}
    status, output = judge(right)
    assert (status, "ok      receipt" in output, "has not been drawn yet" in output) == (2, True, True)
    wrong = put(right, ("receipt", "purchaseId"), "TXN_b2")
    status, output = judge(wrong)
    assert (status, failed_in(output)) == (1, {"receipt"})
    pages = javascript([("verifyReceipt", [right, right]), ("verifyReceipt", [wrong["receipt"], right])])
    assert [page["ok"] for page in pages] == [True, False]


def test_a_changed_receipt_proves_nothing(judge: Judge, javascript: JavaScript) -> None:
    audit = {**drand_draw(), "receipt": receipt_of(9)}
    changed = list(altered(audit, [place for place in leaves_in(audit) if place[0] == "receipt"]))
    assert [what for what, document in changed if judge(document, "--no-signature")[0] == 0] == []
    pages = javascript([("verifyReceipt", [document["receipt"], audit]) for _, document in changed])
    assert [what for (what, _), page in zip(changed, pages, strict=True) if page["ok"]] == []


def test_every_ticket_has_a_receipt_that_both_accept(judge: Judge, javascript: JavaScript) -> None:
    audit = drand_draw()
    receipts = [receipt_of(number) for entry in LEDGER for number in range(entry.first, entry.last + 1)]
    pages = javascript([("verifyReceipt", [receipt, audit]) for receipt in receipts])
    assert all(page["ok"] for page in pages)
    assert all(judge({**audit, "receipt": receipt}, "--no-signature")[0] == 0 for receipt in receipts)


@pytest.mark.parametrize("receipt", [receipt_of(9, raffle_id="RAFFLE_other"), receipt_of(9, LEDGER[:4])])
def test_a_receipt_of_another_raffle_or_ledger(receipt: dict[str, Any], judge: Judge) -> None:
    assert failed_in(judge({**drand_draw(), "receipt": receipt}, "--no-signature")[1]) == {"receipt"}


def test_what_became_of_a_ticket(judge: Judge) -> None:
    audit = drand_draw()
    winner, second = numbers_in(audit)[:2]
    nobody = next(number for number in range(1, 6) if number not in numbers_in(audit))
    for ticket, said in ((winner, "it won"), (second, "it is runner-up 1"), (nobody, "it was not picked")):
        status, output = judge(audit, "--no-signature", "--ticket", str(ticket))
        assert (status, said in output) == (0, True)
    for ticket in (7, 0, 1000):
        status, output = judge(audit, "--no-signature", "--ticket", str(ticket))
        assert (status, failed_in(output)) == (1, {"ticket"})


# --- from an address


@pytest.fixture
def address() -> Iterator[str]:
    """An API that gives the ledger when it is asked for, and knows one raffle."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            audit = drand_draw()
            path, _, query = self.path.partition("?")
            if "ledger=true" not in query:
                del audit["ledger"]
            self.send_response(200 if path.endswith("/audit") else 404)
            self.end_headers()
            self.wfile.write(json.dumps(audit).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_is_asked_for_the_ledger(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("/audit", "/audit?ledger=false", "/audit?x=1"):
        assert verify_draw.main([address + asked, "--no-signature"]) == 0
    assert verify_draw.main([address + "/nothing"]) == 2
    assert "HTTP Error 404" in capsys.readouterr().err


def test_the_picks_of_the_real_round_are_those_of_its_randomness() -> None:
    audit = golden("drand")
    assert at(audit, ("entropy", "randomness")) == sha256(bytes.fromhex(SIGNATURE)).hexdigest()
    assert at(audit, ("entropy", "randomness")) == "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"
