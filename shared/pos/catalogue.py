"""Square's catalogue as it is shown: what is for sale now, with its stock. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.pos.models import Row


@dataclass(frozen=True)
class Catalogue:
    """`objects`: how many Square has, categories and images included. `products`: as `SquareProductShape`."""

    objects: int
    products: Sequence[Row]


def in_order(products: Iterable[Row]) -> list[Row]:
    """The newest change first; by id where they changed together."""
    by_id = sorted(products, key=lambda product: str(product["id"]))
    return sorted(by_id, key=lambda product: str(product["updated_at"]), reverse=True)
