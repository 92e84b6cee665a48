"""One HTTP request, from Flask's to the handler's and back. The order of the checks is the order of the methods.

request id → preflight → route → who calls → rate limit → body → fields → whose object → idempotency → handler
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.platform import wire
from shared.platform.context import Platform
from shared.platform.errors import Failure, Forbidden, Invalid
from shared.runtime import card_data, cors, idempotency, json_body, rate_limits, security_events, validation
from shared.runtime import logging as logs
from shared.runtime.auth import Authenticator, sign_in_first
from shared.runtime.declare import ADMIN, SIGNED, Endpoint
from shared.runtime.errors import answer_for, internal
from shared.runtime.rate_limits import RateLimiter
from shared.runtime.request import ANONYMOUS, Answer, Page, Principal, Request, Serialized
from shared.runtime.routing import Route

if TYPE_CHECKING:
    import flask

# '.' and '..' are made of allowed characters, but every URL library resolves them as path segments.
CUSTOMER_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,128}")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

# A page may send its form back to where it came from.
PAGE_POLICY = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

log = logging.getLogger("request")


class HttpFunction:
    """Serves one endpoint of this instance."""

    def __init__(self, name: str, declared: Endpoint, handler: Callable[[Request], Answer], platform: Platform) -> None:
        self.name = name
        self.declared = declared
        self.platform = platform
        self.handler = handler
        self.route = Route(declared)
        self.authenticator = Authenticator(platform.settings, platform.clock)
        self.limiter = RateLimiter(platform)

    def __call__(self, request: flask.Request) -> flask.Response:
        return Exchange(self, request).respond()


class Exchange:
    """One request on its way through the function."""

    def __init__(self, function: HttpFunction, request: flask.Request) -> None:
        self.function = function
        self.declared = function.declared
        self.platform = function.platform
        self.http = request
        self.started = self.platform.clock.monotonic()
        self.request_id = self._request_id()
        self.principal: Principal = ANONYMOUS
        self.customer_id = ""
        self.limit_headers: dict[str, str] = {}
        self.repeated_refusal = False

    def respond(self) -> flask.Response:
        token = logs.context.set(self._log_context())
        try:
            with self.platform.metrics.serving(self.function.name):
                return self._measured()
        finally:
            logs.context.reset(token)

    def _measured(self) -> flask.Response:
        answer = self._answer()
        json_body.drain(self.http.stream)
        response = self._response(answer)
        elapsed = self.platform.clock.monotonic() - self.started
        self.platform.metrics.count("requests")
        self.platform.metrics.count("errors", int(answer.status >= 500))
        self.platform.metrics.observe("latency", elapsed * 1000)
        self._log(answer.status, elapsed)
        return response

    def _answer(self) -> Answer:
        try:
            if self.http.method == "OPTIONS":
                return self._options()
            return self._run()
        except Failure as failure:
            if failure.status >= 500:
                log.warning("unavailable", exc_info=failure)
            self._audit(failure)
            return answer_for(failure, self.request_id)
        except Exception:
            log.exception("unhandled_exception")
            return internal(self.request_id)

    def _options(self) -> Answer:
        self.function.route.match(self.declared.method, self.http.path)
        if "Access-Control-Request-Method" in self.http.headers:
            return Answer(204, None, cors.preflight_headers(self.function.route.allow))
        return Answer(204, None, {"Allow": self.function.route.allow})

    def _run(self) -> Answer:
        path = self._routed()
        self._identify()
        raw = self._body()
        request = self._validated(path, raw)
        self._check_owner(request)
        if request.idempotency_key:
            answer = self._run_once(request, raw, request.idempotency_key)
        else:
            answer = self._handle(request)
        if self.declared.auth == ADMIN and self.declared.method != "GET":
            security_events.admin_acted(self.platform, self.function.name, self.principal, self.request_id)
        return answer

    def _routed(self) -> dict[str, str]:
        try:
            return self.function.route.match(self.http.method, self.http.path)
        except Failure:
            self._spend_permit()
            raise

    def _identify(self) -> None:
        """Who calls, and whether they may call now. A refused token still spends the address's permits."""
        try:
            if self.declared.auth != SIGNED:
                self.principal = self.function.authenticator.principal(self.http.headers.get("Authorization", ""))
            if self.declared.auth.roles and self.principal is ANONYMOUS:
                raise sign_in_first()
        except Failure:
            self._spend_permit()
            raise
        self._spend_permit()
        if self.declared.auth.roles and self.principal.role not in self.declared.auth.roles:
            raise Forbidden("Your role may not do this.")

    def _spend_permit(self) -> None:
        settings = self.platform.settings
        tier = rate_limits.tier_for(settings, self.principal, self.declared.tier)
        by_address = tier.name in rate_limits.BY_ADDRESS
        caller = self._client_ip() if by_address else self.principal.subject
        decision = self.function.limiter.admit(tier, caller, here=self.declared.limited_here)
        self.limit_headers = dict(rate_limits.headers(tier, decision))
        if not decision.allowed:
            self.repeated_refusal = not decision.newly_blocked
            raise rate_limits.refused(tier, decision)

    def _body(self) -> bytes:
        if self.declared.page or (self.declared.body is None and self.declared.method in ("GET", "DELETE")):
            return b""
        return json_body.read(self.http.stream, self.http.headers.get("Content-Type", ""), self.http.content_length)

    def _validated(self, path: dict[str, str], raw: bytes) -> Request:
        for name, value in path.items():
            _check_customer_id(name, value)
        query = validation.load_query(self.declared.query, self._query())
        return Request(
            platform=self.platform,
            principal=self.principal,
            request_id=self.request_id,
            path=path,
            query=query,
            body=self._fields(raw),
            raw=raw,
            headers={name: self.http.headers.get(name, "") for name in self.declared.headers},
            idempotency_key=self._idempotency_key(),
            started=self.started,
        )

    def _fields(self, raw: bytes) -> dict[str, Any]:
        if not self.declared.body:
            return {}
        parsed = json_body.parse(raw)
        if self.declared.refuses_card_data:
            card_data.refuse(parsed)
        return validation.load_body(self.declared.body, parsed)

    def _query(self) -> dict[str, str]:
        repeated = next((name for name, values in self.http.args.lists() if len(values) > 1), None)
        if repeated is not None:
            raise Invalid("A query parameter appears twice. Send it once.", code="duplicate_field", field="query")
        return self.http.args.to_dict()

    def _check_owner(self, request: Request) -> None:
        """A customer touches only what is theirs; the answer is the same whether the object exists or not."""
        owner = self.declared.owner
        if owner is None:
            return
        source = request.body if owner.place == "body" else request.path
        self.customer_id = str(source[owner.name])
        if not self.principal.owns(self.customer_id):
            raise Forbidden("You may only do this for yourself.")

    def _idempotency_key(self) -> str:
        """Empty without one. An empty one is refused: who sends it believes to be protected."""
        key = self.http.headers.get("Idempotency-Key")
        return idempotency.read_key(key) if key is not None and self.declared.idempotent else ""

    def _run_once(self, request: Request, raw: bytes, key: str) -> Answer:
        subject = self.customer_id or self.principal.subject
        return idempotency.answer_once(
            self.platform,
            f"{self.function.name}|{self.principal.role}|{self.principal.subject}",
            key,
            raw,
            self.platform.customer_hash(subject),
            self.request_id,
            lambda: self._handle(request),
        )

    def _handle(self, request: Request) -> Answer:
        answer = self.function.handler(request)
        if self.declared.page or (answer.status == 304 and self.declared.cached):
            return answer
        schema = self.declared.responds.get(answer.status)
        if schema is None:
            raise LookupError(f"{self.function.name} answered {answer.status}, which it does not declare")
        if isinstance(answer.value, Serialized):
            return answer
        return Answer(answer.status, validation.schema(schema).dump(answer.value), answer.headers)

    def _audit(self, failure: Failure) -> None:
        if not self.repeated_refusal:
            security_events.refused(self.platform, self.function.name, self.principal, failure, self.request_id)

    def _response(self, answer: Answer) -> flask.Response:
        import flask

        text = _text(answer.value)
        kind = "text/html" if isinstance(answer.value, Page) else "application/json"
        response = flask.Response(text, answer.status, mimetype=kind if text else None)
        if not text:
            del response.headers["Content-Type"]
        cacheable = answer.status in (200, 304)
        response.headers.update(SECURITY_HEADERS)
        if isinstance(answer.value, Page):
            response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["Cache-Control"] = self.declared.cache_control if cacheable else "no-store"
        response.headers["X-Request-ID"] = self.request_id
        response.headers.update(cors.headers(self.platform.settings, self.http.headers.get("Origin", "")))
        response.headers.update(self.limit_headers)
        response.headers.update(answer.headers)
        return response

    def _log(self, status: int, elapsed: float) -> None:
        customer = self.customer_id or (self.principal.subject if self.principal.role == "customer" else "")
        log.log(
            logging.ERROR if status >= 500 else logging.INFO,
            "request",
            extra={
                "httpRequest": {
                    "requestMethod": self.http.method,
                    "requestUrl": self.declared.path,
                    "status": status,
                    "latency": f"{elapsed:.6f}s",
                },
                "role": self.principal.role,
                "customerHash": self.platform.customer_hash(customer) if customer else "",
                "latencyMs": round(elapsed * 1000, 2),
            },
        )

    def _log_context(self) -> dict[str, str]:
        context = {"requestId": self.request_id, "function": self.function.name}
        trace = logs.trace(self.platform.settings, self.http.headers.get("X-Cloud-Trace-Context", ""))
        return {**context, "logging.googleapis.com/trace": trace} if trace else context

    def _request_id(self) -> str:
        sent = self.http.headers.get("X-Request-ID", "")
        return sent if REQUEST_ID.fullmatch(sent) else self.platform.ids.new("req")

    def _client_ip(self) -> str:
        forwarded = self.http.headers.get("X-Forwarded-For", "")
        return rate_limits.client_ip(self.platform.settings, forwarded, self.http.remote_addr or "")


def _text(value: Any) -> str:
    """The body's; empty for none."""
    if value is None:
        return ""
    return value.text if isinstance(value, Serialized | Page) else wire.json_text(value)


def _check_customer_id(name: str, value: str) -> None:
    if not CUSTOMER_ID.fullmatch(value):
        field: Any = "customerId" if name == "customer_id" else name
        raise Invalid(
            f"{field} must be 1 to 128 characters: letters, digits, '.', '_', ':', '@', '-'.",
            code="invalid_customer_id" if name == "customer_id" else "invalid_id",
            field=field,
        )
