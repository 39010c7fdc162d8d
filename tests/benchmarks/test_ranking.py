"""Ranks come from what all methods have done, and say how sure they are."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from arena import command, ranking  # noqa: E402
from arena.ranking import Ranking, Suite  # noqa: E402
from planners.results import Results  # noqa: E402


def _run(task: str, method: str, regret: float | None, seed: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "run", "task": task, "method": method, "seed": seed, "budget": 30, "batch": 1, "n": 30, "regret": [None, regret],
        "cpu": [0.02, 0.1, 1.0], "failure": None,
    } | changes  # fmt: skip


def _runs(table: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """One campaign of each method on the functions f0, f1, …"""
    return [_run(f"standard/f{i}", method, regret) for method, found in table.items() for i, regret in enumerate(found)]


def _suite(table: Mapping[str, Sequence[float]]) -> Suite:
    return Suite.of(_runs(table), "standard", 1)


def test_ranks_of_a_known_table() -> None:
    suite = _suite({"a": [0.1, 0.1, 0.3], "b": [0.2, 0.1, 0.2], "c": [0.3, 0.3, 0.1]})
    found = Ranking.of(suite.done, ["a", "b", "c"])
    assert found.ranks.tolist() == [[1, 1.5, 3], [2, 1.5, 2], [3, 3, 1]]
    assert [found.place(m).mean_rank for m in "abc"] == pytest.approx([11 / 6, 11 / 6, 7 / 3])
    assert [found.place(m).rank for m in "abc"] == [1, 1, 3]
    assert found.place("a") == Ranking.of(suite.done, ["a", "b", "c"]).place("a")


def test_an_interval_is_a_point_where_every_function_agrees_and_wide_where_they_do_not() -> None:
    n = 12
    clear = _suite({"a": [0.1] * n, "b": [0.2] * n, "c": [0.3] * n})
    for rank, method in enumerate("abc", start=1):
        place = Ranking.of(clear.done, ["a", "b", "c"]).place(method)
        assert (place.rank, place.low, place.high) == (rank, rank, rank)
    split = _suite({"a": [0.1] * 7 + [0.3] * 5, "b": [0.3] * 7 + [0.1] * 5, "c": [0.4] * n})
    place = Ranking.of(split.done, ["a", "b", "c"]).place("a")
    assert (place.rank, place.low, place.high) == (1, 1, 2)
    assert Ranking.of(split.done, ["a", "b", "c"]).place("c").low == 3


def test_only_what_all_have_done_is_compared_and_functions_are_what_is_drawn_anew() -> None:
    runs = _runs({"a": [0.1, 0.1, 0.1, 0.9], "b": [0.2, 0.2, 0.2]})
    runs += [_run("standard/f0", method, 0.5, seed) for method in "ab" for seed in (1, 2)]
    runs += [_run("bbob/f01-d2", "a", 0.1), _run("table", "b", 0.1), _run("standard/f4", "a", 0.1, batch=4)]
    found = Ranking.of(Suite.of(runs, "standard", 1).done, ["a", "b"])
    assert found.functions == ["f0", "f1", "f2"]
    assert len(found.cells) == 5
    assert found.place("b").mean_rank == pytest.approx((2 + 1.5 + 1.5 + 2 + 2) / 5)


def test_a_function_is_lost_by_a_decade_of_the_median_and_what_is_below_the_floor_is_equal() -> None:
    suite = _suite({"model": [0.5, 1e-9, 0.05], "botorch": [0.01, 1e-7, 0.04], "ax": [0.2, 0.1, 0.004]})
    found = Ranking.of(suite.done, ["model", "botorch", "ax"])
    assert found.behind("model", "botorch") == ["f0"]
    assert found.behind("model") == ["f0", "f2"]
    assert found.behind("ax") == ["f0", "f1"]
    assert found.ranks[:2, 1].tolist() == [1.5, 1.5]


def test_a_failure_keeps_what_it_had_and_is_counted_and_what_is_not_for_a_method_counts_for_nobody() -> None:
    runs = _runs({"a": [0.1] * 4, "b": [0.2] * 4})
    runs[4] |= {"failure": "raised: singular", "regret": [None, 0.9]}
    runs[7] |= {"failure": "raised: NotImplementedError: levels"}
    said = ranking.text(runs, "standard")
    assert "3 functions (f0, f1, f2)" in said
    assert "Not for it: b (f3)." in said
    (row,) = (line for line in said.splitlines() if line.startswith("| b "))
    assert row.split("|")[7].strip() == "1"


def test_ours_are_ranked_one_by_one_among_all_others() -> None:
    table = {"model": [0.1] * 4, "model:surrogate=genesis": [0.2] * 4, "botorch": [0.15] * 4, "ax": [0.3] * 4}
    said = ranking.text(_runs(table), "standard")
    assert (
        "`model`: rank 1 of 3 on suite standard (4 functions, 4 campaigns each, one at a time), 95 % interval [1, 1]"
        in said
    )
    assert "`model:surrogate=genesis`: rank 2 of 3" in said
    assert "loses on none by a decade" in said


def test_a_method_that_did_little_is_ranked_apart_and_named() -> None:
    table = {"model": [0.1] * 10, "botorch": [0.2] * 10, "ax": [0.3] * 4}
    said = ranking.text(_runs(table), "standard")
    assert "2 methods on what all of them have done: 10 functions" in said
    assert "3 methods on what all of them have done: 4 functions" in said
    assert "some methods did fewer so far: ax 4." in said


def test_neither_who_did_much_more_nor_who_did_next_to_nothing_leaves_nothing_to_rank() -> None:
    table = {"nevergrad": [0.2] * 20, "model": [0.1] * 6, "botorch": [0.2] * 6, "cma": [0.3] * 7, "smac": [0.3]}
    said = ranking.text(_runs(table), "standard")
    assert said.count("methods on what all of them have done") == 1
    assert "4 methods on what all of them have done: 6 functions" in said
    assert "smac 1, " in said


def test_the_gate_wants_every_named_peer_no_lost_function_and_a_rank_above_five() -> None:
    table = {command.FOUNDATION: [0.1] * 6, "botorch": [0.2] * 6, "ax": [0.3] * 6}
    found = ranking.gate(_runs(table), command.FOUNDATION, ["botorch", "ax"])
    assert found is not None
    assert found[1]
    lost = ranking.gate(_runs(table | {"botorch": [0.2] * 5 + [0.001]}), command.FOUNDATION, ["botorch", "ax"])
    assert lost is not None
    assert not lost[1]
    assert "behind BoTorch on f5" in lost[0]
    assert ranking.gate(_runs(table), command.FOUNDATION, ["botorch", "smac"]) is None


def test_one_command_says_where_a_method_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Results(tmp_path / "arena" / "planners.jsonl.gz")
    kept.add(_runs({"random": [0.3] * 4, "botorch": [0.2] * 4, "model": [0.1] * 4}))
    assert command.main(["--rank", "random", "--results", str(tmp_path)]) == 0
    assert "`random`: rank 2 of 2 on suite standard" in capsys.readouterr().out
    assert command.main(["--rank", "nobody", "--results", str(tmp_path)]) == 1
