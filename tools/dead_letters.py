"""Messages that were given up: `make dead-letters ARGS=list`, of the running stack, or of a deployment with PROJECT=.

    list                                       what is parked
    show ID                                    one, without anything personal
    replay ID... | --function NAME | --all     publish again to its topic
    discard ID... | --function NAME | --all    throw away; the audit trail has it

Listing and showing read Firestore. Replaying and discarding are done by a function, which has the key to what is
sealed: it is sent an order on a topic, and waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

from shared.monitoring.dead_letters import PARKED, DeadLetters, Parked, by_function
from shared.monitoring.orders import ACTIONS, TOPIC_OF_ORDERS, message_of
from shared.monitoring.resolving import Order
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured, Unavailable
from shared.platform.settings import Settings

WAIT_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    """0: done, or nothing to do; 1: something stays parked; 2: it could not be asked."""
    wanted = _parsed(arguments)
    if os.environ.get("PROJECT"):
        os.environ["GOOGLE_CLOUD_PROJECT"] = os.environ["PROJECT"]
    try:
        platform = Platform.start(Settings.load())
        letters = DeadLetters(platform)
        if wanted.command == "list":
            return _list(letters, wanted.function)
        if wanted.command == "show":
            return _show(letters, wanted.id)
        return _order(platform, letters, wanted)
    except (Misconfigured, Unavailable) as error:
        print(f"dead_letters: {error}", file=sys.stderr)
        return 2


def _list(letters: DeadLetters, function: str) -> int:
    found = [letter for letter in letters.parked() if function in ("", letter.function)]
    for letter in found:
        told = json.loads(letter.attributes)
        print(
            f"{letter.id:<24} {letter.parked_at:%Y-%m-%d %H:%M} {letter.function:<32} {letter.topic:<24} "
            f"{told.get('type') or told.get('job') or ''}"
        )
    for name, number in by_function(found):
        print(f"{number:>6} given up by {name}")
    print("Nothing is parked." if not found else f"{len(found):>6} in all")
    return 0


def _show(letters: DeadLetters, letter_id: str) -> int:
    letter = letters.get(letter_id)
    if letter is None:
        print(f"dead_letters: there is no {letter_id}.", file=sys.stderr)
        return 1
    print(f"{letter.id}: {letter.state}, given up by {letter.function} after {letter.tries} tries")
    print(f"topic       {letter.topic}")
    print(f"parked      {letter.parked_at:%Y-%m-%d %H:%M:%S} UTC")
    for name, text in (("attributes", letter.attributes), ("content", letter.content)):
        print(name)
        print("    " + json.dumps(json.loads(text), indent=2, ensure_ascii=False).replace("\n", "\n    "))
    return 0


def _order(platform: Platform, letters: DeadLetters, wanted: argparse.Namespace) -> int:
    order = Order(
        id=platform.ids.new("order"),
        action=ACTIONS[wanted.command],
        ids=tuple(wanted.ids),
        function=wanted.function,
        until=platform.clock.now(),
    )
    meant = [letter for letter in letters.parked() if order.means(letter)]
    missing = set(order.ids) - {letter.id for letter in meant}
    if missing:
        print(f"dead_letters: not parked: {', '.join(sorted(missing))}.", file=sys.stderr)
        return 1
    if not meant:
        print("Nothing is parked.")
        return 0
    message = message_of(order.id, wanted.command, [letter.id for letter in meant], "")
    platform.publisher.publish(TOPIC_OF_ORDERS, [message])
    left = _wait(letters, meant)
    print(f"{len(meant) - len(left)} {order.action}, {len(left)} still parked ({order.id}).")
    if left:
        print("Look at the log of monitoring-resolve-dead-letters.", file=sys.stderr)
    return 1 if left else 0


def _wait(letters: DeadLetters, meant: Sequence[Parked]) -> list[str]:
    """Those that are still parked at the end."""
    until, left = time.monotonic() + WAIT_SECONDS, [letter.id for letter in meant]
    while left and time.monotonic() < until:
        time.sleep(0.3)
        parked = {letter.id for letter in letters.parked() if letter.state == PARKED}
        left = [letter_id for letter_id in left if letter_id in parked]
    return left


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make dead-letters ARGS=", description="Messages that were given up.")
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("list", help="what is parked")
    listed.add_argument("--function", default="", help="of this function only, by its deployed name")
    commands.add_parser("show", help="one, without anything personal").add_argument("id")
    for name, help_text in (("replay", "publish again to its topic"), ("discard", "throw away")):
        which = commands.add_parser(name, help=help_text)
        which.add_argument("ids", nargs="*", metavar="ID")
        which.add_argument("--function", default="", help="all that this function has given up")
        which.add_argument("--all", action="store_true", help="everything that is parked")
    wanted = parser.parse_args(arguments)
    if wanted.command in ACTIONS and sum(map(bool, (wanted.ids, wanted.function, wanted.all))) != 1:
        parser.error("name ids, or --function NAME, or --all")
    return wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
