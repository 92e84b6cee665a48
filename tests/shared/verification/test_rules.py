import time
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.verification.jurisdictions import JURISDICTIONS
from shared.verification.models import MAX_ATTEMPTS, WINDOW, Checked, Claim, Refusal
from shared.verification.policy import POLICIES, policy_for
from shared.verification.rules import (
    age_on,
    check,
    counted,
    expires_at,
    local_date,
    remaining,
    reset_at,
)

NOW = datetime(2026, 7, 1, 18, tzinfo=UTC)  # one o'clock in the afternoon in Texas
GOOD = Claim(full_name="José Núñez", date_of_birth="1990-05-15", id_number_last4="1234", state="TX")
SECOND = timedelta(seconds=1)

NAME_FIELD = ("input_validation", "fullName")
DATE_FIELD = ("age_check", "dateOfBirth")


def refused(now: datetime = NOW, **changes: str) -> Refusal:
    outcome = check(replace(GOOD, **changes), now)
    assert isinstance(outcome, Refusal)
    return outcome


def passed(now: datetime = NOW, **changes: str) -> Checked:
    outcome = check(replace(GOOD, **changes), now)
    assert isinstance(outcome, Checked), outcome
    return outcome


# --- the whole claim


def test_a_good_claim_becomes_facts() -> None:
    facts = passed(full_name="  José   Núñez ", state=" tx ")
    assert facts == Checked(
        full_name="José Núñez",
        date_of_birth=date(1990, 5, 15),
        id_number_last4="1234",
        state="TX",
        age=36,
        policy=policy_for("TX", date(2026, 7, 1)),
    )


@pytest.mark.parametrize("state", JURISDICTIONS)
def test_every_state_can_verify(state: str) -> None:
    assert passed(state=state.lower()).state == state


BAD = {
    "full_name": "Madonna",
    "date_of_birth": "2010-01-01",
    "state": "ZZ",
    "id_number_last4": "12",
}
ORDER = [
    ("full_name", "Full name must include first and last name"),
    ("date_of_birth", "Must be at least 21 years old"),
    ("state", "Invalid state code"),
    ("id_number_last4", "ID number must be exactly 4 digits"),
]


@pytest.mark.parametrize("position", range(4))
def test_the_first_wrong_field_in_the_order_of_the_checks_is_named(position: int) -> None:
    wrong = {name: BAD[name] for name, _ in ORDER[position:]}
    assert refused(**wrong).reason == ORDER[position][1]


@pytest.mark.parametrize("state", ["", "ZZ", "Texas", "\u017fc", "\u0131d", "\ufb02", "TX\x00"])
def test_the_state_must_be_a_code(state: str) -> None:
    refusal = refused(state=state)
    assert (refusal.method, refusal.reason) == ("input_validation", "Invalid state code")


def test_a_refusal_names_the_state_where_it_is_real() -> None:
    assert refused(full_name="Madonna", state="tx").state == "TX"
    assert refused(id_number_last4="1", state="tx").state == "TX"
    assert refused(full_name="Madonna", state="zz").state is None
    assert refused(state="zz").state is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"full_name": "Madonna"}, (*NAME_FIELD, "name_parts")),
        ({"full_name": "A"}, (*NAME_FIELD, "name_length")),
        ({"full_name": "J4ne Doe"}, (*NAME_FIELD, "name_characters")),
        ({"date_of_birth": "05/15/1990"}, (*DATE_FIELD, "date_format")),
        ({"date_of_birth": "2005-02-30"}, (*DATE_FIELD, "date_invalid")),
        ({"date_of_birth": "2026-07-02"}, (*DATE_FIELD, "date_in_future")),
        ({"date_of_birth": "2010-01-01"}, (*DATE_FIELD, "under_age")),
        ({"state": "ZZ"}, ("input_validation", "state", "state_invalid")),
        ({"id_number_last4": "12a4"}, ("id_validation", "idNumberLast4", "id_digits")),
    ],
)
def test_method_field_and_code_of_each_refusal(changes: dict[str, str], expected: tuple[str, str, str]) -> None:
    refusal = refused(**changes)
    assert (refusal.method, refusal.field, refusal.code) == expected
    assert refusal.next_step.endswith(".")


