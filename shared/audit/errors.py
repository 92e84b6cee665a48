"""What can go wrong in the audit trail.

ValueError
└── UnfitEvent      an event lacks what its table requires: a poison message, for the dead-letter topic
"""

from __future__ import annotations


class UnfitEvent(ValueError):
    """The sentence names the event, the columns and the table."""
