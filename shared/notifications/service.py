"""Sending a mail once: claim, send, mark.

A mail is claimed in Firestore before it is sent, and marked after the server took it. Between the server's yes and our
mark lies the one moment that SMTP leaves in doubt (RFC 1047, RFC 5321 4.2.5): **a mail whose sender died there is sent
again under the same Message-ID**, rather than never, and who gets it twice files it once (docs/decisions/0023).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.notifications import events
from shared.notifications.errors import BeingSent, NotSetUp, Refused
from shared.notifications.letters import Sender, letter, recipient
from shared.notifications.models import FAILED, LEASE, SENDING, SENT, SKIPPED, Command, Sending
from shared.notifications.ports import Mailer
from shared.notifications.preferences import Preferences
from shared.notifications.rendering import Templates
from shared.notifications.repository import Kept, Mails
from shared.notifications.rules import message_id
from shared.platform.clock import to_milliseconds
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.outbox import Event

# In which the server must have begun to take the message; then it has a minute to say that it did. Together they are
# well below the lease.
SECONDS = 60.0
# How often, and in all how long, the mark is tried: until it is written nobody knows that the mail is sent.
MARKS, MARK_PAUSE_SECONDS = 6, 0.5

log = logging.getLogger(__name__)


class MailService:
    """One per instance."""

    def __init__(self, platform: Platform, mailer: Mailer | None) -> None:
        settings = platform.settings
        self._platform = platform
        self._mailer = mailer
        self._mails = Mails.on(platform)
        self._preferences = Preferences.on(platform)
        self._sender = Sender.parse(settings.mail_from, settings.mail_reply_to)
        self._templates = Templates(settings.store_timezone, self._sender.name)

    @classmethod
    def on(cls, platform: Platform, connect: Callable[[Platform], Mailer | None]) -> MailService:
        return platform.once(cls, lambda: cls(platform, connect(platform)))

    def send(self, command: Command, *, wanted: bool = True) -> str:
        """What became of it: sent, failed or skipped; of one that has ended before, what became of it then.

        `wanted`: what it is about is still so. Raises `Unavailable` to be called again, and whatever a template says of
        data that it cannot show.
        """
        mailer = self._mailer
        if mailer is None and wanted:
            # Failure policy: without a provider no mail is claimed and none is dropped; it comes again, then waits in
            # the dead-letter topic to be replayed.
            log.error("mail_not_set_up", extra={"emailId": command.id, "template": command.template})
            raise NotSetUp
        kept = self._claim(command)
        if kept.sending.ended:
            return kept.sending.state
        if mailer is None or not wanted or self._unsubscribed(command):
            return self._end(kept, SKIPPED)
        try:
            answer = self._handed_over(command, mailer)
        except Refused as refusal:
            # Failure policy: what this recipient's server will never take is recorded, and not tried again.
            return self._end(kept, FAILED, refusal.code, refusal.answer)
        except Exception:
            self._release(kept)
            raise
        return self._end(kept, SENT, answer=answer)

    def _unsubscribed(self, command: Command) -> bool:
        return command.unsubscribable and self._preferences.unsubscribed(command.customer_hash)

    def _handed_over(self, command: Command, mailer: Mailer) -> str:
        url = self._preferences.link(command.customer_hash) if command.unsubscribable else ""
        rendered = self._templates.render(command, url)
        written_at = to_milliseconds(self._platform.clock.now())
        return mailer.send(letter(command, rendered, self._sender, url, written_at), recipient(command), SECONDS)

    # --- the claim

    def _claim(self, command: Command) -> Kept:
        """Ours to send, or ended. Raises `BeingSent` while it is somebody else's."""
        now = self._platform.clock.now()
        new = Sending(
            email_id=command.id,
            template=command.template,
            about=command.about,
            customer_hash=command.customer_hash,
            message_id=message_id(command.id, self._sender.address),
            state=SENDING,
            owner=self._platform.ids.new("own"),
            lease_until=now + LEASE,
            attempts=1,
            queued_at=command.queued_at,
        )
        try:
            return self._claimed(new, None)
        except ChangedMeanwhile:
            return self._claim_again(new)

    def _claimed(self, new: Sending, before: Kept | None) -> Kept:
        """Raises `ChangedMeanwhile`, and `Unavailable` when nobody can say whose it is."""
        try:
            return self._mails.put(new, before)
        except Unavailable:
            # A claim whose answer was lost would hold up all further tries for as long as its lease.
            kept = self._mails.get(new.email_id)
            if kept is None or kept.sending.owner != new.owner:
                raise
            return kept

    def _claim_again(self, new: Sending) -> Kept:
        kept = self._mails.get(new.email_id)
        if kept is None:
            raise BeingSent
        before = kept.sending
        if before.ended:
            return kept
        if self._platform.clock.now() < before.lease_until:
            raise BeingSent
        try:
            return self._claimed(replace(new, attempts=before.attempts + 1), kept)
        except ChangedMeanwhile:
            raise BeingSent from None

    def _release(self, kept: Kept) -> None:
        """Let the next delivery have it at once. Failure policy: what cannot be released waits for its lease."""
        try:
            self._mails.put(replace(kept.sending, lease_until=self._platform.clock.now()), kept)
        except (ChangedMeanwhile, Unavailable) as error:
            log.warning("mail_not_released", extra={"emailId": kept.sending.email_id, "reason": type(error).__name__})

    # --- the end

    def _end(self, kept: Kept, state: str, code: str = "", answer: str = "") -> str:
        ended = replace(
            kept.sending,
            state=state,
            code=code,
            answer=answer,
            ended_at=to_milliseconds(self._platform.clock.now()),
        )
        told = [] if state == SKIPPED else [events.ended(self._platform.ids.new("evt"), ended)]
        if self._marked(ended, kept, told):
            self._platform.outbox.publish(told)
        log.info(
            "mail_ended",
            extra={"emailId": ended.email_id, "template": ended.template, "state": state, "code": code or None},
        )
        return state

    def _marked(self, ended: Sending, kept: Kept, told: Sequence[Event]) -> bool:
        """Whether it is our mark that stands. Tried for some seconds: until it does, nobody knows what was sent."""
        for attempt in range(MARKS):
            try:
                self._mails.put(ended, kept, told)
            except ChangedMeanwhile:
                return self._is_ours(ended)
            except Unavailable:
                if attempt + 1 == MARKS:
                    raise
                self._platform.clock.sleep(MARK_PAUSE_SECONDS * (attempt + 1))
            else:
                break
        return True

    def _is_ours(self, ended: Sending) -> bool:
        """Another commit was first: ours, whose answer was lost, or that of who took the mail over."""
        kept = self._mails.get(ended.email_id)
        if kept is not None and kept.sending.ended:
            return kept.sending.owner == ended.owner
        # Failure policy: sent by us, and being sent by somebody else; whoever ends it first tells.
        log.error("mail_taken_over", extra={"emailId": ended.email_id})
        raise BeingSent