def test_only_a_minor_is_told_an_age() -> None:
    assert refused(date_of_birth="2010-01-01").age == 16
    assert refused(date_of_birth="2026-07-01").age == 0
    assert refused(date_of_birth="2026-07-02").age is None
    assert refused(full_name="Madonna", date_of_birth="2010-01-01").age is None


def test_personal_fields_stay_out_of_repr() -> None:
    for shown in (repr(GOOD), repr(passed())):
        assert not any(secret in shown for secret in ("José", "1990", "1234"))


# --- names

NAMES = {
    "Vietnamese": "Nguyễn Văn An",
    "Spanish": "José Núñez",
    "Irish, contract": "O'Brien-Smith",
    "Irish, typographic apostrophe": "Maeve O\u2019Brien",
    "Irish, fada": "Séamus Ó Súilleabháin",
    "Chinese": "李 小龙",
    "Chinese, ideographic space": "李\u3000小龙",
    "Uyghur name in Chinese": "阿依古丽·艾山",
    "Japanese": "佐々木 さくら",
    "Japanese, variation selector": "辻\U000e0100 花子",
    "Katakana, prolonged sound": "マリー スミス",
    "Katakana, middle dot": "ジョン・スミス",
    "Korean": "김 민준",
    "Korean, decomposed": unicodedata.normalize("NFD", "김 민준"),
    "Arabic": "فاطمة الزهراء",
    "Arabic, vowelled": "مُحَمَّد عَلِيّ",
    "Persian, non-joiner": "علی\u200cرضا محمدی",
    "Urdu": "عائشہ خان",
    "Hebrew": "שרה כהן",
    "Hebrew, pointed": "שָׂרָה כֹּהֵן",
    "Hebrew, gershayim": "דוד כ\u05f4ץ",
    "Hebrew, maqaf": "בן\u05beדוד לוי",
    "Syriac": "ܡܪܝܡ ܝܘܚܢܢ",
    "Hindi": "प्रिया शर्मा",
    "Marathi, joiner": "श्\u200dरी जोशी",
    "Bengali, joiner before virama": "র\u200d্যাচেল দাস",
    "Punjabi": "ਹਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Gujarati": "મીરા પટેલ",
    "Odia": "ସୀତା ଦାସ",
    "Tamil": "கார்த்திக் ராஜா",
    "Telugu": "లక్ష్మి రెడ్డి",
    "Kannada": "ಅನಿತಾ ಗೌಡ",
    "Malayalam": "ലക്ഷ്മി നായർ",
    "Malayalam, chillu by joiner": "മോഹന\u0d4d\u200d നായര\u0d4d\u200d",
    "Sinhala": "ශ්\u200dරීමා පෙරේරා",
    "Thai": "สมชาย ใจดี",
    "Lao": "ສົມພອນ ແກ້ວ",
    "Khmer": "សុខ វិបុល",
    "Burmese": "အောင် ဆန်းမြင့်",
    "Tibetan": "བསྟན་འཛིན་ རྒྱ་མཚོ",
    "Mongolian": "Батбаяр Доржийн",
    "Mongolian script": "ᠪᠠᠲᠤ ᠳᠣᠷᠵᠢ",
    "Amharic": "አበበ በቀለ",
    "Cherokee": "ᏣᎳᎩ ᎠᏂᏴᏫ",
    "Inuktitut": "ᐊᓇᓈᖅ ᓄᑕᕋᖅ",
    "Hawaiian": "Ka\u02bbiulani Kealoha",
    "Hawaiian, phone quote": "\u2018Iolani Kealoha",
    "Lushootseed": "siʔaɬ xʷəlč",
    "Georgian": "ნინო ბერიძე",
    "Armenian": "Անահիտ Պետրոսյան",
    "Russian": "Анна Ёлкина",
    "Ukrainian": "Мар'яна Їжак",
    "Greek": "Ελένη Παπαδοπούλου",
    "Polish": "Łukasz Żółć",
    "Turkish": "Işıl İpek",
    "Icelandic": "Þóra Ævarsdóttir",
    "German": "Jürgen Großmann",
    "Czech": "Dvořák, Antonín",
    "Portuguese": "João d'Ávila",
    "Catalan": "Marcel Gal·la",
    "Yoruba": "Ṣadé Ọlọ́runtóbi",
    "Vai": "ꕙꔤ ꖸꕎ",
    "Adlam": "𞤀𞤣𞤢𞤥 𞤄𞤢𞤸",
    "initial": "J. Smith",
    "titlecase letter": "ǅ. Marić",
    "initials only": "J. R.",
    "suffix": "John Smith, Jr.",
    "hyphen sign": "Jean\u2010Luc Martin",
    "dash between": "Juan - Garcia",
    "no-break space": "Jane\u00a0Doe",
    "Dutch": "Vincent van 't Hof",
    "longest": "A" * 49 + " " + "B" * 50,
    "shortest": "A B",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_of_any_script_pass(name: str) -> None:
    full_name = passed(full_name=name).full_name
    assert unicodedata.is_normalized("NFC", full_name)
    assert passed(full_name=full_name).full_name == full_name


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_decomposed_names_equal_composed_ones(name: str) -> None:
    decomposed = unicodedata.normalize("NFD", name)
    assert passed(full_name=decomposed) == passed(full_name=unicodedata.normalize("NFC", name))


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("  Jane Doe  ", "Jane Doe"),
        ("Jane    Doe", "Jane Doe"),
        ("Jane\u3000\u00a0 Doe", "Jane Doe"),
        ("\r\nJane Doe\n", "Jane Doe"),
        ("Jose\u0301 Nu\u0301n\u0303ez", "José Núñez"),
    ],
)
def test_names_are_stored_normalised(raw: str, stored: str) -> None:
    assert passed(full_name=raw).full_name == stored


