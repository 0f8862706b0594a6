"""The bench of ingesting runs, stores every pull request, and would notice memory that grows."""

from __future__ import annotations

from bench.ingest import run


def test_a_small_world_is_ingested_whole_both_ways() -> None:
    found = run(60)
    assert {part: figures["pulls"] for part, figures in found.items()} == {"github": 60, "export": 60}
    assert 8 <= found["github"]["requests"] <= 20
    assert all(figures["rss_mb"] > 10 for figures in found.values())
