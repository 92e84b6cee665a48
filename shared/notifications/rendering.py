"""Jinja2 templates, `templates/<name>/{subject.txt,text.txt,body.html}`: all is escaped, and what is missing fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared.notifications.models import Command, Rendered
from shared.notifications.rules import LONGEST_SUBJECT, one_line
from shared.platform.clock import parse_wire_time, wire_time

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
# Of one value; a mail shows none that is longer.
LONGEST_VALUE = 2000
DOLLARS = re.compile(r"\d+\.\d{2}")


class Templates:
    """Times and days are the store's. `shop`: its name."""

    def __init__(self, zone: str, shop: str) -> None:
        self._zone = ZoneInfo(zone)
        self._shop = shop

    def render(self, command: Command, unsubscribe_url: str = "") -> Rendered:
        """Raises `jinja2.UndefinedError` when the data lack what the template shows."""
        values = {
            **cleaned(command.data),
            "shop": self._shop,
            "queuedAt": wire_time(command.queued_at),
            "unsubscribeUrl": unsubscribe_url,
        }
        subject, text, html = (self._made(f"{command.template}/{part}", values) for part in PARTS)
        return Rendered(one_line(subject, LONGEST_SUBJECT), text.strip() + "\n", html)

    def _made(self, template: str, values: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(values)

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

        made = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=select_autoescape(("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.filters |= {
            "day": _of_text(_day),
            "moment": _of_text(self._moment),
            "last_day": _of_text(self._last_day),
            "money": _of_text(_money),
            "numbers": _of_text(_numbers),
        }
        return made

    def _moment(self, text: str) -> str:
        """`2026-07-01T17:00:00.000Z` → `July 1, 2026 at 12:00 PM CDT`."""
        local = parse_wire_time(text).astimezone(self._zone)
        return f"{_written(local.date())} at {local.hour % 12 or 12}:{local:%M} {local:%p} {local.tzname()}"

    def _last_day(self, text: str) -> str:
        """Of what ends at this moment: at midnight, the day before."""
        return _written((parse_wire_time(text).astimezone(self._zone) - timedelta(microseconds=1)).date())


PARTS = ("subject.txt", "text.txt", "body.html")


def cleaned(value: Any) -> Any:
    """Texts on one line and without controls, however deep they lie."""
    if isinstance(value, str):
        return one_line(value, LONGEST_VALUE)
    if isinstance(value, Mapping):
        return {name: cleaned(one) for name, one in value.items()}
    return [cleaned(one) for one in value] if isinstance(value, list | tuple) else value


def store_day(moment: datetime, zone: str) -> str:
    """As templates take a day: `2026-07-01`."""
    return moment.astimezone(ZoneInfo(zone)).date().isoformat()


def _of_text(written: Callable[[str], str]) -> Callable[[Any], str]:
    """What is missing says so before it is read as text."""
    return lambda value: written(str(value))


def _day(text: str) -> str:
    return _written(date.fromisoformat(text))


def _written(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _money(text: str) -> str:
    """`97.00` → `$97.00`, `250000.00` → `$250,000.00`; what is no amount (a prize in words) stays."""
    return f"${int(text[:-3]):,}{text[-3:]}" if DOLLARS.fullmatch(text) else text


def _numbers(text: str) -> str:
    """`1-5,9` → `1-5, 9`."""
    return text.replace(",", ", ")
