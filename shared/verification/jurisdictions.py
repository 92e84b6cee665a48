"""The states, the District and the territories that a customer can name, and whose midnight counts in each.

Boundaries: 49 CFR part 71. Where a state spans zones, the one where midnight comes last all year stands for
the whole of it: nobody turns 21 here before they do at home, wherever in the state that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from types import MappingProxyType

_EASTERN = "America/New_York"
_CENTRAL = "America/Chicago"
_MOUNTAIN = "America/Denver"
_PACIFIC = "America/Los_Angeles"

# American Samoa: no state or territory sees midnight later, so it is safe where the state is not known.
LATEST_ZONE = "Pacific/Pago_Pago"


class UnknownStateError(LookupError):
    """The code is none of the 50 states, DC, PR, GU, VI, AS and MP."""


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    name: str
    zone: str
    """IANA time zone."""


JURISDICTIONS: Mapping[str, Jurisdiction] = MappingProxyType(
    {
        "AL": Jurisdiction("Alabama", _CENTRAL),  # Phenix City keeps Eastern by custom only
        "AK": Jurisdiction("Alaska", "America/Adak"),  # Aleutians west of 169°30′ W
        # Arizona keeps standard time all year. The Navajo Nation has daylight time: its midnight comes first.
        "AZ": Jurisdiction("Arizona", "America/Phoenix"),
        "AR": Jurisdiction("Arkansas", _CENTRAL),
        "CA": Jurisdiction("California", _PACIFIC),
        "CO": Jurisdiction("Colorado", _MOUNTAIN),
        "CT": Jurisdiction("Connecticut", _EASTERN),
        "DE": Jurisdiction("Delaware", _EASTERN),
        "DC": Jurisdiction("District of Columbia", _EASTERN),
        "FL": Jurisdiction("Florida", _CENTRAL),  # the Panhandle west of the Apalachicola
        "GA": Jurisdiction("Georgia", _EASTERN),
        "HI": Jurisdiction("Hawaii", "Pacific/Honolulu"),
        "ID": Jurisdiction("Idaho", _PACIFIC),  # north of the Salmon River
        "IL": Jurisdiction("Illinois", _CENTRAL),
        "IN": Jurisdiction("Indiana", _CENTRAL),  # Gary and Evansville with their neighbours
        "IA": Jurisdiction("Iowa", _CENTRAL),
        "KS": Jurisdiction("Kansas", _MOUNTAIN),  # Sherman, Wallace, Greeley, Hamilton
        "KY": Jurisdiction("Kentucky", _CENTRAL),  # the west
        "LA": Jurisdiction("Louisiana", _CENTRAL),
        "ME": Jurisdiction("Maine", _EASTERN),
        "MD": Jurisdiction("Maryland", _EASTERN),
        "MA": Jurisdiction("Massachusetts", _EASTERN),
        "MI": Jurisdiction("Michigan", _CENTRAL),  # Gogebic, Iron, Dickinson, Menominee
        "MN": Jurisdiction("Minnesota", _CENTRAL),
        "MS": Jurisdiction("Mississippi", _CENTRAL),
        "MO": Jurisdiction("Missouri", _CENTRAL),
        "MT": Jurisdiction("Montana", _MOUNTAIN),
        "NE": Jurisdiction("Nebraska", _MOUNTAIN),  # the Panhandle and the south-west
        "NV": Jurisdiction("Nevada", _PACIFIC),  # only West Wendover and Jackpot keep Mountain
        "NH": Jurisdiction("New Hampshire", _EASTERN),
        "NJ": Jurisdiction("New Jersey", _EASTERN),
        "NM": Jurisdiction("New Mexico", _MOUNTAIN),
        "NY": Jurisdiction("New York", _EASTERN),
        "NC": Jurisdiction("North Carolina", _EASTERN),
        "ND": Jurisdiction("North Dakota", _MOUNTAIN),  # the south-west
        "OH": Jurisdiction("Ohio", _EASTERN),
        "OK": Jurisdiction("Oklahoma", _CENTRAL),  # Kenton keeps Mountain by custom only
        "OR": Jurisdiction("Oregon", _PACIFIC),  # only most of Malheur County keeps Mountain
        "PA": Jurisdiction("Pennsylvania", _EASTERN),
        "RI": Jurisdiction("Rhode Island", _EASTERN),
        "SC": Jurisdiction("South Carolina", _EASTERN),
        "SD": Jurisdiction("South Dakota", _MOUNTAIN),  # west of the Missouri
        "TN": Jurisdiction("Tennessee", _CENTRAL),  # Middle and West Tennessee
        # The contract names America/Chicago for Texas. El Paso, Hudspeth and a corner of Culberson keep
        # Mountain: the one place where a birthday counts an hour before local midnight.
        "TX": Jurisdiction("Texas", _CENTRAL),
        "UT": Jurisdiction("Utah", _MOUNTAIN),
        "VT": Jurisdiction("Vermont", _EASTERN),
        "VA": Jurisdiction("Virginia", _EASTERN),
        "WA": Jurisdiction("Washington", _PACIFIC),
        "WV": Jurisdiction("West Virginia", _EASTERN),
        "WI": Jurisdiction("Wisconsin", _CENTRAL),
        "WY": Jurisdiction("Wyoming", _MOUNTAIN),
        "AS": Jurisdiction("American Samoa", "Pacific/Pago_Pago"),
        "GU": Jurisdiction("Guam", "Pacific/Guam"),
        "MP": Jurisdiction("Northern Mariana Islands", "Pacific/Saipan"),
        "PR": Jurisdiction("Puerto Rico", "America/Puerto_Rico"),
        "VI": Jurisdiction("U.S. Virgin Islands", "America/St_Thomas"),
    }
)


def state_code(text: str) -> str | None:
    """The USPS code, upper case, for what a customer wrote; None for anything else."""
    stripped = text.strip()
    # Upper-casing turns "ıd", "ﬂ" and "ſc" into codes of states, so other alphabets are stopped before it.
    code = stripped.upper() if stripped.isascii() else ""
    return code if code in JURISDICTIONS else None


def zone_of(state: str | None) -> tzinfo:
    """The zone whose midnight counts; None, a state not known, has the latest one.

    Raises UnknownStateError for a code that is not in the table.
    """
    if state is None:
        return _load(LATEST_ZONE)
    return _load(jurisdiction(state).zone)


def jurisdiction(state: str) -> Jurisdiction:
    """By USPS code, upper case. Raises UnknownStateError."""
    try:
        return JURISDICTIONS[state]
    except KeyError:
        raise UnknownStateError(state) from None


@cache
def _load(zone: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(zone)
