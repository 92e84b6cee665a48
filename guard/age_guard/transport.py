"""One GET over ``requests``, with a bounded time and a bounded body and none of its session magic.

A ``requests.Session`` would follow redirects, keep cookies from one customer to the next, and let a
``.netrc`` entry replace the caller's Authorization. The adapter below it does none of that.
"""

from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from age_guard.deadline import limit_answers

_MAX_BODY_BYTES = 64 * 1024
_CONNECTIONS = 32
_WITH_A_BODY_WE_READ = {200, 404}


@dataclass(frozen=True)
class Answer:
    """Status and body; the body is empty for statuses whose body the guard does not read."""

    status: int
    body: bytes


@dataclass(frozen=True)
class NoAnswer:
    """``reason``: ``timed_out`` or ``connection_failed``."""

    reason: str


class Transport:
    """Keeps connections open between calls; may be used from any number of threads."""

    def __init__(self, base_url: str) -> None:
        with requests.Session() as session:
            # Proxies and private authorities come from the environment, as with any requests call.
            self._settings: dict[str, Any] = dict(session.merge_environment_settings(base_url, {}, True, True, None))
        self._adapter = _BoundedAdapter(pool_maxsize=_CONNECTIONS)

    def get(self, url: str, headers: dict[str, str], timeout: urllib3.Timeout) -> Answer | NoAnswer:
        """Never follows a redirect. No exception text leaves this method: it would hold the customer id."""
        wait: Any = timeout  # requests hands a urllib3 Timeout on as it is; its stubs do not say so
        try:
            request = requests.Request("GET", url, headers=headers).prepare()
            with self._adapter.send(request, timeout=wait, **self._settings) as response:
                return Answer(response.status_code, _body(response))
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            return NoAnswer("timed_out")
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            return NoAnswer("connection_failed")

    def close(self) -> None:
        self._adapter.close()


def _body(response: requests.Response) -> bytes:
    if response.status_code not in _WITH_A_BODY_WE_READ:
        return b""
    body = b""
    # A cut-off answer is an error at the read after its last byte: urllib3 1.26 has to be told so.
    response.raw.enforce_content_length = True
    # Not decoded: a few compressed bytes can stand for gigabytes.
    while chunk := response.raw.read(_MAX_BODY_BYTES, decode_content=False):
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return b""  # no status is that long
    return body


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        limit_answers(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return limit_answers(super().proxy_manager_for(proxy, **kwargs))

    def close(self) -> None:
        # urllib3 only forgets its pools, which leaves their sockets open until the garbage is collected.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - this mapping refuses to be iterated
                if pool := manager.pools.get(key):
                    pool.close()
        super().close()
