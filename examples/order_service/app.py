"""A small order service that sells only to customers whose age has been verified.

Run it with ``flask --app examples/order_service/app.py run``; see README.md beside this file.
"""

import os
from typing import Any

from age_guard import require_age_verification
from flask import Flask, g, request

_MAX_BODY_BYTES = 64 * 1024
_MAX_QUANTITY = 100

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES


@app.get("/health")
def health() -> dict[str, str]:
    """``{status, service}``. Open to everyone, and answers even when no age can be checked."""
    return {"status": "healthy", "service": "orders"}


@app.post("/orders")
@require_age_verification
def place_order() -> tuple[dict[str, Any], int]:
    """``{customerId, items: [{sku, quantity}]}`` → 201 ``{success, order: {id, customerId, items,
    ageVerification}}``; 400 for items that cannot be sold. Not called for an unverified customer."""
    items = _items(request.get_json(silent=True))
    if not items:
        return _bad_items(), 400
    order = {
        "id": f"ord_{os.urandom(12).hex()}",
        # From the guard and not from the body: the customer who was checked is the one who buys.
        "customerId": g.age_verification.customer_id,
        "items": items,
        # Kept with the order, it shows an auditor which verification the sale rests on.
        "ageVerification": g.age_verification.as_json(),
    }
    return {"success": True, "order": order}, 201


def _items(body: Any) -> list[dict[str, Any]]:
    wanted = body.get("items") if isinstance(body, dict) else None
    if not isinstance(wanted, list) or not all(_is_item(item) for item in wanted):
        return []
    return [{"sku": item["sku"], "quantity": item["quantity"]} for item in wanted]


def _is_item(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    sku, quantity = item.get("sku"), item.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        return False
    return isinstance(sku, str) and bool(sku) and 0 < quantity <= _MAX_QUANTITY


def _bad_items() -> dict[str, Any]:
    return {
        "success": False,
        "error": f"items must list at least one sku with a quantity from 1 to {_MAX_QUANTITY}",
        "code": "invalid_items",
        "field": "items",
    }
