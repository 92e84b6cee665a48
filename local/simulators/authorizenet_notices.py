"""What Authorize.Net tells by webhook. Every notification is kept, whether anybody has subscribed or not."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import uuid
from datetime import timedelta
from typing import Any

from local.simulators.authorizenet_account import EPOCH, SIGNATURE_KEY, dollars
from local.simulators.authorizenet_book import Entry
from local.simulators.database import Database
from local.simulators.square_shop import milliseconds
from local.simulators.webhooks import Event, Webhooks
from shared.platform.clock import Clock

TABLES = """
CREATE TABLE notifications (
    number INTEGER PRIMARY KEY, id TEXT, type TEXT, about INTEGER, body TEXT, made INTEGER
);
"""
PREFIX = "net.authorize.payment."
CHARGED, REFUNDED, VOIDED = (f"{PREFIX}{name}.created" for name in ("authcapture", "refund", "void"))
HELD, RELEASED, DENIED = (f"{PREFIX}fraud.{name}" for name in ("held", "approved", "declined"))
WEBHOOK_ID = "849eb87e-078a-4169-a34b-c0bded5019a8"


def signature(key: str, body: bytes) -> str:
    """X-ANET-Signature. The key is used as the text that it is, though it looks like hex."""
    return f"sha512={hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()}"


class Notices(Webhooks):
    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)

    def add(self, connection: sqlite3.Connection, kind: str, entry: Entry) -> int:
        """Note it with the change that it tells of; `tell` sends it afterwards. Its number."""
        now = self._clock.now()
        (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM notifications").fetchone()
        number, notification_id = int(newest) + 1, str(uuid.uuid4())
        # It is reported missing by some.
        reference = {"merchantReferenceId": entry.ref_id} if entry.ref_id and number % 2 == 0 else {}
        payload: dict[str, Any] = {
            "responseCode": entry.response,
            "authCode": entry.auth_code,
            "avsResponse": "Y",
            "authAmount": dollars(entry.cents),
            **reference,
            "entityName": "transaction",
            "id": str(entry.id),
        }
        sent = {
            "notificationId": notification_id,
            "eventType": kind,
            "eventDate": f"{now:%Y-%m-%dT%H:%M:%S.%f}7Z",
            "webhookId": WEBHOOK_ID,
            "payload": payload,
        }
        body = json.dumps(sent, separators=(",", ":"))
        row = (number, notification_id, kind, entry.id, body, milliseconds(now))
        connection.execute("INSERT INTO notifications VALUES (?, ?, ?, ?, ?, ?)", row)
        return number

    def tell(self, number: int, times: int = 1, delay: float = 0) -> str:
        """Send it to the subscriber, if there is one. Its notificationId."""
        (found,) = self._database.rows(
            "SELECT id, type, about, body, made FROM notifications WHERE number = ?", (number,)
        )
        notification_id, kind, about, body, made = found
        content = {"id": str(about), "body": body}
        self.send(Event(kind, content, notification_id, made, delay=delay), times)
        return str(notification_id)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Those after that one: {number, notificationId, eventType, transId, body, signature}, oldest first."""
        sql = "SELECT number, id, type, about, body FROM notifications WHERE number > ? ORDER BY number"
        key = self._subscription["key"] or SIGNATURE_KEY
        return [
            {
                "number": found,
                "notificationId": notification_id,
                "eventType": kind,
                "transId": str(about),
                "body": body,
                "signature": signature(key, body.encode()),
            }
            for found, notification_id, kind, about, body in self._database.rows(sql, (number,))
        ]

    def message(self, event: Event, url: str, key: str) -> tuple[bytes, dict[str, str]]:
        body = event.content["body"].encode()
        return body, {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "AuthNet-Webhooks",
            "X-Anet-Signature": signature(key or SIGNATURE_KEY, body),
            "X-Request-Date": f"{EPOCH + timedelta(milliseconds=event.created):%Y-%m-%dT%H:%M:%SZ}",
        }

    def retried(self, times: int) -> dict[str, str]:
        return {}
