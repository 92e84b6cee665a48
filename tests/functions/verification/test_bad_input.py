"""Bad input at verify, sent to a real process: a 4xx that names the field; nothing personal logged, nothing stored."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud.firestore import Client

from tests.factories.claims import verify_body
from tests.factories.documents import documents
from tests.factories.personal import personal_in
from tests.factories.processes import FunctionProcess, new_project
from tests.factories.tokens import bearer

# One process for all of them, whose store is read at the end: spread over workers, one might have stored nothing.
pytestmark = pytest.mark.xdist_group("bad_input")
NAME, BORN, DIGITS, EMAIL = "Zelda Exampleson", "1987-12-24", "9371", "zelda@example.com"
PERSONAL = ("Zelda", "Exampleson", BORN, DIGITS, "zelda", "c-bad", "Bearer", "eyJ")
ORDERS = bearer("service", "zelda-orders")
JSON = {"Content-Type": "application/json", **ORDERS}
numbers = itertools.count(1)
Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    log = tmp_path_factory.mktemp("verify") / "log"
    with FunctionProcess("verification_verify", new_project(), log, RATE_LIMIT_SIGNED_IN="100000") as running:
        yield running
        kept = str(documents(Client(project=running.project)))
    assert "verification_attempts/" in kept
    assert personal_in(kept, *PERSONAL) == [], "what was refused can be read in the store"


def body(**changes: Any) -> dict[str, Any]:
    """A good body of a customer of its own; `changes` spoil it."""
    person = {"fullName": NAME, "dateOfBirth": BORN, "idNumberLast4": DIGITS, "email": EMAIL}
    return verify_body(f"c-bad-{next(numbers)}", **{**person, **changes})


@pytest.fixture
def send(process: FunctionProcess) -> Iterator[Callable[..., Answer]]:
    """Send these bytes; afterwards nothing personal was logged and nothing stored."""
    before = len(process.output())

    def post(raw: Any, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
        try:
            chunked = not isinstance(raw, bytes)
            connection.request("POST", "/verify", raw, {**JSON, **headers}, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    yield post
    logged = process.output()[before:]
    assert logged
    assert personal_in(logged, *PERSONAL) == [], logged
    assert "unhandled_exception" not in logged
    assert documents(Client(project=process.project), "verifications", "outbox", "idempotency") == {}


Send = Callable[..., Answer]


def assert_refused(answer: Answer, status: int, code: str, field: str | None) -> None:
    found, shown = answer
    assert (found, shown["success"], shown["code"], shown.get("field")) == (status, False, code, field)
    assert personal_in(json.dumps(shown, ensure_ascii=False), *PERSONAL) == []


# --- what is no JSON


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b'{"customerId": "c-bad", "fullName": "Zelda Ex', "invalid_json", id="cut"),
        pytest.param(b"Zelda Exampleson", "invalid_json", id="text"),
        pytest.param(b'["Zelda Exampleson"]', "invalid_json", id="a list"),
        pytest.param(b'"Zelda Exampleson"', "invalid_json", id="a string"),
        pytest.param(b"customerId=c-bad&fullName=Zelda", "invalid_json", id="a form"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(body()).encode(), "invalid_json", id="BOM"),
        pytest.param(json.dumps(body()).encode("utf-16"), "invalid_json", id="UTF-16"),
        pytest.param(json.dumps(body()).encode("utf-32"), "invalid_json", id="UTF-32"),
        pytest.param(
            json.dumps(body(fullName="José"), ensure_ascii=False).encode("latin-1"), "invalid_json", id="Latin 1"
        ),
        pytest.param(b'{"fullName": "Zelda \\ud83d"}', "invalid_json", id="lone high surrogate"),
        pytest.param(b'{"fullName": "Zelda \\ude00 x"}', "invalid_json", id="lone low surrogate"),
        pytest.param(b'{"idNumberLast4": NaN}', "invalid_json", id="NaN"),
        pytest.param(b'{"idNumberLast4": -Infinity}', "invalid_json", id="Infinity"),
        pytest.param(b'{"idNumberLast4": ' + b"9" * 6000 + b"}", "invalid_json", id="6,000 digits"),
        pytest.param(b"[" * 30_000, "invalid_json", id="30,000 open brackets"),
        pytest.param(b'{"fullName":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "invalid_json", id="nested lists"),
        pytest.param(b'{"":' * 12_000 + b"1" + b"}" * 12_000, "invalid_json", id="nested objects"),
    ],
)
def test_what_is_no_json_object_is_refused(send: Send, raw: bytes, code: str) -> None:
    assert_refused(send(raw), 400, code, "body")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_another_media_type_is_refused(send: Send, media: str) -> None:
    status, shown = send(json.dumps(body()).encode(), **{"Content-Type": media})
    assert (status, shown["code"]) == (415, "unsupported_media_type")


# --- too much


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"x" * 10_000_000, id="10 MB"),
        pytest.param(b"x" * 40_000_000, id="40 MB"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 brackets"),
        pytest.param(json.dumps(body(fullName="Zelda " + "E" * 100_000)).encode(), id="a name of 100 KB"),
    ],
)
def test_over_64_kib_the_client_sees_the_answer_and_no_reset(send: Send, raw: bytes) -> None:
    assert_refused(send(raw), 413, "body_too_large", "body")


@pytest.mark.parametrize("size", [70_000, 10_000_000])
def test_so_it_does_when_the_length_is_not_announced(send: Send, size: int) -> None:
    chunks = (b"x" * 50_000 for _ in range(size // 50_000 + 1))
    assert_refused(send(chunks, **{"Transfer-Encoding": "chunked"}), 413, "body_too_large", "body")


def test_a_caller_without_a_token_sees_the_refusal_too(send: Send) -> None:
    status, shown = send(b"x" * 10_000_000, Authorization="")
    assert (status, shown["code"]) == (401, "unauthenticated")


def test_a_chunked_body_is_read_like_any_other(send: Send) -> None:
    raw = json.dumps(body(state="XX")).encode()
    chunks = (raw[start : start + 7] for start in range(0, len(raw), 7))
    assert_refused(send(chunks, **{"Transfer-Encoding": "chunked"}), 400, "state_invalid", "state")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"Content-Length: 500\r\n\r\n{", id="less than announced"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nZELDA\r\n", id="no chunk"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", id="half a chunk"),
    ],
)
def test_a_body_that_ends_early_is_no_failure_of_ours(process: FunctionProcess, send: Send, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", process.port), timeout=30) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in JSON.items())
        connection.sendall(f"POST /verify HTTP/1.1\r\nHost: localhost\r\n{head}".encode() + sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"field":"body"' in answer
    assert send(b"{}")[0] == 400


# --- wrong fields

FIELDS = ("customerId", "fullName", "dateOfBirth", "idNumberLast4", "state", "email")


@pytest.mark.parametrize("value", [5, 9371.5, True, [], ["Zelda"], {}, {"Zelda": "9371"}], ids=repr)
@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_type_is_refused_by_the_name_of_the_field(send: Send, field: str, value: Any) -> None:
    raw = json.dumps({**body(), field: value}).encode()
    assert_refused(send(raw), 400, "invalid_field", field)


@pytest.mark.parametrize("value", ["", " ", None], ids=repr)
@pytest.mark.parametrize("field", FIELDS[:5])
def test_a_blank_field_is_missing(send: Send, field: str, value: Any) -> None:
    answer = send(json.dumps({**body(), field: value}).encode())
    assert_refused(answer, 400, "missing_fields", field)
    assert answer[1]["missing"] == [field]


@pytest.mark.parametrize(
    "customer_id",
    [
        "x" * 129,
        "c bad",
        "c-bad\n",
        "c-bad\u0000",
        "c-bad/1",
        "../c-bad",
        "..",
        "c\u202ebad",
        "ÿc-bad",
        "'; DROP TABLE c-bad",
    ],
)
def test_what_cannot_be_a_customer_id_is_refused(send: Send, customer_id: str) -> None:
    assert_refused(send(json.dumps(body(customerId=customer_id)).encode()), 400, "invalid_field", "customerId")


@pytest.mark.parametrize(
    "email", ["zelda", "zelda@", "@example.com", "a b@example.com", "zelda@example.com\n", "z" * 250 + "@example.com"]
)
def test_what_cannot_be_an_e_mail_address_is_refused(send: Send, email: str) -> None:
    assert_refused(send(json.dumps(body(email=email)).encode()), 400, "invalid_field", "email")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nickname", "nickname"),
        ("__proto__", "__proto__"),
        ("full_name", "full_name"),
        ("Zelda 9371", "an unknown field"),
    ],
)
def test_an_unknown_field_is_refused_by_its_name_where_it_is_harmless(send: Send, name: str, shown: str) -> None:
    assert_refused(send(json.dumps({**body(), name: "Zelda"}).encode()), 400, "unknown_field", shown)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_comes_twice_is_refused_by_its_name(send: Send, field: str) -> None:
    raw = json.dumps(body())[:-1] + f', "{field}": "Zelda"}}'
    assert_refused(send(raw.encode()), 400, "duplicate_field", field)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Zelda\u0000Exampleson Jr", id="NUL"),
        pytest.param("Zelda \u202eExampleson", id="right-to-left override"),
        pytest.param("Zelda \u2066Exampleson\u2069", id="bidi isolate"),
        pytest.param("Zelda\u200b Exampleson", id="zero-width space"),
        pytest.param("Zelda\nExampleson", id="line end"),
        pytest.param("Zelda <b>Exampleson</b>", id="markup"),
        pytest.param("Zelda Exampleson 2", id="digit"),
        pytest.param("Zelda", id="one part"),
        pytest.param("Zelda " + "E" * 60_000, id="60 KB"),
        pytest.param("Zelda " + "e\u0301" * 4_000, id="4,000 marks"),
        pytest.param("Zelda \ue000", id="private use"),
        pytest.param("Zelda \U0001f600", id="emoji"),
    ],
)
def test_a_name_that_is_none_is_refused_and_remembered_only_as_an_attempt(send: Send, name: str) -> None:
    status, shown = send(json.dumps(body(fullName=name)).encode())
    assert (status, shown["field"], shown["method"], shown["verified"]) == (400, "fullName", "input_validation", False)
    assert "Zelda" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dateOfBirth": "24/12/1987"}, "dateOfBirth"),
        ({"dateOfBirth": "1987-02-30"}, "dateOfBirth"),
        ({"dateOfBirth": "1987-12-24T00:00:00Z"}, "dateOfBirth"),
        ({"dateOfBirth": "١٩٨٧-12-24"}, "dateOfBirth"),
        ({"dateOfBirth": "1987" * 10_000}, "dateOfBirth"),
        ({"idNumberLast4": "93711"}, "idNumberLast4"),
        ({"idNumberLast4": "٩٣٧١"}, "idNumberLast4"),
        ({"idNumberLast4": "9371\n"}, "idNumberLast4"),
        ({"state": "Texas"}, "state"),
        ({"state": "T\u0000"}, "state"),
        ({"state": "ﬀ"}, "state"),
    ],
)
def test_a_value_that_is_none_is_refused_by_the_name_of_the_field(
    send: Send, changes: dict[str, str], field: str
) -> None:
    status, shown = send(json.dumps(body(**changes)).encode())
    assert (status, shown["field"], shown["verified"]) == (400, field, False)


@pytest.mark.parametrize("key", ["a b", "x" * 129, '""', "\u00e9"])
def test_a_bad_idempotency_key_is_refused_by_its_name(send: Send, key: str) -> None:
    answer = send(json.dumps(body()).encode(), **{"Idempotency-Key": key})
    assert_refused(answer, 400, "invalid_idempotency_key", "Idempotency-Key")


@pytest.mark.parametrize("key", ["zelda-9371-c-bad", "Zelda"])
def test_a_key_that_is_personal_is_not_logged(send: Send, key: str) -> None:
    assert send(json.dumps(body(state=5)).encode(), **{"Idempotency-Key": key})[0] == 400
