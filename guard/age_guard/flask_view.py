"""The guard around a Flask view."""

import functools
import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Request, Response, current_app, g, jsonify, request

from age_guard.decorator import AgeCheck
from age_guard.errors import AgeGuardError, InvalidCustomerId
from age_guard.incoming import checked_customer_id, sane_request_id

P = ParamSpec("P")
R = TypeVar("R")
CustomerIdSource = Callable[[Request], str | None]


def guarded(view: Callable[P, R], check: AgeCheck, source: CustomerIdSource | None) -> Callable[P, R | Response]:
    """``view``, run only after ``check`` has passed."""
    find = source or _customer_id

    @functools.wraps(view)
    def guarded_view(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        request_id = sane_request_id(request.headers.get("X-Request-ID")) or uuid.uuid4().hex
        authorization = request.headers.get("Authorization")
        try:
            g.age_verification = check(find(request), authorization=authorization, request_id=request_id)
        except AgeGuardError as refusal:
            return _answer(refusal, request_id)
        result: R = current_app.ensure_sync(view)(*args, **kwargs)
        return result

    return guarded_view


def _answer(refusal: AgeGuardError, request_id: str) -> Response:
    response = jsonify(refusal.as_json() | {"requestId": request_id})
    response.status_code = refusal.status
    response.headers["X-Request-ID"] = request_id
    response.headers["Cache-Control"] = "no-store"
    return response


def _customer_id(incoming: Request) -> str | None:
    in_body = _body_customer_id(incoming)
    in_address = (incoming.view_args or {}).get("customer_id")
    if in_body is None:
        return None if in_address is None else str(in_address)
    if in_address is not None and checked_customer_id(in_body) != str(in_address):
        # The view may use either one: checking one customer and selling to the other must not happen.
        raise InvalidCustomerId(
            "customerId in the body and in the address are not the same",
            code="customer_id_mismatch",
            message="Send the order with one customer's id only.",
        )
    return checked_customer_id(in_body)


def _body_customer_id(incoming: Request) -> object:
    # Whatever the media type says, because a view that reads JSON by force would find the id there too; and
    # not by get_json, which would then hand that body to views that do insist on the media type.
    try:
        body = current_app.json.loads(incoming.get_data(cache=True))
    except (ValueError, RecursionError):
        return None
    return body.get("customerId") if isinstance(body, dict) else None
