"""What the shop uses in a month of each thing that has a price. All figures are Decimals, in the price's unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from local.cron import runs
from tools.prices import Book

DAYS = Decimal(30)
SECONDS = DAYS * 24 * 3600
KIB, MIB, GIB = Decimal(2**10), Decimal(2**20), Decimal(2**30)
MEMORY = {"Mi": 1 / KIB, "Gi": Decimal(1)}
Quantities = dict[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class Load:
    """One function in a month: its declaration, its calls, and what one call takes."""

    function: Mapping[str, Any]
    calls: Decimal
    each: Mapping[str, Any]

    @property
    def cpu(self) -> Decimal:
        return Decimal(self.function["cpu"])

    @property
    def memory_gib(self) -> Decimal:
        return Decimal(self.function["memory"][:-2]) * MEMORY[self.function["memory"][-2:]]

    @property
    def schedules(self) -> list[str]:
        """Of a job its own, of a subscriber those that it declares."""
        each = [found["schedule"] for found in self.function.get("schedules", [])]
        return [*([self.function["schedule"]] if "schedule" in self.function else []), *each]

    @property
    def secrets(self) -> set[str]:
        """With those of providers, as if all were used."""
        return {*self.function["secrets"], *self.function.get("optionalSecrets", [])}

    @property
    def pushed(self) -> bool:
        return bool(self.function["kind"] != "http")


def used(book: Book, functions: Mapping[str, Mapping[str, Any]], *, warm: bool) -> Quantities:
    """Price name → quantity, for every price. `functions`: deployed name → entry as in functions.json.

    `warm`: the declared minimum instances are kept. Raises ValueError for a schedule that is none, KeyError for an
    unknown driver, table or memory unit.
    """
    found = loads(book, functions)
    return {
        **_run(book, found, warm=warm),
        **_firestore(book, found),
        **_bigquery(book, drivers(book)),
        **_messages(book, found),
        **_secrets(book, found),
        **_delivery(book, len(found)),
        **_watching(book, found),
        **_network(book, found),
    }


def loads(book: Book, functions: Mapping[str, Mapping[str, Any]]) -> dict[str, Load]:
    """Of every declared function."""
    return {name: _load(book, name, entry) for name, entry in functions.items()}


def drivers(book: Book) -> dict[str, Decimal]:
    """What calls, queries and rows follow from: name → how many in a month (`payment`: held)."""
    a = book.assumed
    events = a["verifications"] * (1 + a["refused_share"]) + a["security_events"]
    sales, syncs = a["payments_held"] / a["months_held"], 2 * a["syncs_per_hour"] * 24 * DAYS
    changes = a["syncs_per_hour"] * a["open_hours"] * DAYS
    tickets, of_members = (
        a["ticket_purchases"],
        (a["renewals"] + a["membership_changes"] * (1 - a["unpaid_share"])) * DAYS,
    )
    charges = of_members + tickets
    # A reminder for each verification, a mail for each change of a membership and each purchase of tickets.
    mails = a["verifications"] + (a["renewals"] + a["membership_changes"]) * DAYS + tickets
    # Each change of a membership or a raffle is told, each purchase of tickets, each charge, and once a day their
    # reconciliation; what became of each mail, and that each verification is over.
    told = (a["renewals"] + a["membership_changes"] + 1) * DAYS + a["raffle_changes"] + tickets + charges
    told += mails + a["verifications"]
    return {
        "month": Decimal(1),
        "verification": a["verifications"],
        "verify": a["verifications"] * (1 + a["refused_share"] + a["cached_share"]),
        # A run of the sync tells how it ended; what webhooks name is read without a word.
        "event": events + syncs + told,
        # A purchase of tickets becomes two rows.
        "row": events * a["rows_per_event"] + syncs + told + tickets,
        "mail": mails,
        "payment": a["payments_held"],
        "sale": sales,
        "sync": syncs,
        "change": changes,
        # What a cached figure is made anew for: both webhooks of a sale come within seconds.
        "news": changes + sales,
        "membership_change": a["membership_changes"] * DAYS,
        "discount_read": a["discount_reads"] * DAYS,
        "membership_charge": of_members,
        "charge": charges,
        "ticket_purchase": tickets,
        "raffle_change": a["raffle_changes"],
        "uptime": a["uptime_checks"] * a["uptime_locations"] * DAYS * 24 * 60 / a["uptime_minutes"],
    }


def query_gib(book: Book, part: str = "") -> Decimal:
    """Billed by BigQuery: all queries, or those of one part (`audit`, `analytics`)."""
    many = drivers(book)
    return (
        sum(
            (
                many[query["driver"]] * query["runs"] * sum(_billed_mib(book, table, many) for table in query["tables"])
                for query in book.queries.values()
                if part in ("", query["part"])
            ),
            Decimal(0),
        )
        / KIB
    )


def _load(book: Book, name: str, function: Mapping[str, Any]) -> Load:
    each = book.traffic.get(name) or book.default_traffic[function["kind"]]
    load = Load(function=function, calls=Decimal(0), each=each)
    by_clock = Decimal(sum(runs(schedule, book.year, book.month) for schedule in load.schedules))
    # A job has its schedule only, whatever the data say of its calls; a subscriber is called by others as well.
    by_others = Decimal(0) if function["kind"] == "job" else drivers(book)[each["driver"]] * each["calls"]
    return replace(load, calls=by_clock + by_others)


def _run(book: Book, found: Mapping[str, Load], *, warm: bool) -> Quantities:
    """Calls are counted as if none shared an instance, and warm instances as if always idle: at most."""
    a = book.assumed
    start = a["cold_start_share"] * a["cold_start_seconds"]
    busy = {name: load.calls * (load.each["seconds"] + start) for name, load in found.items()}
    idle = {name: int(warm) * load.function["minInstances"] * SECONDS for name, load in found.items()}
    return {
        "run_requests": sum((load.calls for load in found.values()), Decimal(0)),
        "run_cpu": sum((busy[name] * load.cpu for name, load in found.items()), Decimal(0)),
        "run_memory": sum((busy[name] * load.memory_gib for name, load in found.items()), Decimal(0)),
        "run_idle_cpu": sum((idle[name] * load.cpu for name, load in found.items()), Decimal(0)),
        "run_idle_memory": sum((idle[name] * load.memory_gib for name, load in found.items()), Decimal(0)),
    }


def _firestore(book: Book, found: Mapping[str, Load]) -> Quantities:
    kinds = ("reads", "writes", "deletes", "ttl_deletes")
    operations = {
        f"firestore_{kind}": sum((load.calls * load.each[kind] for load in found.values()), Decimal(0))
        for kind in kinds
    }
    calls = sum((load.calls for load in found.values()), Decimal(0))
    # What every call measures beside its own work (docs/metrics.md).
    operations["firestore_writes"] += calls * book.assumed["figures_writes"]
    operations["firestore_ttl_deletes"] += calls * book.assumed["figures_ttl_deletes"]
    return {**operations, "firestore_storage": book.assumed["firestore_gib"]}


def _bigquery(book: Book, many: Mapping[str, Decimal]) -> Quantities:
    stored = sum((many[t["driver"]] * t["rows"] * t["stored_bytes"] for t in book.tables.values()), Decimal(0))
    return {"bigquery_queries": query_gib(book), "bigquery_storage": stored / GIB}


def _billed_mib(book: Book, name: str, many: Mapping[str, Decimal]) -> Decimal:
    table = book.tables[name]
    read: Decimal = many[table["driver"]] * table["rows"] * table["read_bytes"] / MIB
    minimum = book.assumed["minimum_query_mib"]
    return max(minimum, read)


def _messages(book: Book, found: Mapping[str, Load]) -> Quantities:
    """Each call of a subscriber or job was published once and pushed once."""
    pushed = sum((load.calls for load in found.values() if load.pushed), Decimal(0))
    return {
        "pubsub_throughput": 2 * pushed * book.assumed["message_bytes"] / GIB,
        "scheduler_jobs": Decimal(sum(len(load.schedules) for load in found.values())),
    }


def _secrets(book: Book, found: Mapping[str, Load]) -> Quantities:
    """A starting instance reads each of its secrets once, and each reading decrypts once."""
    secrets = {secret for load in found.values() for secret in load.secrets}
    starts = {name: load.calls * book.assumed["cold_start_share"] for name, load in found.items()}
    accesses = sum((starts[name] * len(load.secrets) for name, load in found.items()), Decimal(0))
    return {
        "secret_versions": len(secrets) * book.assumed["versions_per_secret"],
        "secret_accesses": accesses,
        "kms_key_versions": book.assumed["kms_versions"],
        "kms_operations": accesses,
    }


def _delivery(book: Book, functions: int) -> Quantities:
    a = book.assumed
    return {
        "registry_storage": a["base_image_gib"] + functions * a["images_kept"] * a["function_image_gib"],
        "storage_gib": a["bucket_gib"],
        "storage_class_a": a["deployments"] * functions * a["class_a_per_build"],
        "storage_class_b": a["page_views"] * a["files_per_page"],
        "build_minutes": a["deployments"] * (functions * a["minutes_per_function"] + a["minutes_per_pipeline"]),
    }


def _watching(book: Book, found: Mapping[str, Load]) -> Quantities:
    a = book.assumed
    return {
        "logging_gib": sum((load.calls for load in found.values()), Decimal(0)) * a["log_bytes"] / GIB,
        "uptime_executions": drivers(book)["uptime"],
        "metrics_mib": a["metrics_mib"],
        "alert_conditions": a["alert_conditions"],
        "alert_points": a["alert_conditions"] * a["alert_points_per_condition"],
    }


def _network(book: Book, found: Mapping[str, Load]) -> Quantities:
    a = book.assumed
    calls = sum((load.calls for load in found.values() if not load.pushed), Decimal(0))
    sent = (calls * a["response_kib"] + a["page_views"] * a["page_kib"]) / MIB
    return {
        "egress_gib": sent,
        "edge_rule_hours": a["forwarding_hours"],
        "edge_inbound_gib": (calls + a["page_views"] * a["files_per_page"]) * a["request_kib"] / MIB,
        "edge_outbound_gib": sent,
        "armor_policies": a["armor_policies"],
        "armor_rules": a["armor_rules"],
        "armor_requests": calls + a["page_views"] * a["files_per_page"],
    }