CHARACTERS = {
    "digit": "J0hn Smith",
    "Arabic digit": "علی٣ رضا",
    "full-width digit": "Jane\uff11 Doe",
    "superscript": "Jane² Doe",
    "Roman numeral sign": "John Smith Ⅲ",
    "fraction": "Jane ½ Doe",
    "script tag": "<script> alert",
    "less than": "Jane <Doe",
    "ampersand": "Jane & Doe",
    "quotation mark": 'Jane "JD" Doe',
    "at sign": "jane@example com",
    "slash": "Jane/John Doe",
    "underscore": "Jane_D Doe",
    "parenthesis": "Jane (Doe)",
    "NUL": "Jane\x00 Doe",
    "NUL at the end": "Jane Doe\x00",
    "escape": "Jane \x1b[31mDoe",
    "delete": "Jane\x7f Doe",
    "C1 control": "Jane\x9b Doe",
    "newline inside": "Jane\nDoe",
    "tab inside": "Jane\tDoe",
    "carriage return inside": "Jane\rDoe",
    "next line inside": "Jane\x85Doe",
    "line separator inside": "Jane\u2028Doe",
    "paragraph separator inside": "Jane\u2029Doe",
    "left-to-right embedding": "Jane \u202aDoe",
    "right-to-left override": "Jane \u202eDoe",
    "pop directional": "Jane\u202c Doe",
    "right-to-left isolate": "Jane \u2067Doe\u2069",
    "left-to-right mark": "Jane\u200e Doe",
    "right-to-left mark": "שרה\u200f כהן",
    "Arabic letter mark": "علی\u061c رضا",
    "zero-width space": "Jane\u200b Doe",
    "word joiner": "Jane\u2060 Doe",
    "BOM": "\ufeffJane Doe",
    "soft hyphen": "Ja\u00adne Doe",
    "tag letters": "Jane \U000e0041Doe",
    "emoji": "Jane 😀 Doe",
    "emoji family": "Jane 👩\u200d👧 Doe",
    "flag": "Jane 🇺🇸 Doe",
    "private use": "Jane \ue000oe",
    "unassigned": "Jane \u0378oe",
    "noncharacter": "Jane \uffffoe",
    "surrogate": "Jane \ud800oe",
    "replacement character": "Jane \ufffdoe",
    "braille blank": "\u2800 \u2800",
    "circled letter": "Jane Ⓓoe",
    "lone combining marks": "\u0301 \u0301",
    "mark at the start": "\u0301Jane Doe",
    "mark after a space": "Jane \u0301Doe",
    "mark after a hyphen": "Jane-\u0301 Doe",
    "joiner in Latin": "Ja\u200dne Doe",
    "non-joiner in Latin": "Ja\u200cne Doe",
    "joiner at the start": "\u200dعلی رضا",
    "non-joiner at the end": "علی رضا\u200c",
    "two joiners": "علی\u200c\u200cرضا محمدی",
    "joiner between scripts": "علی\u200dJane Doe",
    "joiner between two scripts that join": "علی\u200dमीरा خان",
    "joiner alone": "Jane \u200d Doe",
    "joiner in Thai": "สม\u200dชาย ใจดี",
    "Hangul fillers": "\u3164 \u3164",
    "half-width Hangul fillers": "\uffa0 \uffa0",
    "Hangul jamo fillers": "\u115f\u1160 \u115f\u1160",
    "Khmer invisible vowel": "សុខ\u17b4 វិបុល",
    "grapheme joiner": "Ja\u034fne Doe",
    "emoji selector": "Jane\ufe0f Doe",
    "ideograph selector in Latin": "Jane\U000e0100 Doe",
    "Mongolian selector in Latin": "Jane\u180b Doe",
    "en dash": "Jane\u2013Doe Smith",
}


