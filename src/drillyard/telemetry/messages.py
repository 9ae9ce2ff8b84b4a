"""
Protobuf messages described by their field numbers, where generated code for two or three of them would be a burden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

TEXT, WHOLE, REAL = (
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_DOUBLE,
)
Fields = Mapping[str, tuple[int, Any]]
"""By name: the field's number, and its type; a list or the name of a message is repeated."""


def message_class(messages: Mapping[str, Fields], name: str) -> type[Message]:
    """The class of one of these messages, which may hold the others."""
    file = FileDescriptorProto(name=f"drillyard/{name}.proto", package="drillyard", syntax="proto3")
    for message, fields in messages.items():
        described = file.message_type.add(name=message)
        for field_name, (number, kind) in fields.items():
            field = described.field.add(name=field_name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if isinstance(kind, str):
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".drillyard.{kind}"
            else:
                field.type = kind[0] if isinstance(kind, list) else kind
            if isinstance(kind, str | list):
                field.label = FieldDescriptorProto.LABEL_REPEATED
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"drillyard.{name}"))
