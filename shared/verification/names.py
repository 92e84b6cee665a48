"""What a full name may look like, in the letters of any script."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from shared.verification.models import Refusal

MIN_NAME_LENGTH = 2
MAX_NAME_LENGTH = 100

_NAME_LENGTH = Refusal(
    method="input_validation",
    reason=f"Full name must be {MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} characters long",
    field="fullName",
    code="name_length",
    next_step=f"Give your name as on your ID, shortened to {MAX_NAME_LENGTH} characters if it is longer.",
)
_NAME_CHARACTERS = replace(
    _NAME_LENGTH,
    reason="Full name may only contain letters, spaces, apostrophes, hyphens, periods and commas",
    code="name_characters",
    next_step="Remove digits, symbols and invisible characters from the name and send it again.",
)
_NAME_PARTS = replace(
    _NAME_LENGTH,
    reason="Full name must include first and last name",
    code="name_parts",
    next_step="Give both your first and your last name, as on your ID.",
)
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo"})
# U+2018 is what a phone makes of ' at the start of a word; Hebrew spells with geresh and gershayim (Katz).
_INSIDE_WORDS = "'\u2019\u2018\N{HEBREW PUNCTUATION GERESH}\N{HEBREW PUNCTUATION GERSHAYIM}"
# The contract's, and the signs that join names in Hebrew, Tibetan, Catalan or Uyghur, and Katakana.
_BETWEEN_WORDS = (
    "-\u2010.,\N{HEBREW PUNCTUATION MAQAF}\N{TIBETAN MARK INTERSYLLABIC TSHEG}\N{MIDDLE DOT}\N{KATAKANA MIDDLE DOT}"
)
_PUNCTUATION = frozenset(_INSIDE_WORDS + _BETWEEN_WORDS)
_TO_SPACES = str.maketrans(_BETWEEN_WORDS, " " * len(_BETWEEN_WORDS))

_JOINERS = frozenset("\u200c\u200d")
# Scripts whose spelling needs the zero-width joiners; anywhere else they only hide.
_JOINING_SCRIPTS = frozenset(
    {"ARABIC", "SYRIAC", "NKO", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA"}
    | {"TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "MYANMAR", "KHMER"}
)
_VIRAMA = 9  # canonical combining class
# Letters and marks by category that show nothing. Some select the form of the letter before them, as in many
# Japanese names: allowed after that script only.
_INVISIBLE: Mapping[str, str | None] = {
    **dict.fromkeys("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0", None),
    **dict.fromkeys(map(chr, range(0xFE00, 0xFE10)), None),
    **dict.fromkeys("\u180b\u180c\u180d\u180f", "MONGOLIAN"),
    **dict.fromkeys(map(chr, range(0xE0100, 0xE01F0)), "CJK"),
}


def trimmed(raw: str) -> str:
    """NFC, without outer white space."""
    # Normalising is quadratic in hostile marks. NFC shortens at most fourfold: what is cut is still too long.
    return unicodedata.normalize("NFC", raw.strip()[: 4 * MAX_NAME_LENGTH + 1])


def name_refusal(name: str) -> Refusal | None:
    """What is wrong with a trimmed name, or None: its length, then its characters, then its parts."""
    if not MIN_NAME_LENGTH <= len(name) <= MAX_NAME_LENGTH:
        return _NAME_LENGTH
    padded = f" {name} "
    if not all(map(_belongs, padded, padded[1:], padded[2:])):
        return _NAME_CHARACTERS
    words = name.translate(_TO_SPACES).split()
    if sum(any(unicodedata.category(char) in _LETTERS for char in word) for word in words) < 2:
        return _NAME_PARTS
    return None


def _belongs(before: str, char: str, after: str) -> bool:
    """Whether a character of a name may stand between its neighbours."""
    if char in _JOINERS:
        return _joins(before, after)
    if char in _INVISIBLE:
        return _script(before) == _INVISIBLE[char]
    category = unicodedata.category(char)
    if category[0] == "M":  # a mark needs something to sit on
        return before in _JOINERS or unicodedata.category(before)[0] in "LM"
    return category[0] == "L" or category == "Zs" or char in _PUNCTUATION


def _joins(before: str, after: str) -> bool:
    # After a virama a joiner may end the word: Malayalam chillu letters are still typed so.
    script = _script(before)
    return script in _JOINING_SCRIPTS and (script == _script(after) or unicodedata.combining(before) == _VIRAMA)


def _script(char: str) -> str:
    """First word of the character's Unicode name, which is its script for all that is asked here."""
    return unicodedata.name(char, "").partition(" ")[0]
