from __future__ import annotations

from tests.factories.mail_fixtures import running_server, sending_platform, server, topics

__all__ = ["running_server", "sending_platform", "server", "topics"]
