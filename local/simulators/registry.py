"""The providers that have a simulator: the one place that lists them."""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Sequence

from local.simulators.provider import Provider

PROVIDERS = {
    "square": "local.simulators.square:SquareProvider",
    "lightspeed": "local.simulators.lightspeed:LightspeedProvider",
    "authorizenet": "local.simulators.authorizenet:AuthorizeNetProvider",
    "drand": "local.simulators.drand:DrandProvider",
    "smtp": "local.simulators.smtp:SmtpProvider",
    "slack": "local.simulators.slack:SlackProvider",
    "pagerduty": "local.simulators.pagerduty:PagerDutyProvider",
}


def names() -> Sequence[str]:
    return [name for name, place in PROVIDERS.items() if importlib.util.find_spec(place.partition(":")[0])]


def provider(name: str) -> type[Provider]:
    """Imported when it is asked for."""
    found: type[Provider] = pkgutil.resolve_name(PROVIDERS[name])
    return found
