"""Topic schemas (`infra/topics/<topic>.proto`) as Pub/Sub reads them.

The emulator knows no Protocol Buffers, and the protobuf package brings no compiler. This reads the part of the language
that the schemas are written in: one message, messages nested in it, and fields of plain types.
"""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

TOPICS = Path(__file__).parents[2] / "infra" / "topics"
PLAIN = {
    name: FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}") for name in ("bool", "double", "int64", "string")
}
LABELS = {"optional": FieldDescriptorProto.LABEL_OPTIONAL, "repeated": FieldDescriptorProto.LABEL_REPEATED}
HEAD = ["syntax", "=", '"proto3"', ";", "message"]


class TopicSchema:
    """One topic's schema. Raises ValueError for a text that is more than Pub/Sub takes, or than is read here."""

    def __init__(self, text: str) -> None:
        self.descriptor = _file(text)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(self.descriptor)
        top = self.descriptor.message_type[0].name
        self._message = message_factory.GetMessageClass(pool.FindMessageTypeByName(top))

    @classmethod
    def of(cls, topic: str) -> TopicSchema:
        return cls((TOPICS / f"{topic}.proto").read_text(encoding="utf-8"))

    def read(self, data: str) -> Message:
        """A message's data, JSON. Raises ParseError for a name that is not in the schema and for a wrong type."""
        return json_format.Parse(data, self._message())

    def fields(self, *path: str) -> list[str]:
        """Names in the top-level message, or in the field that the path leads to."""
        found = self._message.DESCRIPTOR
        for name in path:
            found = found.fields_by_name[name].message_type
        return [field.name for field in found.fields]


def _file(text: str) -> FileDescriptorProto:
    tokens = deque(re.findall(r'"[^"]*"|\w+|\S', re.sub(r"//.*", "", text)))
    if [tokens.popleft() for _ in HEAD if tokens] != HEAD:
        raise ValueError('A topic schema begins with `syntax = "proto3"; message`: no imports, package or options.')
    file = FileDescriptorProto(name="schema.proto", syntax="proto3")
    try:
        _read_message(tokens, file.message_type.add(), scope="")
    except IndexError:
        raise ValueError("The topic schema ends too soon: a brace or a semicolon is missing.") from None
    if tokens:
        raise ValueError(f"A topic schema has one top-level message, but after it comes: {' '.join(tokens)[:40]}")
    return file


def _read_message(tokens: deque[str], message: DescriptorProto, scope: str) -> None:
    """From the name to the closing brace."""
    message.name = tokens.popleft()
    if tokens.popleft() != "{":
        raise ValueError(f"After `message {message.name}` comes a brace.")
    while tokens[0] != "}":
        if tokens[0] == "message":
            tokens.popleft()
            _read_message(tokens, message.nested_type.add(), f"{scope}.{message.name}")
        else:
            _read_field(tokens, message, f"{scope}.{message.name}")
    tokens.popleft()


def _read_field(tokens: deque[str], message: DescriptorProto, scope: str) -> None:
    words = []
    while (word := tokens.popleft()) != ";":
        words.append(word)
    label = words.pop(0) if words[0] in LABELS else ""
    if len(words) != 4 or words[2] != "=":
        raise ValueError(f"A field is `type name = number;`, not: {' '.join(words)}")
    kind, name, _, number = words
    field = message.field.add(name=name, number=int(number), label=LABELS.get(label, LABELS["optional"]))
    if kind in PLAIN:
        field.type = PLAIN[kind]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{scope}.{kind}"
    if label == "optional":
        # How a compiler writes down that a missing value can be told from an empty one.
        field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
