"""Cards that Authorize.Net keeps: a customer profile for each customer, in it a payment profile for each card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.integrations import authorizenet_answers as answers
from shared.integrations import authorizenet_requests as shapes
from shared.integrations.authorizenet_answers import EXISTS, NOT_FOUND
from shared.integrations.authorizenet_calls import NO_ANSWER, Answer, Calls, log_refusal, parts
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import Customer, Method
from shared.platform.clock import Clock

CREATE = "createCustomerProfileFromTransactionRequest"
# What was just made is unknown to some of the gateway's machines for up to a minute. A customer waits for it: what
# takes longer is stored when it is needed.
LAG_PAUSES = (0.5, 1.0, 2.0, 4.0)


class Cards:
    """Every method raises `GatewayUnavailable`."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock

    def keep(self, transaction_id: str, customer: Customer) -> Method:
        """Safe to repeat: what is there already is found."""
        answer = self._patiently(CREATE, shapes.new_profile(transaction_id, customer))
        profile = answers.duplicate_of(answer)
        if answer.code == EXISTS and profile:
            answer = self._patiently(CREATE, shapes.added_profile(transaction_id, profile))
        profile = str(answer.body.get("customerProfileId") or profile)
        last4, brand = self.of_transaction(transaction_id)
        payment = answers.first_id(answer.body, "customerPaymentProfileIdList") or self._existing(profile, last4)
        if not payment:
            log_refusal(CREATE, answer.code)
            raise GatewayUnavailable(NO_ANSWER)
        return Method(profile, payment, last4, brand)

    def of_transaction(self, transaction_id: str) -> tuple[str, str]:
        """Last four digits and brand; empty when the gateway does not say."""
        asked = shapes.details(transaction_id)
        answer = self._calls.ask("getTransactionDetailsRequest", asked, {NOT_FOUND})
        found = answer.body.get("transaction")
        return answers.card_of(found) if isinstance(found, dict) else ("", "")

    def card(self, method: Method) -> tuple[str, Method] | None:
        profile = self._profile(method.profile)
        if profile is None:
            return None
        stored = next((p for p in parts(profile, "paymentProfiles") if _id(p) == method.payment), None)
        # A profile shows ten of its cards.
        stored = stored or self._payment_profile(method)
        if stored is None:
            return None
        return str(profile.get("merchantCustomerId", "")), Method(
            method.profile, method.payment, *answers.card_of(stored)
        )

    def _existing(self, profile_id: str, last4: str) -> str:
        """The customer's newest card with these last digits."""
        profile = (self._profile(profile_id) if profile_id else None) or {}
        same = [_id(p) for p in parts(profile, "paymentProfiles") if last4 and answers.card_of(p)[0] == last4]
        return max(same, key=lambda text: (len(text), text), default="")

    def _profile(self, profile_id: str) -> Mapping[str, Any] | None:
        return self._object("getCustomerProfileRequest", shapes.profile(profile_id), "profile")

    def _payment_profile(self, method: Method) -> Mapping[str, Any] | None:
        return self._object("getCustomerPaymentProfileRequest", shapes.payment_profile(method), "paymentProfile")

    def _object(self, call: str, content: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
        found = self._calls.ask(call, content, {NOT_FOUND}).body.get(name)
        return found if isinstance(found, dict) else None

    def _patiently(self, call: str, content: Mapping[str, Any]) -> Answer:
        """As often as something is not known yet."""
        answer = self._calls.ask(call, content, {EXISTS, NOT_FOUND})
        for pause in LAG_PAUSES:
            if answer.code != NOT_FOUND:
                break
            self._clock.sleep(pause)
            answer = self._calls.ask(call, content, {EXISTS, NOT_FOUND})
        return answer


def _id(payment_profile: Mapping[str, Any]) -> str:
    return str(payment_profile.get("customerPaymentProfileId", ""))
