"""Every template in every state, and with nasty data: parsed back with the standard library and compared."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.mail_examples import AT, EXAMPLES, command
from shared.integrations.smtp import _on_the_wire
from shared.memberships import events as membership_events
from shared.notifications.errors import Refused
from shared.notifications.letters import Sender, letter, recipient
from shared.notifications.models import TEMPLATES, Command
from shared.notifications.rendering import FOLDER, PARTS, Templates
from shared.notifications.rules import LONGEST_NAME, LONGEST_SUBJECT, UNPRINTABLE, one_line
from shared.raffles import events as raffle_events

SENDER = Sender("Liv Hana", "no-reply@example.com", "help@example.com")
URL = "https://api.example.com/api/notifications/unsubscribe?c=1&s=2"
TEMPLATE = Templates("America/Chicago", "Liv Hana")
STATES = [(name, state) for name, states in EXAMPLES.items() for state in states]
ONCE = {
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "x-template",
    "auto-submitted",
    "mime-version",
    "content-type",
}
# Of HTML: what fetches something, runs something, or goes somewhere without a click.
FORBIDDEN = {"script", "img", "link", "iframe", "object", "embed", "form", "base", "video", "audio", "svg"}


class Read(HTMLParser):
    """What a mail program would show of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._texts: list[str] = []
        self._hidden = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value or "" for name, value in attrs if name == "href"]
        self._hidden += tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._texts.append(data)

    @property
    def words(self) -> list[str]:
        return " ".join(self._texts).split()


def wired(wanted: Command) -> bytes:
    """The message as a server takes it, its dots single again."""
    url = URL if wanted.unsubscribable else ""
    message = letter(wanted, TEMPLATE.render(wanted, url), SENDER, url, AT)
    raw = _on_the_wire(message)
    assert raw.endswith(b"\r\n.\r\n")
    lines = raw[:-3].split(b"\r\n")
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in lines)
    assert all(len(line) <= 78 for line in lines if b"=?utf-8?" in line)
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


