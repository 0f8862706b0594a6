"""DOCSTRING meta.store.incumbents."""

from __future__ import annotations

from meta.store.store import Store


def find_promotion(store: Store) -> int:
    newest = store.incumbent()
    return int(newest["id"]) if newest else 0
