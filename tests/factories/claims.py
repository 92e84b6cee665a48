"""Request bodies of made-up customers."""

from __future__ import annotations

from typing import Any


def verify_body(customer_id: str = "c-1", **changes: Any) -> dict[str, Any]:
    """A body that verifies; `changes` replace fields, None leaves one out."""
    body = {
        "customerId": customer_id,
        "fullName": "José Núñez",
        "dateOfBirth": "1990-05-15",
        "idNumberLast4": "1234",
        "state": "TX",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}
