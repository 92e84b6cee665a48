"""Lightspeed's tokens: they rotate, they are stored before they are used, and no crash loses them."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from local.simulators.lightspeed_oauth import FIRST_REFRESH
from local.simulators.process import Simulator
from shared.integrations.lightspeed import Lightspeed
from shared.integrations.lightspeed_credentials import LEASE, LightspeedCredentials
from shared.integrations.lightspeed_oauth import LightspeedTokens
from shared.integrations.lightspeed_rows import PRODUCTS
from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import SourceUnavailable
from shared.pos.errors import AuthFailed
from tests.factories.environment import environment
from tests.factories.lightspeed import LightspeedProvider, client_for, platform_for, rows_of
from tests.factories.processes import LEAN, ROOT
from tests.factories.stepping_clock import SteppingClock

ANOTHER_REFRESH = "what-the-merchant-gave-us-later"
PRINT_TOKEN = """
from shared.integrations.lightspeed_oauth import LightspeedTokens
from shared.platform.context import Platform
from shared.platform.settings import Settings
print(LightspeedTokens.on(Platform.start(Settings.load())).access())
"""


class Crash(BaseException):
    """As if the process had ended here."""


class CrashingBeforeRequest(LightspeedCredentials):
    def lease(self, *arguments: Any) -> Any:
        super().lease(*arguments)
        raise Crash


class CrashingBeforeSave(LightspeedCredentials):
    def save(self, *_: Any) -> bool:
        raise Crash


class CrashingBeforeUse(LightspeedCredentials):
    def save(self, *arguments: Any) -> bool:
        super().save(*arguments)
        raise Crash


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def platform(shop: Simulator, project: str, clock: SteppingClock) -> Platform:
    return platform_for(project, shop, clock)


def another_instance(platform: Platform) -> Platform:
    return Platform(platform.settings, platform.clock, platform.ids)


def read(client: Lightspeed) -> int:
    return len(rows_of(client.listed(PRODUCTS)))


def granted(shop: Simulator) -> int:
    return int(shop.call("GET", "/token")["granted"])


def stored(platform: Platform) -> dict[str, Any]:
    found = firestore.read(platform.firestore.collection("sync_credentials").document("lightspeed"))
    assert found is not None
    return found.data


def test_one_refresh_serves_all_instances_for_an_hour(
    platform: Platform, shop: Simulator, clock: SteppingClock
) -> None:
    assert read(client_for(platform)) == read(client_for(another_instance(platform))) > 100
    clock.advance(minutes=58)
    assert read(client_for(another_instance(platform))) > 100
    assert granted(shop) == 1
    clock.advance(minutes=2)
    assert read(client_for(another_instance(platform))) > 100
    assert granted(shop) == 2


def test_the_refresh_token_is_spent_and_its_successor_is_sealed(platform: Platform, shop: Simulator) -> None:
    read(client_for(platform))
    assert FIRST_REFRESH.encode() not in stored(platform)["sealed"]
    assert set(stored(platform)) == {
        "expiresAt",
        "keyId",
        "leaseOwner",
        "leaseUntil",
        "refreshedAt",
        "sealed",
        "settings",
    }
    shop.call("POST", "/token/expire")
    assert read(client_for(another_instance(platform))) > 100


@pytest.mark.parametrize(
    ("credentials", "refreshes"), [(CrashingBeforeRequest, 1), (CrashingBeforeSave, 2), (CrashingBeforeUse, 1)]
)
def test_a_crash_at_any_point_loses_nothing(
    platform: Platform,
    shop: Simulator,
    clock: SteppingClock,
    credentials: type[LightspeedCredentials],
    refreshes: int,
) -> None:
    crashed_at = clock.now()
    with pytest.raises(Crash):
        LightspeedTokens(platform, credentials(platform)).access()
    assert read(client_for(another_instance(platform))) > 100
    assert granted(shop) == refreshes
    # Who was never heard of again held the lease to its end.
    assert (clock.now() - crashed_at >= LEASE) == (credentials is not CrashingBeforeUse)
    # And the next refresh has the token that it needs.
    shop.call("POST", "/token/expire")
    assert read(client_for(another_instance(platform))) > 100
    assert shop.call("GET", "/token")["refused"] == 0


class OvertakenBeforeRequest(LightspeedCredentials):
    """So slow that its lease is over, and another instance has refreshed and used the new token."""

    overtaken = False

    def lease(self, *arguments: Any) -> Any:
        leased = super().lease(*arguments)
        if not self.overtaken:
            self.overtaken = True
            self._platform.clock.sleep(LEASE.total_seconds() + 1)
            read(client_for(another_instance(self._platform)))
        return leased


class OvertakenBeforeSave(LightspeedCredentials):
    def save(self, *arguments: Any) -> bool:
        self._platform.clock.sleep(LEASE.total_seconds() + 1)
        read(client_for(another_instance(self._platform)))
        return super().save(*arguments)


@pytest.mark.parametrize("credentials", [OvertakenBeforeRequest, OvertakenBeforeSave])
def test_who_was_overtaken_takes_what_the_other_has_stored(
    platform: Platform, shop: Simulator, credentials: type[LightspeedCredentials]
) -> None:
    slow = LightspeedTokens(platform, credentials(platform))
    assert read(Lightspeed(platform, slow)) > 100
    assert slow.access() == LightspeedTokens.on(another_instance(platform)).access()
    assert "401" not in shop.requests()["byStatus"]
    shop.call("POST", "/token/expire")
    assert read(client_for(another_instance(platform))) > 100


def test_an_instance_whose_clock_is_behind_leaves_the_lease_to_its_owner(
    platform: Platform, clock: SteppingClock
) -> None:
    credentials = LightspeedCredentials(platform)
    credentials.lease(credentials.load(), clock.now())
    behind = clock.now() - timedelta(seconds=0.05)
    assert credentials.load().leased_at(behind)
    assert credentials.load().refreshed_within(timedelta(seconds=1), behind)


def test_an_answer_that_was_lost_on_the_way_is_asked_for_again(platform: Platform, shop: Simulator) -> None:
    shop.trap(dropped=1)
    with pytest.raises(SourceUnavailable):
        LightspeedTokens.on(platform).access()
    shop.clear_traps()
    assert granted(shop) == 4
    assert read(client_for(another_instance(platform))) > 100


def test_never_more_than_five_refreshes_a_minute(platform: Platform, shop: Simulator, clock: SteppingClock) -> None:
    tokens = LightspeedTokens.on(platform)
    before, token = clock.now(), tokens.access()
    for _ in range(4):
        token = tokens.access(refused=token)
    assert granted(shop) == 5
    assert clock.now() - before >= timedelta(seconds=48)


def test_a_token_that_was_revoked_is_refreshed_once(platform: Platform, shop: Simulator) -> None:
    client = client_for(platform)
    read(client)
    shop.call("POST", "/token/expire")
    shop.reset_requests()
    assert read(client) > 100
    assert shop.requests()["byStatus"]["401"] == 1
    assert granted(shop) == 2


def test_a_fresh_token_that_others_have_used_up_is_no_refusal(platform: Platform, shop: Simulator) -> None:
    client = client_for(platform)
    shop.trap(token_rotation=3)
    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(lambda _: read(client), range(6))) > 100


def test_an_instance_whose_token_died_takes_the_one_that_is_stored(platform: Platform, shop: Simulator) -> None:
    first = client_for(platform)
    read(first)
    shop.call("POST", "/token/expire")
    read(client_for(another_instance(platform)))
    assert read(first) > 100
    assert granted(shop) == 2


def test_threads_and_instances_at_once_refresh_once(shop: Simulator, project: str) -> None:
    instances = [LightspeedTokens.on(platform_for(project, shop, Clock())) for _ in range(3)]
    with ThreadPoolExecutor(9) as pool:
        found = list(pool.map(lambda number: instances[number % 3].access(), range(9)))
    assert len(set(found)) == 1
    assert granted(shop) == 1


def test_processes_at_once_refresh_once(shop: Simulator, project: str) -> None:
    variables = {**LightspeedProvider.environment(shop.url), "LIGHTSPEED_REFRESH_TOKEN": FIRST_REFRESH}
    started = [
        subprocess.Popen(
            [LEAN / "python", "-c", PRINT_TOKEN],
            cwd=ROOT,
            env=environment(project, **variables),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    found = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert len(found) == 1
    assert granted(shop) == 1


def test_a_refresh_token_that_is_used_up_says_what_to_do(platform: Platform, shop: Simulator, project: str) -> None:
    shop.token(ANOTHER_REFRESH)
    with pytest.raises(AuthFailed, match="new version of the secret LIGHTSPEED_REFRESH_TOKEN"):
        read(client_for(platform))
    changed = platform_for(project, shop, platform.clock, LIGHTSPEED_REFRESH_TOKEN=ANOTHER_REFRESH)
    assert read(client_for(changed)) > 100


def test_a_new_setting_replaces_what_is_stored_and_the_old_one_does_not_come_back(
    platform: Platform, shop: Simulator, project: str
) -> None:
    read(client_for(platform))
    shop.token(ANOTHER_REFRESH)
    changed = platform_for(project, shop, platform.clock, LIGHTSPEED_REFRESH_TOKEN=ANOTHER_REFRESH)
    assert read(client_for(changed)) > 100
    # An instance that still has the former setting goes on with what is stored.
    shop.call("POST", "/token/expire")
    assert read(client_for(another_instance(platform))) > 100
    shop.call("POST", "/token/expire")
    assert read(client_for(another_instance(changed))) > 100


def test_a_wrong_new_setting_leaves_what_is_stored(platform: Platform, shop: Simulator, project: str) -> None:
    read(client_for(platform))
    shop.call("POST", "/token/expire")
    mistaken = platform_for(project, shop, platform.clock, LIGHTSPEED_REFRESH_TOKEN="a mistake")
    with pytest.raises(AuthFailed):
        read(client_for(mistaken))
    assert read(client_for(another_instance(platform))) > 100


def test_threads_behind_a_refusal_do_not_ask_again(platform: Platform, shop: Simulator) -> None:
    shop.token(ANOTHER_REFRESH)
    tokens = LightspeedTokens.on(platform)
    for _ in range(3):
        with pytest.raises(AuthFailed):
            tokens.access()
    assert shop.call("GET", "/token")["refused"] == 1


def test_a_service_key_that_is_gone_falls_back_to_the_setting(
    platform: Platform, shop: Simulator, project: str, clock: SteppingClock
) -> None:
    read(client_for(platform))
    shop.token(FIRST_REFRESH)
    other = platform_for(project, shop, clock, VERIFICATION_KEY="other=" + "B" * 43 + "=")
    assert read(client_for(other)) > 100


@pytest.mark.parametrize("missing", ["LIGHTSPEED_CLIENT_ID", "LIGHTSPEED_CLIENT_SECRET", "LIGHTSPEED_REFRESH_TOKEN"])
def test_what_is_missing_is_named(shop: Simulator, project: str, missing: str) -> None:
    with pytest.raises(AuthFailed, match=f"{missing} is not set"):
        read(client_for(platform_for(project, shop, SteppingClock(), **{missing: ""})))


def test_a_wrong_client_secret_is_named(shop: Simulator, project: str) -> None:
    with pytest.raises(AuthFailed, match="invalid_client"):
        read(client_for(platform_for(project, shop, SteppingClock(), LIGHTSPEED_CLIENT_SECRET="wrong")))
