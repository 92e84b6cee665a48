"""Which simulators the local stack starts, how large, and what its functions are told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.environment import State, variables
from local.simulators.fleet import sizes, wanted
from local.simulators.square_shop import TOKEN
from shared.platform.errors import Misconfigured

OTHERS, ALERTS = ["square", "lightspeed", "authorizenet", "drand", "smtp"], ["slack", "pagerduty"]
URLS = {"square": "http://127.0.0.1:1111", "lightspeed": "http://127.0.0.1:2222"}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, [*OTHERS, *ALERTS]),
        ({"SIMULATORS": "on", "SQUARE_ACCESS_TOKEN": ""}, [*OTHERS, *ALERTS]),
        ({"SIMULATORS": "off"}, []),
        ({"SQUARE_ACCESS_TOKEN": "real"}, ["lightspeed", "authorizenet", "drand", "smtp", *ALERTS]),
        (
            {"SQUARE_REQUESTS_PER_SECOND": "100", "LIGHTSPEED_CLIENT_ID": "real"},
            ["square", "authorizenet", "drand", "smtp", *ALERTS],
        ),
        ({"AUTHORIZE_NET_TRANSACTION_KEY": "real"}, ["square", "lightspeed", "drand", "smtp", *ALERTS]),
        ({"DRAND_URL": "https://relay.example.com"}, ["square", "lightspeed", "authorizenet", "smtp", *ALERTS]),
        ({"SMTP_URL": "smtp://mail.example.com"}, ["square", "lightspeed", "authorizenet", "drand", *ALERTS]),
        ({"SLACK_WEBHOOK_URL": "https://hooks.example.com/a"}, [*OTHERS, "pagerduty"]),
        ({"PAGERDUTY_ROUTING_KEY": "real"}, [*OTHERS, "slack"]),
    ],
)
def test_a_provider_is_simulated_unless_the_caller_has_access_to_it(
    environment: dict[str, str], names: list[str]
) -> None:
    assert wanted(environment) == names


def test_sizes_follow_the_number_of_payments() -> None:
    for environment, payments, sales in (({}, 100_184, 12_000), ({"SIMULATED_PAYMENTS": "300"}, 300, 35)):
        found = sizes(environment)
        assert (found["square"]["payments"], found["lightspeed"]["sales"]) == (payments, sales)


def test_what_cannot_be_is_named_in_a_sentence() -> None:
    with pytest.raises(Misconfigured, match="SIMULATORS is 'maybe'"):
        wanted({"SIMULATORS": "maybe"})
    with pytest.raises(Misconfigured, match="SIMULATED_PAYMENTS is 'many'"):
        sizes({"SIMULATED_PAYMENTS": "many"})


def test_functions_are_told_of_the_simulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SQUARE_URL", "SQUARE_ACCESS_TOKEN", "LIGHTSPEED_URL"):
        monkeypatch.delenv(name, raising=False)
    state = State(tmp_path)
    told = variables(state, {}, 3005, URLS)
    assert (told["SQUARE_URL"], told["SQUARE_ACCESS_TOKEN"]) == (URLS["square"], TOKEN)
    assert (told["LIGHTSPEED_URL"], told["LIGHTSPEED_AUTH_URL"]) == (URLS["lightspeed"], URLS["lightspeed"])
    assert told["SQUARE_WEBHOOK_URL"] == "http://localhost:3005/api/square/webhook"
    assert told["SQUARE_WEBHOOK_SIGNATURE_KEY"] == variables(state, {}, 3005)["SQUARE_WEBHOOK_SIGNATURE_KEY"]
    assert "SQUARE_ACCESS_TOKEN" not in variables(state, {}, 3005)
    monkeypatch.setenv("SQUARE_ACCESS_TOKEN", "real")
    assert variables(state, {}, 3005)["SQUARE_ACCESS_TOKEN"] == "real"


def test_a_state_folder_from_before_gets_the_key_it_lacks(tmp_path: Path) -> None:
    state = State(tmp_path)
    first = state.secrets()
    old = {name: value for name, value in first.items() if name != "SQUARE_WEBHOOK_SIGNATURE_KEY"}
    state.secrets_file.write_text(json.dumps(old))
    assert old.items() < state.secrets().items()
    assert state.secrets() == state.secrets()