@pytest.mark.parametrize("name", CHARACTERS.values(), ids=CHARACTERS.keys())
def test_names_with_other_characters_fail(name: str) -> None:
    assert refused(full_name=name).code == "name_characters"


@pytest.mark.parametrize(
    "name",
    [
        "Madonna",
        "O\u2019Brien",
        "李小龙",
        ". .",
        "- Smith",
        "Smith -",
        "' Smith",
        "J.",
        "--",
        "\u02bb \u02bb",
        "ー ー",
    ],
)
def test_a_name_needs_two_parts_with_a_letter(name: str) -> None:
    refusal = refused(full_name=name)
    assert (refusal.code, refusal.reason) == ("name_parts", "Full name must include first and last name")


@pytest.mark.parametrize(
    "name",
    ["", " ", "A", " A ", "李", "e\u0301", "A" * 50 + " " + "B" * 50, "A " + " " * 100 + "B", "x" * 70_000],
)
def test_a_name_has_two_to_a_hundred_characters(name: str) -> None:
    assert refused(full_name=name).code == "name_length"


def test_length_is_counted_after_trimming_and_composing() -> None:
    longest = "é" * 49 + " " + "é" * 50
    assert passed(full_name=f"  {unicodedata.normalize('NFD', longest)}  ").full_name == longest
    # Four code points to one, the most that composing saves.
    greek = "\u1f82" * 49 + " " + "\u1f82" * 50
    assert passed(full_name=unicodedata.normalize("NFD", greek)).full_name == greek


def test_a_hostile_pile_of_marks_is_answered_at_once() -> None:
    started = time.thread_time()
    refused(full_name="a" + "\u0301\u0323" * 32_000 + " b")
    assert time.thread_time() - started < 0.5


# --- birth dates


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1990-5-15",
        "90-05-15",
        "05/15/1990",
        "1990/05/15",
        "19900515",
        "1990-W20-2",
        "1990-135",
        "1990-05-15T00:00:00Z",
        "1990-05-15\n",
        " 1990-05-15",
        "1990-05-15 ",
        "-1990-05-15",
        "+1990-05-15",
        "1990\u201305\u201315",
        "١٩٩٠-٠٥-١٥",
        "\uff11\uff19\uff19\uff10-05-15",
        "1990-05-1\u00b2",
        "1990-05-15\x00",
        "May 15, 1990",
    ],
)
def test_dates_of_another_format(text: str) -> None:
    refusal = refused(date_of_birth=text)
    assert (refusal.code, refusal.reason) == ("date_format", "Invalid date format. Use YYYY-MM-DD")


