"""Every setting, declared once: name in the environment, default, meaning. The only reader of os.environ."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from shared.platform.errors import Misconfigured


def setting(env: str, default: str, doc: str, *, secret: bool = False, parser: str = "") -> Any:
    """`parser`: `module:callable` that takes the variable's name and its value and raises `Misconfigured`.

    It is a name, so that only a function that declares the secret imports what reads it.
    """
    return field(default=default, metadata={"env": env, "doc": doc, "secret": secret, "parser": parser})


def number(env: str, default: int, doc: str) -> Any:
    return field(default=default, metadata={"env": env, "doc": doc, "secret": False, "parser": ""})


# By field: what may be chosen.
CHOICES = {
    "auth_mode": ("jwt", "disabled"),
    "environment": ("local", "staging", "production"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "authorize_net_environment": ("production", "sandbox"),
    "proration": ("by_days", "full_difference"),
    "raffle_legal_gate": ("on", "off", ""),
    "draw_entropy": ("drand", "local"),
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings:
    """One immutable snapshot of the environment. `load` checks it; secrets are checked where they are declared.

    It has no repr, so that no log line and no traceback shows a secret.
    """

    project: str = setting("GOOGLE_CLOUD_PROJECT", "", "Google Cloud project id.")
    environment: str = setting(
        "ENVIRONMENT",
        "production",
        "`local`, `staging` or `production`. Sandbox customers exist outside production only.",
    )
    version: str = setting("VERSION", "dev", "Version of the deployed archive, shown by health.")
    service: str = setting("K_SERVICE", "", "Set by Cloud Run functions; its presence means: deployed.")
    auth_mode: str = setting("AUTH_MODE", "jwt", "`jwt`, or `disabled`: every caller is an admin (local only).")
    jwt_secret: str = setting("JWT_SECRET", "", "HS256 key of callers' tokens, at least 32 bytes.", secret=True)
    jwt_jwks_url: str = setting(
        "JWT_JWKS_URL",
        "",
        "Public keys of callers' tokens (RS256, ES256). Used instead of JWT_SECRET when set.",
    )
    jwt_audience: str = setting("JWT_AUDIENCE", "livhana-api", "`aud` that callers' tokens must carry.")
    jwt_issuer: str = setting("JWT_ISSUER", "livhana", "`iss` that callers' tokens must carry.")
    cors_origins: str = setting("CORS_ORIGINS", "", "Comma-separated origins whose pages may call the API.")
    trusted_proxy_hops: int = number(
        "TRUSTED_PROXY_HOPS",
        0,
        "How many right-most X-Forwarded-For entries are our own proxies (1 behind the load balancer).",
    )
    rate_anonymous: int = number("RATE_LIMIT_ANONYMOUS", 100, "Requests a minute for one IP without a token.")
    rate_signed_in: int = number("RATE_LIMIT_SIGNED_IN", 300, "Requests a minute for one `sub`.")
    rate_admin: int = number("RATE_LIMIT_ADMIN", 1000, "Requests a minute for one admin.")
    rate_health: int = number("RATE_LIMIT_HEALTH", 300, "Health requests a minute for one IP.")
    rate_webhook: int = number("RATE_LIMIT_WEBHOOK", 3000, "Requests a minute for one IP of a provider's webhooks.")
    customer_hash_key: str = setting(
        "CUSTOMER_HASH_KEY",
        "",
        "HMAC key (32 bytes, base64) that turns customer ids into document names and log fields.",
        secret=True,
        parser="shared.platform.crypto:decode_key",
    )
    verification_key: str = setting(
        "VERIFICATION_KEY",
        "",
        "Service keys of the customers' data keys, comma-separated `<key id>=<32 bytes base64>` (the bytes alone: id "
        "`k1`). The first wraps, every one unwraps.",
        secret=True,
        parser="shared.platform.crypto:Keyring.parse",
    )
    age_token_key: str = setting(
        "AGE_TOKEN_KEY",
        "",
        "P-256 keys of age tokens, PEM blocks one after another. The first private key signs, every key is in the "
        "JWKS: keep former ones, public or private, behind it.",
        secret=True,
        parser="shared.platform.signing:SigningKeys.parse",
    )
    public_url: str = setting("PUBLIC_URL", "", "Base URL of the public API; `iss` of age tokens.")
    store_timezone: str = setting("STORE_TIMEZONE", "America/Chicago", "Time zone of schedules and daily figures.")
    square_url: str = setting("SQUARE_URL", "https://connect.squareup.com", "Base URL of Square's API.")
    square_access_token: str = setting(
        "SQUARE_ACCESS_TOKEN", "", "Bearer token of Square's API. Without it Square is in mock mode.", secret=True
    )
    square_webhook_signature_key: str = setting(
        "SQUARE_WEBHOOK_SIGNATURE_KEY", "", "Signature key of Square's webhook subscription.", secret=True
    )
    square_webhook_url: str = setting(
        "SQUARE_WEBHOOK_URL",
        "",
        "The notification URL exactly as the webhook subscription has it; it is part of what Square signs. Empty: "
        "PUBLIC_URL with /api/square/webhook.",
    )
    square_rate: int = number(
        "SQUARE_REQUESTS_PER_SECOND",
        10,
        "Requests a second that one instance sends to Square at most. A 429 halves them for a while.",
    )
    square_parallel: int = number("SQUARE_PARALLEL", 8, "Requests to Square that one instance has under way at most.")
    lightspeed_url: str = setting("LIGHTSPEED_URL", "https://api.lightspeedapp.com", "Base URL of Lightspeed's API.")
    lightspeed_auth_url: str = setting(
        "LIGHTSPEED_AUTH_URL", "https://cloud.lightspeedapp.com", "Base URL of Lightspeed's OAuth server."
    )
    lightspeed_client_id: str = setting("LIGHTSPEED_CLIENT_ID", "", "Client id of our application at Lightspeed.")
    lightspeed_client_secret: str = setting(
        "LIGHTSPEED_CLIENT_SECRET", "", "Client secret of our application at Lightspeed.", secret=True
    )
    lightspeed_refresh_token: str = setting(
        "LIGHTSPEED_REFRESH_TOKEN",
        "",
        "First refresh token, or a new one after a merchant re-authorised; its successors are kept in Firestore.",
        secret=True,
    )
    lightspeed_use_mock: str = setting(
        "LIGHTSPEED_USE_MOCK", "", "`true`: made-up Lightspeed data. Empty: only without credentials. `false`: never."
    )
    authorize_net_environment: str = setting(
        "AUTHORIZE_NET_ENVIRONMENT", "production", "`production` or `sandbox`: which of Authorize.Net's gateways."
    )
    authorize_net_url: str = setting(
        "AUTHORIZE_NET_URL", "", "Address of a gateway that is compatible with Authorize.Net's, in place of its own."
    )
    authorize_net_api_login_id: str = setting(
        "AUTHORIZE_NET_API_LOGIN_ID", "", "API login id of the merchant's account.", secret=True
    )
    authorize_net_transaction_key: str = setting(
        "AUTHORIZE_NET_TRANSACTION_KEY", "", "Transaction key that belongs to the API login id.", secret=True
    )
    authorize_net_signature_key: str = setting(
        "AUTHORIZE_NET_SIGNATURE_KEY", "", "Signature key of the account's webhooks, 128 characters.", secret=True
    )
    slack_webhook_url: str = setting(
        "SLACK_WEBHOOK_URL",
        "",
        "Address of a Slack incoming webhook, or of a compatible one, that alerts are sent to.",
        secret=True,
    )
    pagerduty_url: str = setting("PAGERDUTY_URL", "https://events.pagerduty.com", "Base URL of PagerDuty's Events API.")
    pagerduty_routing_key: str = setting(
        "PAGERDUTY_ROUTING_KEY",
        "",
        "Integration key of a PagerDuty service (Events API v2) that alerts are sent to; one for each environment.",
        secret=True,
    )
    alert_emails: str = setting("ALERT_EMAILS", "", "Comma-separated addresses that alerts are mailed to.")
    proration: str = setting(
        "PRORATION",
        "by_days",
        "What an upgrade costs: `by_days`, the difference for the rest of the period, or `full_difference`.",
    )
    raffle_legal_gate: str = setting(
        "RAFFLE_LEGAL_GATE",
        "",
        "`on`: a raffle is only activated on a recorded legal basis that allows it. Empty: on, but not locally.",
    )
    draw_entropy: str = setting(
        "DRAW_ENTROPY",
        "drand",
        "What a raffle is drawn with: `drand`, public randomness that nobody here can choose, or `local`, random bytes "
        "of this machine, which its audit says.",
    )
    drand_url: str = setting(
        "DRAND_URL",
        "https://api.drand.sh,https://api2.drand.sh,https://api3.drand.sh,https://drand.cloudflare.com",
        "Comma-separated addresses of drand's relays, asked in this order. What they say is verified.",
    )
    drand_chain: str = setting(
        "DRAND_CHAIN",
        "",
        "`<hash>:<public key>:<genesis time>:<period>` of a chain in place of quicknet (local only).",
    )
    smtp_url: str = setting(
        "SMTP_URL",
        "",
        "`smtp://user:password@host:587` (STARTTLS, which the server must offer, but not locally) or "
        "`smtps://user:password@host:465`. Without it mail is in mock mode: nothing is sent, and nothing is dropped.",
        secret=True,
        parser="shared.integrations.smtp:parse_url",
    )
    smtp_ca: str = setting(
        "SMTP_CA", "", "PEM certificates that the mail server's is checked against, in place of the system's."
    )
    mail_from: str = setting(
        "MAIL_FROM",
        "",
        "Who mails are from: `Name <address>`; needed with SMTP_URL. The name is the shop's in every mail.",
    )
    mail_reply_to: str = setting("MAIL_REPLY_TO", "", "Where answers to mails go. Empty: to MAIL_FROM.")
    reverify_url: str = setting(
        "REVERIFY_URL", "", "The page on which a customer verifies their age again. Empty: PUBLIC_URL."
    )
    firestore_emulator: str = setting("FIRESTORE_EMULATOR_HOST", "", "host:port of the Firestore emulator.")
    pubsub_emulator: str = setting("PUBSUB_EMULATOR_HOST", "", "host:port of the Pub/Sub emulator.")
    bigquery_location: str = setting(
        "BIGQUERY_LOCATION", "", "Region of the datasets: a load job outside US and EU has to name it."
    )
    bigquery_daily_bytes: int = number(
        "BIGQUERY_DAILY_BYTES",
        14 * 1024**3,
        "Bytes that cached figures' queries may be billed for in a day (UTC), over all instances. A month of the "
        "default is within BigQuery's free TiB beside what the syncs need. Beyond it the last values are served.",
    )
    bigquery_emulator: str = setting("BIGQUERY_EMULATOR_HOST", "", "URL of the local BigQuery.")
    clock_file: str = setting("CLOCK_FILE", "", "File that moves the clock of the local stack and of tests.")
    log_level: str = setting("LOG_LEVEL", "INFO", "Least severity that is logged.")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises `Misconfigured` with a sentence that names the variable."""
        source = os.environ if environ is None else environ
        settings = cls(**{f.name: _parse(f.metadata["env"], f.default, source) for f in fields(cls)})
        settings._check()
        return settings

    @property
    def deployed(self) -> bool:
        return bool(self.service)

    @property
    def sandbox(self) -> bool:
        return self.environment != "production"

    @property
    def legal_gate(self) -> bool:
        """Whether a raffle needs a legal basis."""
        return self.raffle_legal_gate == "on" or (not self.raffle_legal_gate and self.environment != "local")

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        return tuple(o.strip().rstrip("/") for o in self.cors_origins.split(",") if o.strip())

    @property
    def alert_addresses(self) -> tuple[str, ...]:
        return tuple(a.strip() for a in self.alert_emails.split(",") if a.strip())

    def require(self, env: str) -> str:
        """The value of a secret by its environment name. Raises `Misconfigured` when it is empty."""
        value = getattr(self, _declared(env).name)
        if not value:
            raise Misconfigured(f"{env} is not set. Grant the secret to this function or set the variable.")
        return str(value)

    def check_secret(self, env: str, *, optional: bool = False) -> None:
        """At the start of a function that declares it. Raises `Misconfigured` when it is malformed, or missing."""
        declared = _declared(env)
        value = getattr(self, declared.name) if optional else self.require(env)
        parser = declared.metadata["parser"]
        if parser and value:
            pkgutil.resolve_name(parser)(env, value)

    def _check(self) -> None:
        self._check_choices()
        if not self.project:
            raise Misconfigured("GOOGLE_CLOUD_PROJECT is not set. Set it to the project id.")
        if self.auth_mode == "disabled":
            self._check_that_this_is_local("AUTH_MODE=disabled makes every caller an admin")
        elif self.jwt_secret and len(self.jwt_secret.encode()) < 32:
            raise Misconfigured("JWT_SECRET is shorter than 32 bytes. Use a longer random value.")
        if self.smtp_url and not self.mail_from:
            raise Misconfigured("SMTP_URL is set and MAIL_FROM is not. Set it to 'Name <address>'.")
        if self.clock_file:
            self._check_that_this_is_local("CLOCK_FILE moves the clock")
        if self.drand_chain:
            self._check_that_this_is_local("DRAND_CHAIN draws with a chain whose key somebody else may have")

    def _check_choices(self) -> None:
        for name, values in CHOICES.items():
            chosen = getattr(self, name)
            if chosen not in values:
                env = next(f.metadata["env"] for f in fields(self) if f.name == name)
                first, last = ", ".join(f"'{value}'" for value in values[:-1]), values[-1]
                raise Misconfigured(f"{env} is '{chosen}'. Use {first} or '{last}'.")

    def _check_that_this_is_local(self, what: str) -> None:
        if self.deployed:
            raise Misconfigured(f"{what}; it is refused where K_SERVICE is set. Remove it from the deployment.")
        if not (self.firestore_emulator and self.pubsub_emulator):
            raise Misconfigured(f"{what}; it is refused without emulators. Use `make run`, or remove it.")


def _declared(env: str) -> Field[Any]:
    return next(f for f in fields(Settings) if f.metadata["env"] == env)


def _parse(env: str, default: Any, source: Mapping[str, str]) -> Any:
    raw = source.get(env, "")
    if not raw.strip():
        return default
    if not isinstance(default, int):
        return raw
    try:
        value = int(raw)
    except ValueError:
        value = -1
    if value < 0:
        raise Misconfigured(f"{env} is '{raw}'. It must be a whole number, 0 or more.")
    return value
