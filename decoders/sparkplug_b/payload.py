"""The protobuf message of Sparkplug B, described by the field numbers of its specification (appendix, `Payload`).

Only what is read is described: protobuf skips the rest. Data sets and extensions are taken as bytes, which is what they are on the wire.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F: Final = descriptor_pb2.FieldDescriptorProto
_PACKAGE: Final = "sparkplug"
_TYPES: Final = {
    "uint32": _F.TYPE_UINT32,
    "uint64": _F.TYPE_UINT64,
    "float": _F.TYPE_FLOAT,
    "double": _F.TYPE_DOUBLE,
    "bool": _F.TYPE_BOOL,
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
}
# Message → its fields: name, number, type. A type in capitals is a message, a star stands for many, a bar for one of the values.
_MESSAGES: Final = {
    "Payload": (
        ("timestamp", 1, "uint64"),
        ("metrics", 2, "*Metric"),
        ("seq", 3, "uint64"),
        ("uuid", 4, "string"),
        ("body", 5, "bytes"),
    ),
    "Metric": (
        ("name", 1, "string"),
        ("alias", 2, "uint64"),
        ("timestamp", 3, "uint64"),
        ("datatype", 4, "uint32"),
        ("is_historical", 5, "bool"),
        ("is_null", 7, "bool"),
        ("properties", 9, "PropertySet"),
        ("int_value", 10, "|uint32"),
        ("long_value", 11, "|uint64"),
        ("float_value", 12, "|float"),
        ("double_value", 13, "|double"),
        ("boolean_value", 14, "|bool"),
        ("string_value", 15, "|string"),
        ("bytes_value", 16, "|bytes"),
        ("dataset_value", 17, "|bytes"),
        ("template_value", 18, "|Template"),
        ("extension_value", 19, "|bytes"),
    ),
    "Template": (("metrics", 2, "*Metric"), ("template_ref", 4, "string"), ("is_definition", 5, "bool")),
    "PropertySet": (("keys", 1, "*string"), ("values", 2, "*PropertyValue")),
    "PropertyValue": (
        ("type", 1, "uint32"),
        ("is_null", 2, "bool"),
        ("int_value", 3, "|uint32"),
        ("long_value", 4, "|uint64"),
        ("float_value", 5, "|float"),
        ("double_value", 6, "|double"),
        ("boolean_value", 7, "|bool"),
        ("string_value", 8, "|string"),
    ),
}


def _messages() -> tuple[Any, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        if any(kind.startswith("|") for _, _, kind in fields):
            message.oneof_decl.add(name="value")
        for name, number, kind in fields:
            one = message.field.add(name=name, number=number)
            one.label = _F.LABEL_REPEATED if kind.startswith("*") else _F.LABEL_OPTIONAL
            if kind.startswith("|"):
                one.oneof_index = 0
            kind = kind.lstrip("*|")
            one.type = _TYPES.get(kind, _F.TYPE_MESSAGE)
            if kind in _MESSAGES:
                one.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    metric, payload = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in ("Metric", "Payload")
    )
    return metric, payload


Metric, Payload = _messages()
