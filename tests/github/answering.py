"""Answers GraphQL queries over plain fixture data, with or without GitHub's published schema.

Fixture data are dicts in GraphQL's shape. A list stands for a connection and is paged as the query asks; a function
stands for a field with arguments. With the schema, `graphql-core` validates each query and executes it, so that a
wrong query, or an answer that GitHub could not give, fails; without it the selection is cut out of the data.
"""

from __future__ import annotations

import base64
from typing import Any

import graphql
from graphql.language import ast

Data = dict[str, Any]


class BadCursor(Exception):
    """A place in a list that was never given out."""


def answer(document: str, variables: Data, root: Data, schema: Any = None) -> Data:
    """The whole answer, `{"data": …}` or with `errors`, as it goes over the wire."""
    if schema is None:
        parsed = graphql.parse(document)
        fragments = {d.name.value: d for d in parsed.definitions if isinstance(d, ast.FragmentDefinitionNode)}
        operation = next(d for d in parsed.definitions if isinstance(d, ast.OperationDefinitionNode))
        try:
            return {"data": _Cutter(fragments, variables).cut(operation.selection_set, root)}
        except BadCursor as error:
            said = f"`{error}` does not appear to be a valid cursor."
            return {"data": None, "errors": [{"type": "INVALID_CURSOR_ARGUMENTS", "message": said}]}
    parsed = graphql.parse(document)
    if errors := graphql.validate(schema, parsed):
        return {"errors": [{"message": e.message} for e in errors]}
    done = graphql.execute_sync(
        schema,
        parsed,
        root,
        variable_values=variables,
        field_resolver=_resolve,
        type_resolver=lambda value, info, kind: value["__typename"],
    )
    told: Data = {"data": done.data}
    if done.errors:
        told["errors"] = [{"message": e.message, "type": "SHAPE"} for e in done.errors]
    return told


def _resolve(source: Data, info: Any, **given: Any) -> Any:
    kind = str(info.return_type).rstrip("!")
    return _value(source, info.field_name, given, connection=kind.endswith("Connection"))


def _value(source: Data, name: str, given: Data, connection: bool) -> Any:
    value = source.get(name)
    if callable(value):
        value = value(**given)
    return page(value, given) if connection and isinstance(value, list) else value


def page(items: list[Any], given: Data) -> Data:
    """One page of a connection. The pull requests' order by update is part of their cursors, as on GitHub."""
    order = (given.get("orderBy") or {}).get("field")
    keyed = [
        (f"{item['updatedAt']}|{item['number']:09}" if order == "UPDATED_AT" else f"{at:09}", item)
        for at, item in enumerate(items)
    ]
    keyed.sort(key=lambda pair: pair[0])
    try:
        after = base64.b64decode(given["after"], validate=True).decode() if given.get("after") else ""
    except ValueError:
        raise BadCursor(given["after"]) from None
    rest = [pair for pair in keyed if pair[0] > after]
    first = given.get("first", 100)
    assert first <= 100, "GitHub gives at most 100 items a page"
    shown = rest[:first]
    edges = [{"cursor": base64.b64encode(key.encode()).decode(), "node": item} for key, item in shown]
    return {
        "nodes": [item for _, item in shown],
        "edges": edges,
        "totalCount": len(items),
        "pageInfo": {"hasNextPage": len(rest) > first, "endCursor": edges[-1]["cursor"] if edges else None},
    }


class _Cutter:
    def __init__(self, fragments: Data, variables: Data) -> None:
        self._fragments, self._variables = fragments, variables

    def cut(self, selected: Any, source: Any) -> Any:
        if not isinstance(source, dict):
            return source  # hostile data pass as they are
        found: Data = {}
        for part in selected.selections:
            if isinstance(part, ast.FieldNode):
                found[part.alias.value if part.alias else part.name.value] = self._field(part, source)
                continue
            if isinstance(part, ast.FragmentSpreadNode):
                part = self._fragments[part.name.value]
            if part.type_condition is None or source.get("__typename") in (None, part.type_condition.name.value):
                found |= self.cut(part.selection_set, source)
        return found

    def _field(self, field: Any, source: Data) -> Any:
        given = {argument.name.value: self._given(argument.value) for argument in field.arguments or ()}
        inner = field.selection_set
        names = {s.name.value for s in inner.selections if isinstance(s, ast.FieldNode)} if inner else set()
        value = _value(
            source, field.name.value, given, connection=bool(names & {"nodes", "edges", "pageInfo", "totalCount"})
        )
        if inner is None or value is None:
            return value
        if isinstance(value, list):
            return [None if item is None else self.cut(inner, item) for item in value]
        return self.cut(inner, value) if isinstance(value, dict) else value

    def _given(self, node: Any) -> Any:
        if isinstance(node, ast.VariableNode):
            return self._variables.get(node.name.value)
        if isinstance(node, ast.ObjectValueNode):
            return {f.name.value: self._given(f.value) for f in node.fields}
        if isinstance(node, ast.ListValueNode):
            return [self._given(v) for v in node.values]
        value = node.value
        return int(value) if isinstance(node, ast.IntValueNode) else value
