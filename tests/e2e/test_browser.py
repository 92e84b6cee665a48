"""A React form in a real browser, on another origin than the API: what a storefront's customer sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from shared.platform.clock import parse_wire_time
from tests.e2e.shop import Shop
from tests.e2e.stack import RunningStack

pytestmark = pytest.mark.xdist_group("stack")
STATUS = "/api/age-verification/status"
GOOD = {"fullName": "José Núñez", "dateOfBirth": "1990-05-15", "idNumberLast4": "1234", "state": "TX"}
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
# Milliseconds: the machine runs other tests beside these.
PATIENCE = 20_000
TIME_ZONE = "America/Denver"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("There is no Chromium on this machine. Install it with: apt-get install chromium")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *as_root])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", timezone_id=TIME_ZONE)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop.open(5173, 3000) as opened:
        if opened is None:
            pytest.skip("Ports 5173 and 3000 are both taken: no origin is left that the API allows.")
        yield opened


@pytest.fixture
def visit(page: Page, signed_stack: RunningStack) -> Callable[[Shop, str], Page]:
    """`visit(shop, "c-1")` opens the shop's form, signed in as that customer."""

    def opened(shop: Shop, customer_id: str) -> Page:
        token = signed_stack.token("customer", customer_id)
        shop.config = {"api": signed_stack.url, "token": token, "customerId": customer_id}
        page.goto(shop.origin)
        return page

    return opened


Visit = Callable[[Shop, str], Page]


def send(page: Page, **changes: str) -> None:
    for name, value in {**GOOD, **changes}.items():
        page.fill(f"#{name}", value)
    page.click("button")


def test_a_customer_is_verified_and_then_known(visit: Visit, shop: Shop) -> None:
    page = visit(shop, "c-browser")
    for method in ("full_verification", "cache"):
        with page.expect_response("**/verify") as answered:
            send(page)
        expect(page.locator("#outcome")).to_contain_text(f"Verified ({method}), valid until")
        expires_at = answered.value.json()["expiresAt"]
        expect(page.locator("time")).to_have_attribute("dateTime", expires_at)
        # The page may read these: the API exposes them to it.
        expect(page.locator("#request-id")).to_have_text(answered.value.request.headers["x-request-id"])
        assert page.locator("#request-id").inner_text().startswith("shop-")
        expect(page.locator("#limit")).to_contain_text('"signed_in";r=')


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("fullName", "Cher", "Full name must include first and last name"),
        ("fullName", "R2 D2", "Full name may only contain letters"),
        ("dateOfBirth", "31/01/1990", "Invalid date format. Use YYYY-MM-DD"),
        ("dateOfBirth", "2005-02-30", "Invalid date of birth"),
        ("dateOfBirth", "2199-01-01", "Date of birth cannot be in the future"),
        ("dateOfBirth", "2020-01-01", "Must be at least 21 years old"),
        ("idNumberLast4", "12", "ID number must be exactly 4 digits"),
        ("state", "ZZ", "Invalid state code"),
    ],
)
def test_a_refusal_stands_next_to_its_field(visit: Visit, shop: Shop, field: str, value: str, sentence: str) -> None:
    page = visit(shop, f"c-refused-{field}-{value}".replace(" ", "").replace("/", "."))
    send(page, **{field: value})
    expect(page.locator("#outcome")).to_have_text("2 attempts left")
    expect(page.locator(f"#{field}-error")).to_contain_text(sentence)
    assert page.locator("[aria-invalid=true]").evaluate_all("found => found.map(input => input.id)") == [field]


def test_what_is_missing_is_said_at_each_field_and_costs_no_attempt(visit: Visit, shop: Shop) -> None:
    page = visit(shop, "c-missing")
    send(page, dateOfBirth="", state="")
    expect(page.locator("#outcome")).to_have_text("Missing required fields: dateOfBirth, state")
    expect(page.locator("#dateOfBirth-error")).to_have_text("Please fill this in.")
    expect(page.locator("#state-error")).to_have_text("Please fill this in.")
    send(page, state="ZZ")
    expect(page.locator("#outcome")).to_have_text("2 attempts left")


def test_after_three_attempts_the_form_says_when_to_come_back_in_local_time(visit: Visit, shop: Shop) -> None:
    page = visit(shop, "c-too-many")
    for left in (2, 1, 0):
        send(page, idNumberLast4="12")
        expect(page.locator("#outcome")).to_have_text(f"{left} attempts left")
    with page.expect_response("**/verify") as answered:
        send(page)
    assert answered.value.status == 429
    expect(page.locator("#outcome")).to_contain_text("Too many verification attempts. Try again after")
    reset_at = answered.value.json()["resetAt"]
    expect(page.locator("time")).to_have_attribute("dateTime", reset_at)
    local = parse_wire_time(reset_at).astimezone(ZoneInfo(TIME_ZONE))
    assert (
        f"{local:%b} {local.day}, {local.year}, {local:%I:%M}".replace(", 0", ", ") in page.locator("time").inner_text()
    )


def test_a_page_of_another_origin_is_kept_out_by_the_browser(visit: Visit, signed_stack: RunningStack) -> None:
    with Shop.open(0) as stranger:
        assert stranger is not None
        page = visit(stranger, "c-stranger")
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        send(page)
        expect(page.locator("#outcome")).to_have_text("The age check cannot be reached. Try again.")
        assert any("CORS" in text and stranger.origin in text for text in said)
    # The preflight was refused, so the claim itself was never sent.
    service = signed_stack.bearer("service", "orders")
    assert signed_stack.get(f"{STATUS}/c-stranger", headers=service).status_code == 404


def test_the_document_viewer_shows_every_operation_under_its_policy(page: Page, signed_stack: RunningStack) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{signed_stack.url}/_local/docs/")
    document = signed_stack.get("/_local/docs/openapi.json").json()
    operations = [method for methods in document["paths"].values() for method in methods]
    expect(page.locator(".opblock")).to_have_count(len(operations))
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    assert complaints == []
