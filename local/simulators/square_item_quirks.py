"""What is not as a rule with some items: where they are sold, whether they are counted, what else is told about them.

What is not counted, or at one location only, still has the count that it had once.
"""

from __future__ import annotations

from typing import Any

from local.simulators.square_shop import LOCATIONS, wire

DEFINITION = "CUSTOM_ATTRIBUTE_DEFINITION"
# In 2023, before anything was sold.
DEFINED = 1_700_000_000_000
EFFECTS = {"SQUIDCALM": "Calm", "SQUIDSLEEP": "Sleep"}


def definition() -> dict[str, Any]:
    """Of the one attribute whose values are chosen from a list."""
    choices = [{"uid": uid, "name": name, "ordinal": index} for index, (uid, name) in enumerate(EFFECTS.items())]
    data = {"type": "SELECTION", "name": "Effect", "key": "effect", "allowed_object_types": ["ITEM"]}
    about = {
        "type": DEFINITION,
        "id": "SQDEFEFFECT",
        "updated_at": wire(DEFINED),
        "version": DEFINED,
        "is_deleted": False,
    }
    config = {"max_allowed_selections": 2, "allowed_selections": choices}
    return {**about, "custom_attribute_definition_data": {**data, "selection_config": config}}


def presence(item: int) -> dict[str, Any]:
    if item % 41 == 17:
        return {"present_at_all_locations": False}
    if item % 41 == 19:
        return {"present_at_all_locations": False, "present_at_location_ids": [LOCATIONS[1]]}
    return {}


def attributes(item: int) -> dict[str, Any]:
    if item % 4 != 1:
        return {}
    chosen = list(EFFECTS)[: 1 + item % 8 // 4]
    values = (
        {"type": "STRING", "name": "Strain", "key": "strain", "string_value": f"Nº {item}"},
        {"type": "NUMBER", "name": "CBD mg", "key": "cbd_mg", "number_value": f"{item}.50"},
        {"type": "BOOLEAN", "name": "Vegan", "key": "vegan", "boolean_value": item % 8 == 1},
        {"type": "SELECTION", "name": "Effect", "key": "effect", "selection_uid_values": chosen},
    )
    return {"custom_attribute_values": {str(value["key"]): value for value in values}}


def never_counted(item: int) -> bool:
    return item % 14 == 13


def tracking(item: int) -> dict[str, Any]:
    """Whether a variation is counted: as a rule; nowhere any more; at the main location only."""
    if item % 7 == 6:
        return {"track_inventory": False}
    if item % 9 == 5:
        override = {"location_id": LOCATIONS[0], "track_inventory": True}
        return {"track_inventory": False, "location_overrides": [override]}
    return {"track_inventory": True}


def quantity(item: int, chance: int) -> str:
    """Pieces, weights, and less than nothing where more was sold than there was."""
    if item > 4 and chance % 20 == 7:
        return f"-{1 + chance % 3}"
    return f"{chance % 60}.5" if chance % 20 == 3 else str(chance % 60)
