"""The bench of nights measures what it says: true effects of what was kept, the same for the same seed."""

from __future__ import annotations

from bench import growth
from bench.growing import Change, Kept, World
from bench.nights import RULES, Course, course, row, run


def test_a_worlds_truth_does_not_depend_on_who_asks() -> None:
    one, other = World(5, 30), World(5, 30)
    assert one.propose((), 5) == other.propose((), 5)
    assert one.changes == other.changes
    assert one.mean((0, 3), one.to_come) == other.mean((0, 3), other.to_come)


def test_edits_do_what_their_kind_says_on_tickets_to_come() -> None:
    world = World(5, 30)
    world.changes = [Change(kind, "tests") for kind in ("helps", "does nothing", "breaks things")]
    helps, nothing, breaks = (world.gain(Kept((edit,), ())) for edit in range(3))
    assert helps > 0.02
    assert nothing == 0.0
    assert breaks < -0.02
    assert world.gain(Kept((0, 1), ())) == helps  # edits that were kept as one


def test_what_is_kept_without_gain_is_false_and_what_loses_is_harmful() -> None:
    made = row("keep if higher", [Course(0.3, (0.1, 0.0, -0.02), 100), Course(0.1, (0.2,), 60)])
    assert (made.false, made.harm, made.kept) == (0.5, 0.5, 2.0)
    assert made.replays_per_true_gain == 80.0
    assert made.gain_interval[0] < made.gain == 0.2 < made.gain_interval[1]
    assert made.harm_interval[0] < 0.5 < made.harm_interval[1]


def test_a_sequence_is_the_same_for_the_same_seed_and_spends_no_more_than_its_nights_may() -> None:
    for rule in RULES[2:4]:
        first = course((3, rule, 10))
        assert first == course((3, rule, 10))
        assert first.replays <= 10 * 200 + 100  # the last test may go over


def test_the_whole_engine_runs_through_its_nights_within_the_budget() -> None:
    found = run(1, 1, ["our gate"], processes=1, nights=5)
    [ours] = found["rows"]
    assert 0 < ours["replays"] <= 5 * 200
    assert [figure["met"] for figure in found["figures"]][1:] == [ours["false"] <= 0.12, ours["harm"] <= 0.15]


def test_a_record_ten_times_as_long_costs_about_the_same_for_each_replay() -> None:
    found = growth.run(0, (300, 3000), nights=2)
    assert found["times_the_memory"] < 4
    assert found["times_the_seconds"] < 6  # other work on the machine makes this a coarse alarm