@pytest.mark.parametrize(
    "text",
    [
        "2005-02-30",
        "2005-02-29",
        "1900-02-29",
        "2005-04-31",
        "2005-13-01",
        "2005-00-10",
        "2005-01-00",
        "2005-01-32",
        "0000-01-01",
        "0000-00-00",
        "9999-99-99",
        "0001-01-01",
        "1906-06-30",  # 120 years and a day
        "1800-01-01",
    ],
)
def test_dates_that_no_living_person_has(text: str) -> None:
    refusal = refused(date_of_birth=text)
    assert (refusal.code, refusal.reason) == ("date_invalid", "Invalid date of birth")


@pytest.mark.parametrize(
    ("text", "age"), [("1906-07-01", 120), ("1906-07-02", 119), ("2005-07-01", 21), ("2004-02-29", 22)]
)
def test_dates_of_adults(text: str, age: int) -> None:
    assert passed(date_of_birth=text).age == age


@pytest.mark.parametrize("text", ["2026-07-02", "2027-01-01", "9999-12-31"])
def test_dates_in_the_future(text: str) -> None:
    assert refused(date_of_birth=text).reason == "Date of birth cannot be in the future"


@pytest.mark.parametrize(("text", "age"), [("2026-07-01", 0), ("2005-07-02", 20), ("2008-07-01", 18)])
def test_dates_of_minors(text: str, age: int) -> None:
    refusal = refused(date_of_birth=text)
    assert (refusal.code, refusal.age) == ("under_age", age)
    assert refusal.reason == "Must be at least 21 years old"


def test_tomorrow_in_utc_is_still_the_future_at_home() -> None:
    late_in_texas = datetime(2026, 7, 2, 3, tzinfo=UTC)
    assert refused(late_in_texas, date_of_birth="2026-07-02").code == "date_in_future"
    assert refused(late_in_texas, date_of_birth="2026-07-02", state="GU").code == "under_age"


# --- local midnight

MIDNIGHTS = [
    ("HI", "2005-01-15", datetime(2026, 1, 15, 10, tzinfo=UTC)),
    ("HI", "2005-07-15", datetime(2026, 7, 15, 10, tzinfo=UTC)),
    ("TX", "2005-01-15", datetime(2026, 1, 15, 6, tzinfo=UTC)),
    ("TX", "2005-07-15", datetime(2026, 7, 15, 5, tzinfo=UTC)),
    ("NY", "2005-01-15", datetime(2026, 1, 15, 5, tzinfo=UTC)),
    ("NY", "2005-07-15", datetime(2026, 7, 15, 4, tzinfo=UTC)),
    ("NY", "2005-03-08", datetime(2026, 3, 8, 5, tzinfo=UTC)),  # the day that daylight time begins
    ("NY", "2005-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC)),  # the day that it ends
    ("FL", "2005-01-15", datetime(2026, 1, 15, 6, tzinfo=UTC)),  # the Panhandle's midnight, not Miami's
    ("AZ", "2005-07-15", datetime(2026, 7, 15, 7, tzinfo=UTC)),
    ("AK", "2005-07-15", datetime(2026, 7, 15, 9, tzinfo=UTC)),
    ("GU", "2005-07-15", datetime(2026, 7, 14, 14, tzinfo=UTC)),
    ("AS", "2005-07-15", datetime(2026, 7, 15, 11, tzinfo=UTC)),
    ("TX", "2004-02-29", datetime(2025, 3, 1, 6, tzinfo=UTC)),
    ("HI", "2004-02-29", datetime(2025, 3, 1, 10, tzinfo=UTC)),
]


@pytest.mark.parametrize(("state", "born", "midnight"), MIDNIGHTS)
def test_21_from_local_midnight_of_the_birthday_and_not_before(state: str, born: str, midnight: datetime) -> None:
    for early in (midnight - SECOND, midnight - timedelta(microseconds=1)):
        assert refused(early, state=state, date_of_birth=born).age == 20
    assert passed(midnight, state=state, date_of_birth=born).age == 21


def test_an_unknown_state_is_aged_by_the_latest_zone_and_then_refused() -> None:
    midnight = datetime(2026, 7, 15, 11, tzinfo=UTC)  # American Samoa
    minor = refused(midnight - SECOND, state="ZZ", date_of_birth="2005-07-15")
    assert (minor.code, minor.age, minor.state) == ("under_age", 20, None)
    assert refused(midnight, state="ZZ", date_of_birth="2005-07-15").code == "state_invalid"


@pytest.mark.parametrize(
    ("now", "state", "day"),
    [
        (datetime(2026, 1, 1, 5, 59, 59, tzinfo=UTC), "TX", date(2025, 12, 31)),
        (datetime(2026, 1, 1, 6, tzinfo=UTC), "TX", date(2026, 1, 1)),
        (datetime(2026, 1, 1, 10, 59, tzinfo=UTC), None, date(2025, 12, 31)),
        (datetime(2026, 1, 1, 11, tzinfo=UTC), None, date(2026, 1, 1)),
        (datetime(2025, 12, 31, 14, tzinfo=UTC), "GU", date(2026, 1, 1)),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-6))), "TX", date(2026, 1, 1)),
        (datetime.min.replace(tzinfo=UTC), "HI", date.min),
        (datetime.max.replace(tzinfo=UTC), "GU", date.max),
    ],
)
def test_local_date(now: datetime, state: str | None, day: date) -> None:
    assert local_date(now, state) == day


