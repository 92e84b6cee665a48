"""A topic with a schema in the emulator, which knows Avro's only: `{"eventId", "type", ..., "data": {"n": number}}`."""

from __future__ import annotations

import json
import os

import requests

from local.provision import PubSub

TOPIC = "strict-events"
ENVELOPE = ("eventId", "type", "occurredAt", "customerHash", "requestId")


def create(pubsub: PubSub, project: str) -> None:
    """The topic, which refuses with 400 a message whose `data` is another than a number `n`."""
    data = {"type": "record", "name": "Data", "fields": [{"name": "n", "type": "int"}]}
    fields = [*({"name": name, "type": "string"} for name in ENVELOPE), {"name": "data", "type": data}]
    definition = json.dumps({"type": "record", "name": "Event", "fields": fields})
    base = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}"
    schema = {"type": "AVRO", "definition": definition}
    requests.post(f"{base}/schemas?schemaId={TOPIC}", json=schema, timeout=10).raise_for_status()
    settings = {"schema": f"projects/{project}/schemas/{TOPIC}", "encoding": "JSON"}
    requests.put(f"{base}/topics/{TOPIC}", json={"schemaSettings": settings}, timeout=10).raise_for_status()
    # What is there already stays as it is: this adds the subscription.
    pubsub.create_topics([TOPIC])


def drop_schema(project: str) -> None:
    """The topic takes anything from now on."""
    base = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}/topics/{TOPIC}"
    body = {"topic": {"name": f"projects/{project}/topics/{TOPIC}"}, "updateMask": "schemaSettings"}
    requests.patch(base, json=body, timeout=10).raise_for_status()
