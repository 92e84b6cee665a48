"""What a view learns about a customer who may order."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class VerifiedAge:
    """A valid verification. Times are UTC; ``age`` is in whole years."""

    # Left out of repr: this object ends up in debug logs, where customer ids must not.
    customer_id: str = field(repr=False)
    verification_id: str
    verified_at: datetime
    expires_at: datetime
    age: int

    def as_json(self) -> dict[str, Any]:
        """``{verificationId, verifiedAt, age}``, to be kept with the order; ``verifiedAt`` is RFC 3339."""
        verified_at = self.verified_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"verificationId": self.verification_id, "verifiedAt": verified_at, "age": self.age}