def test_a_time_without_its_zone_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_date(datetime(2026, 1, 1), "TX")  # noqa: DTZ001 - the point of the test


# --- age


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (date(2005, 7, 1), date(2026, 6, 30), 20),
        (date(2005, 7, 1), date(2026, 7, 1), 21),
        (date(2005, 12, 31), date(2026, 1, 1), 20),
        (date(2004, 2, 29), date(2025, 2, 28), 20),
        (date(2004, 2, 29), date(2025, 3, 1), 21),
        (date(2004, 2, 29), date(2028, 2, 28), 23),
        (date(2004, 2, 29), date(2028, 2, 29), 24),
        (date(2004, 3, 1), date(2028, 2, 29), 23),
        (date(2004, 2, 28), date(2025, 2, 28), 21),
        (date(1896, 2, 29), date(1900, 2, 28), 3),
        (date(1896, 2, 29), date(1900, 3, 1), 4),
        (date(2026, 7, 1), date(2026, 7, 1), 0),
        (date(2026, 7, 2), date(2026, 7, 1), -1),
        (date.min, date.max, 9998),
        (date.max, date.max, 0),
        (date.max, date.min, -9999),
    ],
)
def test_age_on(born: date, today: date, age: int) -> None:
    assert age_on(born, today) == age


@given(st.dates(), st.dates(), st.dates())
def test_age_never_falls(born: date, one: date, other: date) -> None:
    earlier, later = sorted([one, other])
    assert age_on(born, earlier) <= age_on(born, later)


@given(st.dates(), st.integers(1, 9998))
def test_age_grows_exactly_once_a_year_and_by_one(born: date, year: int) -> None:
    first = date(year, 1, 1)
    days = [first + timedelta(days=day) for day in range(366)]
    steps = [age_on(born, after) - age_on(born, before) for before, after in pairwise(days)]
    assert set(steps) <= {0, 1}
    assert age_on(born, date(year + 1, 1, 1)) - age_on(born, first) == 1


@pytest.mark.parametrize(
    ("born", "now", "reason"),
    [
        ("1904-02-29", datetime(2024, 2, 29, 12, tzinfo=UTC), None),
        ("1904-02-28", datetime(2024, 2, 29, 12, tzinfo=UTC), "Invalid date of birth"),
        ("1904-02-29", datetime(2024, 3, 1, 12, tzinfo=UTC), "Invalid date of birth"),
        ("1980-02-29", datetime(2100, 3, 1, 12, tzinfo=UTC), None),  # 2100 is a common year
        ("1980-02-29", datetime(2100, 3, 2, 12, tzinfo=UTC), "Invalid date of birth"),
    ],
)
def test_at_most_120_years_ago(born: str, now: datetime, reason: str | None) -> None:
    outcome = check(replace(GOOD, date_of_birth=born), now)
    assert (outcome.reason if isinstance(outcome, Refusal) else None) == reason


