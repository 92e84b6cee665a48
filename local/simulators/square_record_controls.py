"""The control API of Square's items and customers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from local.simulators import square_control_values as read
from local.simulators.database import Database
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.provider import Route
from local.simulators.square_catalog import SquareCatalog, variation
from local.simulators.square_customers import FIELDS, SquareCustomers
from local.simulators.square_pages import Pager
from local.simulators.square_shop import CUSTOMER, ITEM
from local.simulators.webhooks import Webhooks, catalog_event

ITEM_VALUES = {"name", "price_cents", "archived", "updated_at", "silent"}


class RecordControls:
    """A change of the catalogue is told by webhook, unless `silent` is sent with it."""

    def __init__(
        self, database: Database, pager: Pager, webhooks: Webhooks, catalog: SquareCatalog, customers: SquareCustomers
    ) -> None:
        self._database = database
        self._pager = pager
        self._webhooks = webhooks
        self._catalog = catalog
        self._customers = customers

    def routes(self) -> Sequence[Route]:
        return [
            ("POST", "/items", self._add_item),
            ("PATCH", "/items/{record_id}", self._change_item),
            ("DELETE", "/items/{record_id}", self._delete_item),
            ("POST", "/customers", self._add_customer),
            ("PATCH", "/customers/{record_id}", self._change_customer),
            ("DELETE", "/customers/{record_id}", self._delete_customer),
        ]

    def _add_item(self, request: Request) -> Answer:
        asked, now = read.values(request, ITEM_VALUES), self._pager.now()
        with self._database.write() as connection:
            number = connection.execute(
                "INSERT INTO catalog (type, updated, deleted, touched) VALUES ('ITEM', ?1, 0, ?1)", (now,)
            ).lastrowid
            assert number is not None
            cents = read.cents(asked.get("price_cents", 1500))
            data = {
                "name": asked.get("name", f"New item {number}"),
                "description_plaintext": "New",
                "variations": [variation(self._catalog.ids, number, 0, cents)],
                "product_type": "REGULAR",
                "is_archived": bool(asked.get("archived")),
            }
            connection.execute(
                "UPDATE catalog SET price = ?, data = ? WHERE number = ?", (cents, json.dumps(data), number)
            )
        return self._item_changed(asked, number)

    def _change_item(self, request: Request, record_id: str) -> Answer:
        """{name, price_cents, archived, updated_at}."""
        asked, number = read.values(request, ITEM_VALUES), self._item_number(record_id)
        row = self._catalog.object_row(number)
        assert row is not None
        data = json.loads(row[4])
        data["name"] = asked.get("name", data["name"])
        data["is_archived"] = bool(asked.get("archived", data["is_archived"]))
        price = data["variations"][0]["item_variation_data"].get("price_money", {}).get("amount")
        if "price_cents" in asked:
            price = read.cents(asked["price_cents"])
            data["variations"][0] = variation(self._catalog.ids, number, 0, price)
        self._touch("catalog", number, asked, "price = ?, data = ?", price, json.dumps(data, ensure_ascii=False))
        return self._item_changed(asked, number)

    def _delete_item(self, request: Request, record_id: str) -> Answer:
        """It stays, marked."""
        number = self._item_number(record_id)
        self._touch("catalog", number, {}, "deleted = ?", 1)
        return self._item_changed(read.values(request, ITEM_VALUES), number)

    def _item_number(self, item_id: str) -> int:
        number = self._catalog.ids.number(ITEM, item_id)
        if number is None or self._catalog.object_row(number) is None:
            raise Wrong(f"There is no item {item_id}.")
        return number

    def _item_changed(self, asked: dict[str, Any], number: int) -> Answer:
        row = self._catalog.object_row(number)
        assert row is not None
        if not asked.get("silent"):
            self._webhooks.send(catalog_event(self._pager.now()))
        return Answer.json(200, self._catalog.object(row))

    def _add_customer(self, request: Request) -> Answer:
        """{given_name, family_name, email_address, phone_number}."""
        asked, now = read.values(request, {*FIELDS, "silent"}), self._pager.now()
        with self._database.write() as connection:
            number = connection.execute(
                "INSERT INTO customers (created, updated, version, given, family, email, phone, touched) "
                "VALUES (?1, ?1, 0, ?2, ?3, ?4, ?5, ?1)",
                (now, *(asked.get(name) for name in FIELDS)),
            ).lastrowid
        assert number is not None
        return self._customer_answer(self._customers.ids.of(CUSTOMER, number))

    def _change_customer(self, request: Request, record_id: str) -> Answer:
        asked = read.values(request, {*FIELDS, "updated_at", "silent"})
        row = self._customers.row(record_id)
        if row is None:
            raise Wrong(f"There is no customer {record_id}.")
        texts = [asked.get(name, text) for name, text in zip(FIELDS, row[4:], strict=True)]
        columns = "version = version + 1, given = ?, family = ?, email = ?, phone = ?"
        self._touch("customers", row[0], asked, columns, *texts)
        return self._customer_answer(record_id)

    def _delete_customer(self, _: Request, record_id: str) -> Answer:
        with self._database.write() as connection:
            number = self._customers.ids.number(CUSTOMER, record_id)
            if connection.execute("DELETE FROM customers WHERE number = ?", (number,)).rowcount == 0:
                raise Wrong(f"There is no customer {record_id}.")
        return Answer.json(200, {})

    def _customer_answer(self, customer_id: str) -> Answer:
        row = self._customers.row(customer_id)
        assert row is not None
        return Answer(200, self._customers.customer(row).encode())

    def _touch(self, table: str, number: int, asked: dict[str, Any], columns: str, *values: Any) -> None:
        """Change columns now, or as if it had been at `updated_at`."""
        now = self._pager.now()
        updated = read.moment(asked.get("updated_at"))
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE {table} SET {columns}, updated = coalesce(?, max(?, updated + 1)), touched = ? "
                "WHERE number = ?",
                (*values, updated, now, now, number),
            )
