"""The OpenAPI document of the operations, and the page that shows it."""

from html import escape
from typing import Any

import msgspec

from ochredb.chroma.bodies import Failure
from ochredb.chroma.operations import OPERATIONS, Operation
from ochredb.chroma.wire import JSON, RECORDS
from ochredb.version import __version__

_REF = "#/components/schemas/{name}"
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"token": []}, {"basic": []}]


def document() -> dict[str, Any]:
    """Write the OpenAPI document (version 3.1)."""
    kinds = [kind for operation in OPERATIONS for kind in _kinds(operation)]
    _, components = msgspec.json.schema_components([*kinds, Failure], ref_template=_REF)
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ochre",
            "version": __version__,
            "description": f"Chroma's API, version 2. Bodies are JSON; Ochre's own client uses {RECORDS}.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "token": {"type": "apiKey", "in": "header", "name": "X-Chroma-Token"},
            },
        },
    }


def page(document: dict[str, Any]) -> str:
    """Write the document as a page of HTML that needs nothing else."""
    rows = "".join(
        _section(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary><p>{escape(schema.get("description", ""))}</p>'
        f"<pre>{_pretty(schema)}</pre></details>"
        for name, schema in document["components"]["schemas"].items()
    )
    title = f"{document['info']['title']} {document['info']['version']}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(document['info']['description'])} The same as "
        f'<a href="openapi.json">OpenAPI</a>.</p>{rows}<h2>Bodies</h2>{schemas}</html>'
    )


def _kinds(operation: Operation) -> list[Any]:
    return [kind for kind in (operation.request, operation.response, operation.parameters) if kind is not None]


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def _described(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": "Everybody may ask." if operation.role is None else f"Takes the role {operation.role}.",
        "parameters": [*_in_path(operation), *_in_query(operation)],
        "responses": {
            str(operation.status): {"description": "Done", "content": {JSON: {"schema": _schema(operation.response)}}},
            "default": {"description": "Refused or failed", "content": {JSON: {"schema": _schema(Failure)}}},
        },
        "security": [] if operation.role is None else _SECURITY,
    }
    if operation.request is not None:
        said["requestBody"] = {"required": True, "content": {JSON: {"schema": _schema(operation.request)}}}
    return said


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.parameters is None:
        return []
    _, components = msgspec.json.schema_components([operation.parameters], ref_template=_REF)
    (schema,) = components.values()
    return [
        {"name": name, "in": "query", "required": False, "schema": kind} for name, kind in schema["properties"].items()
    ]


def _section(path: str, method: str, operation: dict[str, Any]) -> str:
    asked = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    parts = [("parameters", operation["parameters"]), ("body", asked), ("answers", operation["responses"])]
    shown = "".join(f"<h4>{name}</h4><pre>{_pretty(part)}</pre>" for name, part in parts if part)
    head = f"<b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
    return f"<details><summary>{head}</summary><p>{escape(operation['description'])}</p>{shown}</details>"


def _pretty(value: Any) -> str:
    return escape(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "summary{cursor:pointer;padding:.2rem 0}pre{background:#f4f1ea;padding:.6rem;overflow:auto}"
    "b{display:inline-block;min-width:4.5rem}"
)