@pytest.mark.parametrize("now", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("born", [date.min, date.max])
@pytest.mark.parametrize("state", ["HI", "GU", "ZZ"])
def test_the_ends_of_the_calendar_get_an_answer(now: datetime, born: date, state: str) -> None:
    assert refused(now, date_of_birth=born.isoformat(), state=state)


# --- policy as data


def test_another_minimum_age_is_data() -> None:
    eighteen = replace(POLICIES[0], version="2026-07-01/NY", state="NY", minimum_age=18, in_force_from=date(2026, 7, 1))
    table = (*POLICIES, eighteen)
    young = replace(GOOD, date_of_birth="2008-01-01", state="NY")
    before = check(young, NOW - timedelta(days=1), table)
    assert isinstance(before, Refusal)
    assert before.reason == "Must be at least 21 years old"
    facts = check(young, NOW, table)
    assert isinstance(facts, Checked)
    assert (facts.age, facts.policy) == (18, eighteen)
    younger = check(replace(young, date_of_birth="2008-07-02"), NOW, table)
    assert isinstance(younger, Refusal)
    assert (younger.reason, younger.age) == ("Must be at least 18 years old", 17)
    assert "18" in younger.next_step
    assert isinstance(check(replace(young, state="NJ"), NOW, table), Refusal)


def test_the_policy_is_the_one_of_the_local_day() -> None:
    texas_rule = datetime(2025, 10, 2, 5, tzinfo=UTC)  # midnight in Chicago
    assert passed(texas_rule).policy.version == "2025-10-02/TX"
    assert passed(texas_rule - SECOND).policy.version == "house-1/US"


# --- ID digits


@pytest.mark.parametrize("digits", ["0000", "1234", "9999"])
def test_four_digits_pass_unchanged(digits: str) -> None:
    assert passed(id_number_last4=digits).id_number_last4 == digits


@pytest.mark.parametrize(
    "digits",
    [
        "",
        " ",
        "123",
        "12345",
        "12a4",
        "abcd",
        "1234\n",
        " 1234",
        "1234 ",
        "12.4",
        "-123",
        "+123",
        "1e10",
        "1 34",
        "\uff11\uff12\uff13\uff14",
        "١٢٣٤",
        "१२३४",
        "123²",
        "①②③④",
        "12\x0034",
    ],
)
def test_anything_but_four_ascii_digits_fails(digits: str) -> None:
    refusal = refused(id_number_last4=digits)
    assert (refusal.method, refusal.reason) == ("id_validation", "ID number must be exactly 4 digits")


# --- anything at all

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)
ANY_INSTANT = st.datetimes(timezones=st.just(UTC))


def any_or(*good: str) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(good), ANY_TEXT)