def made(wanted: Command) -> tuple[EmailMessage, str, str]:
    """The message after the wire: (parsed, text, html)."""
    parsed = message_from_bytes(wired(wanted), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    plain, rich = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert plain is not None
    assert rich is not None
    return parsed, _content(plain), _content(rich)


def _content(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def test_every_template_is_there_and_has_examples() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert folders == set(TEMPLATES) == set(EXAMPLES)
    assert all((FOLDER / name / part).is_file() for name in folders for part in PARTS)


def test_who_makes_mails_names_templates_that_there_are() -> None:
    named = {raffle_events.BOUGHT, raffle_events.WON, raffle_events.RUNNER_UP, raffle_events.CALLED_OFF}
    assert named | set(membership_events.TEMPLATES.values()) <= set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_screenshot_of_every_template_is_in_the_docs(name: str) -> None:
    docs = Path(__file__).parents[3] / "docs"
    assert (docs / "images" / "mail" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert f"images/mail/{name}.png" in (docs / "mail.md").read_text()


@pytest.mark.parametrize(("name", "state"), STATES)
def test_the_text_says_all_that_the_html_says(name: str, state: str) -> None:
    parsed, text, rich = made(command(name, state))
    read = Read(rich)
    assert not FORBIDDEN & set(read.tags)
    assert not [attribute for attribute, _ in read.attributes if attribute.startswith("on") or attribute == "src"]
    assert all(link in text for link in read.links)
    # Labels of links say what the text's addresses say.
    labels = {"Verify", "my", "age", "again", "Or", "open", "this", "address"}
    assert _bare(read.words) <= _bare([*text.split(), *str(parsed["Subject"]).split()]) | labels
    assert "None" not in text
    assert "None" not in read.words


def _bare(words: Iterable[str]) -> set[str]:
    return {word.strip(":.,?") for word in words} - {""}


@pytest.mark.parametrize(("name", "state"), STATES)
def test_a_screen_reader_and_a_phone_can_read_it(name: str, state: str) -> None:
    _, _, rich = made(command(name, state))
    read = Read(rich)
    assert '<html lang="en">' in rich
    assert "width=device-width" in rich
    assert read.tags.count("h1") == 1
    assert ("aria-label", rich.partition("<title>")[2].partition("</title>")[0]) in [
        (key, html.escape(value or "", quote=False)) for key, value in read.attributes
    ]


@pytest.mark.parametrize(("name", "state"), STATES)
def test_missing_data_fails_loudly(name: str, state: str) -> None:
    """Each value that a template shows in some state is missed in that state."""
    data = EXAMPLES[name][state]
    whole = TEMPLATE.render(command(name, state))
    needed = 0
    for field in data:
        less = {key: value for key, value in data.items() if key != field}
        wanted = Command(id="mail_1", template=name, to="a@example.com", data=less, queued_at=AT)
        try:
            assert TEMPLATE.render(wanted).text == whole.text, field
        except jinja2.UndefinedError:
            needed += 1
    assert needed >= 3 - (name.startswith("membership"))


@pytest.mark.parametrize(
    ("name", "state", "said", "unsaid"),
    [
        ("age-verification-expiring", "with a name", "Hello José Núñez,", "Hello,"),
        ("age-verification-expiring", "without a name", "Hello,", "Hello ,"),
        ("membership_cancelled", "days are left", "through July 31, 2026", "have ended"),
        ("membership_cancelled", "ended now", "Your benefits have ended.", "through"),
        ("membership_cancelled", "money went back", "$97.00 of your SILVER membership went back", "as you asked"),
        ("membership_payment_failed", "tried again", "We try again on August 4, 2026", "has ended"),
        ("membership_payment_failed", "tried again, without a reason", "We try again", "bank said"),
        ("membership_payment_failed", "given up", "the membership has ended", "try again on"),
        ("raffle_purchase_confirmation", "with bonus entries", "Your bonus numbers: 101-105", "None"),
        ("raffle_purchase_confirmation", "one ticket, a prize in words", "Prize: A year of tea", "bonus"),
        ("raffle_purchase_confirmation", "with bonus entries", "August 31, 2026 at 7:00 PM CDT", "Z"),
        ("raffle_update", "without a reason", "is called off", "The reason"),
        ("raffle_update", "nothing was paid", "You paid nothing", "go back"),
        ("alert", "without figures", "Tags: sync,square", "Value"),
    ],
)
def test_each_state_reads_right(name: str, state: str, said: str, unsaid: str) -> None:
    _, text, _ = made(command(name, state))
    assert said in " ".join(text.split(" "))
    assert unsaid not in text.replace(str(EXAMPLES[name][state].get("purchaseId")), "")


@pytest.mark.parametrize(
    ("state", "subject"),
    [
        ("raised", "[critical] Verification success rate is low"),
        ("reminded", "[still critical] Verification success rate is low"),
        ("resolved", "[resolved] Verification success rate is low"),
    ],
)
def test_the_subject_of_an_alert_says_what_it_is(state: str, subject: str) -> None:
    assert str(made(command("alert", state))[0]["Subject"]) == subject


def test_the_reminder_has_the_subject_of_the_contract() -> None:
    assert str(made(command("age-verification-expiring", "with a name"))[0]["Subject"]) == (
        "Age Verification Expiring Soon"
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_who_can_unsubscribe_from_what(name: str) -> None:
    parsed, text, rich = made(command(name, next(iter(EXAMPLES[name]))))
    if name == "age-verification-expiring":
        assert parsed["List-Unsubscribe"].strip() == f"<{URL}>"
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert URL in text
        assert URL in Read(rich).links
    else:
        assert parsed["List-Unsubscribe"] is parsed["List-Unsubscribe-Post"] is None
        assert "nsubscribe" not in text + rich


def test_one_click_is_offered_by_https_only() -> None:
    wanted = command("age-verification-expiring", "with a name")
    url = URL.replace("https", "http")
    message = letter(wanted, TEMPLATE.render(wanted, url), SENDER, url, AT)
    assert message["List-Unsubscribe"] == f"<{url}>"
    assert message["List-Unsubscribe-Post"] is None


# --- nasty data

NASTY = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "{{ 7 * 7 }}",
            "{% include 'layout.html' %}",
            "Ada\r\nBcc: everybody@example.com",
            "Ada\nSubject: other\n\nbody",
            "Ada\x00\x0b\x0c\x85\u2028\u2029Bcc: x@example.com",
            "=?utf-8?q?=0D=0ABcc:_x@example.com?=",
            "=?utf-8?b?DQpCY2M6IHg=?=",
            'Núñez, José ("Pepe") <pepe@example.com>',
            "李 小龙",
            "e\u0301" * 30,
            "😀" * 60,
            "\ud800 half",
            "a" * 1200,
            ". \n.\n.",
            "\u202eevil\u202c",
            "&lt;b&gt; &amp; 'quoted' \"twice\"",
            "\\",
            '"',
            ",;:<>@()[]",
        ]
    ),
    st.text(alphabet='\r\n\t :;<>,@"\\()=?é😀\u2028', max_size=100),
)
TIMES = {"drawDate", "accessUntil", "at", "nextBillingDate", "nextTry", "expiresAt"}


def nasty(values: Mapping[str, Any], draw: Any) -> dict[str, Any]:
    """Every text in the data is replaced, but for times, amounts and what decides the state."""
    kept = TIMES | {"amount", "price", "state", "reverifyUrl"}
    found = {name: draw(NASTY) if isinstance(one, str) and name not in kept else one for name, one in values.items()}
    return {name: [draw(NASTY) for _ in one] if isinstance(one, list) else one for name, one in found.items()}


@settings(max_examples=60)
@given(st.data())
def test_nasty_data_stay_data(data: Any) -> None:
    name, state = data.draw(st.sampled_from(STATES))
    values = nasty(EXAMPLES[name][state], data.draw)
    wanted = Command(
        id="mail_1", template=name, to="a@example.com", data=values, queued_at=AT, customer_hash="a" * 64, about=""
    )
    parsed, text, rich = made(wanted)
    # The older parser: the newer one loses and adds spaces between encoded words.
    legacy = message_from_bytes(wired(wanted), policy=policy.compat32)
    # No header but ours, each once, and no further address.
    names = [key.lower() for key in parsed.keys()]  # noqa: SIM118 - a message is no mapping
    extra = {"list-unsubscribe", "list-unsubscribe-post"} if TEMPLATES[name] else set()
    assert sorted(names) == sorted(ONCE | extra)
    assert [a.addr_spec for a in parsed["To"].addresses] == ["a@example.com"]
    assert [a.addr_spec for a in parsed["From"].addresses] == ["no-reply@example.com"]
    assert display_name(legacy["To"]) == one_line(str(values.get("name") or ""), LONGEST_NAME)
    subject = decoded(legacy["Subject"])
    assert subject == TEMPLATE.render(wanted).subject
    assert len(subject) <= LONGEST_SUBJECT
    assert not UNPRINTABLE.search(subject)
    # The same tags and attributes as with harmless data: whatever was in them is text.
    harmless = Command(
        id="mail_1", template=name, to="a@example.com", data=EXAMPLES[name][state], queued_at=AT, customer_hash="a" * 64
    )
    read, calm = Read(rich), Read(made(harmless)[2])
    assert set(read.tags) <= set(calm.tags)
    assert [key for key, _ in read.attributes if key.startswith("on")] == []
    assert set(read.links) == set(calm.links)
    for value in (values.get("name"), values.get("reason"), values.get("title"), values.get("message")):
        if isinstance(value, str) and one_line(value, 200) and len(value) < 200:
            shown = one_line(value, 200)
            if name != "alert" and value is values.get("name") and "Hello" not in text:
                continue
            assert _squeezed(shown) in _squeezed(text) or "reason" not in json.dumps(sorted(values))
    assert "49" not in subject or "49" in json.dumps(values)


def decoded(value: str) -> str:
    """Of a header: unfolded, its encoded words read."""
    return str(make_header(decode_header(value.replace("\r\n", "").replace("\n", ""))))


def display_name(value: str) -> str:
    """In front of `<address>`, its quotes taken away."""
    name = value.rpartition("<")[0].strip()
    quoted = name.startswith('"')
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if quoted else decoded(name)


def _squeezed(text: str) -> str:
    return "".join(text.split())


@given(NASTY, st.text(max_size=30), st.text(max_size=30))
def test_no_address_breaks_out(name: str, local: str, domain: str) -> None:
    wanted = Command(
        id="mail_1",
        template="age-verification-expiring",
        to=f"{local}@{domain}",
        data={**EXAMPLES["age-verification-expiring"]["with a name"], "name": name},
        queued_at=AT,
    )
    try:
        address = recipient(wanted)
    except Refused:
        return
    message = letter(wanted, TEMPLATE.render(wanted), SENDER, "", AT)
    parsed = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert len(parsed["To"].addresses) == 1
    if address.isascii():
        assert parsed["To"].addresses[0].addr_spec == address
