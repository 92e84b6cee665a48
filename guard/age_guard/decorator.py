"""``require_age_verification`` as a value, shared by ``AgeGuard`` and by the module's convenient form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar, overload

from age_guard.verified import VerifiedAge

if TYPE_CHECKING:
    from flask import Response

    from age_guard.flask_view import CustomerIdSource

P = ParamSpec("P")
R = TypeVar("R")


class AgeCheck(Protocol):
    """What ``AgeGuard.check_age`` is."""

    def __call__(
        self, customer_id: str | None, *, authorization: str | None, request_id: str | None
    ) -> VerifiedAge: ...


class RequireAgeVerification:
    """Decorator for Flask views, with or without parentheses; place it below ``@app.route``.

    ``customer_id``: a callable that is given the Flask request and returns the customer's id, and is then the
    only source. By default it is ``customerId`` of the JSON body, else the view argument ``customer_id``.

    The view runs only for a verified customer and finds the ``VerifiedAge`` in ``flask.g.age_verification``.
    Anyone else gets 400, 403 or 500 in the error shape of the age verification service.
    """

    def __init__(self, check: AgeCheck) -> None:
        self._check = check

    @overload
    def __call__(
        self, view: Callable[P, R], *, customer_id: CustomerIdSource | None = None
    ) -> Callable[P, R | Response]: ...

    @overload
    def __call__(
        self, view: None = None, *, customer_id: CustomerIdSource | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R | Response]]: ...

    def __call__(
        self, view: Callable[P, R] | None = None, *, customer_id: CustomerIdSource | None = None
    ) -> Callable[P, R | Response] | Callable[[Callable[P, R]], Callable[P, R | Response]]:
        # Flask is an optional extra: only whoever decorates a view needs it, and learns so when starting up.
        try:
            from age_guard.flask_view import guarded  # noqa: PLC0415
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                "require_age_verification needs Flask: pip install 'livhana-age-guard[flask]'"
            ) from missing

        def decorate(view: Callable[P, R]) -> Callable[P, R | Response]:
            return guarded(view, self._check, customer_id)

        return decorate if view is None else decorate(view)