@given(
    name=any_or(*NAMES.values(), *CHARACTERS.values()),
    born=st.one_of(any_or("1990-05-15"), st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"), st.dates().map(str)),
    digits=any_or("1234"),
    state=any_or(*JURISDICTIONS),
    now=st.one_of(st.just(NOW), ANY_INSTANT),
)
def test_any_claim_gets_an_answer(name: str, born: str, digits: str, state: str, now: datetime) -> None:
    outcome = check(Claim(full_name=name, date_of_birth=born, id_number_last4=digits, state=state), now)
    if isinstance(outcome, Refusal):
        assert outcome.method in {"input_validation", "age_check", "id_validation"}
        assert (outcome.age is not None) == (outcome.code == "under_age")
        return
    assert 21 <= outcome.age <= 120
    assert 2 <= len(outcome.full_name) <= 100
    assert "  " not in outcome.full_name


@given(name=st.text("aÉe\u0301\u1f82 '-.\u3000李\U000e0100شی\u200cक\u094dर\u200d", min_size=2, max_size=40))
def test_an_accepted_name_is_a_fixed_point(name: str) -> None:
    outcome = check(replace(GOOD, full_name=name), NOW)
    if isinstance(outcome, Checked):
        assert passed(full_name=outcome.full_name).full_name == outcome.full_name


@given(born=st.dates(date(1906, 7, 2), date(2005, 6, 30)), state=st.sampled_from(list(JURISDICTIONS)))
def test_every_adult_passes_with_the_age_of_the_calendar(born: date, state: str) -> None:
    assert passed(date_of_birth=born.isoformat(), state=state).age == age_on(born, local_date(NOW, state))


# --- validity


def test_a_verification_holds_365_days_and_not_a_second_more() -> None:
    verified_at = datetime(2026, 7, 1, 18, 30, 15, 123000, tzinfo=UTC)
    expires = expires_at(verified_at, POLICIES[0])
    assert expires == datetime(2027, 7, 1, 18, 30, 15, 123000, tzinfo=UTC)


def test_365_days_end_a_day_early_over_a_leap_year_and_do_not_heed_daylight_time() -> None:
    assert expires_at(datetime(2028, 1, 1, tzinfo=UTC), POLICIES[0]) == datetime(2028, 12, 31, tzinfo=UTC)
    thirty = replace(POLICIES[0], validity_days=30)
    assert expires_at(datetime(2026, 3, 1, tzinfo=UTC), thirty) == datetime(2026, 3, 31, tzinfo=UTC)


# --- attempt limit


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        (timedelta(0), True),
        (timedelta(hours=23, minutes=59, seconds=59), True),
        (WINDOW - timedelta(microseconds=1), True),
        (WINDOW, False),
        (WINDOW + SECOND, False),
        (-SECOND, True),  # another instance's clock is ahead
    ],
)
def test_an_attempt_leaves_the_window_exactly_after_24_hours(age: timedelta, counts: bool) -> None:
    assert bool(counted([NOW - age], NOW)) is counts


def test_the_window_slides() -> None:
    attempts = [NOW - timedelta(hours=1), NOW - timedelta(hours=25), NOW - timedelta(hours=23)]
    inside = counted(attempts, NOW)
    assert inside == (NOW - timedelta(hours=23), NOW - timedelta(hours=1))
    assert remaining(inside) == 1
    assert reset_at(inside) == NOW + timedelta(hours=1)


def test_without_attempts_there_is_nothing_to_reset() -> None:
    assert counted([], NOW) == ()
    assert remaining(()) == MAX_ATTEMPTS == 3
    assert reset_at(()) is None


@pytest.mark.parametrize(("made", "left"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0)])
def test_remaining(made: int, left: int) -> None:
    assert remaining([NOW] * made) == left


ATTEMPTS = st.lists(st.datetimes(NOW.replace(tzinfo=None) - 3 * WINDOW, NOW.replace(tzinfo=None)))


@given(ATTEMPTS)
def test_the_limit_opens_at_reset_and_not_before(naive: list[datetime]) -> None:
    attempts = [moment.replace(tzinfo=UTC) for moment in naive]
    inside = counted(attempts, NOW)
    assert list(inside) == sorted(inside)
    assert counted(inside, NOW) == inside
    reset = reset_at(inside)
    assert (reset is None) == (not inside)
    if reset is not None:
        assert NOW < reset <= NOW + WINDOW
        assert len(counted(inside, reset - timedelta(microseconds=1))) == len(inside)
        assert len(counted(inside, reset)) < len(inside)


@given(ATTEMPTS, st.timedeltas(timedelta(0), 2 * WINDOW))
def test_no_attempt_comes_back_with_time(naive: list[datetime], passing: timedelta) -> None:
    attempts = [moment.replace(tzinfo=UTC) for moment in naive]
    assert set(counted(attempts, NOW + passing)) <= set(counted(attempts, NOW))


@given(ATTEMPTS)
def test_the_order_of_storage_does_not_matter(naive: list[datetime]) -> None:
    attempts = [moment.replace(tzinfo=UTC) for moment in naive]
    assert counted(attempts, NOW) == counted(attempts[::-1], NOW)


def test_attempts_of_any_zone_are_compared_as_instants() -> None:
    in_texas = (NOW - timedelta(hours=23)).astimezone(ZoneInfo("America/Chicago"))
    assert reset_at(counted([in_texas], NOW)) == NOW + timedelta(hours=1)
