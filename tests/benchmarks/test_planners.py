"""The benchmark of planners measures what it says: the same start for all, nothing lost, nothing counted twice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from planners import command, peers, report, tasks  # noqa: E402
from planners.campaign import Method, Plan, Watched, bench_of, run  # noqa: E402
from planners.comparison import Comparison  # noqa: E402
from planners.results import Results  # noqa: E402

from kgenesis.kernel.experiment import Proposal, Why  # noqa: E402
from kgenesis.kernel.ports import ProposalRequest  # noqa: E402
from kgenesis.testing.builders import run_in_memory  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two sets with the same first objective, of which one has a second."""
    lines = ["t,kind,kind_SMILES,y,cost"]
    for t in range(8):
        for kind, smiles in (("a", "C"), ("b", "CC"), ("c", "CCC")):
            lines.append(f"{t},{kind},{smiles},{10 - (t - 5) ** 2 - ord(kind) % 7},{t + len(smiles)}")
    inputs = [{"name": "t", "type": "continuous"}, {"name": "kind", "type": "categorical"}]
    y, cost = {"name": "y", "direction": "maximize"}, {"name": "cost", "direction": "minimize"}
    entries = [
        {"id": "hill", "table": "table.csv", "inputs": inputs, "objectives": [y]},
        {"id": "twin", "table": "table.csv", "inputs": inputs, "objectives": [y, cost]},
    ]
    data = tmp_path / "data"
    data.mkdir()
    (data / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    return data


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, str(ROOT / "benchmarks" / "planners"), *words]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_a_benchmark_goes_on_where_it_was_killed_and_writes_its_page(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = ("--data", str(folder), "--methods", "random,sobol", "--budget", "8", "--workers", "1", "--sets", "hill")
    first = _command(*words, "--seeds", "1", "--results", str(kept), "--no-write")
    assert first.returncode == 0, first.stderr
    assert "2/2 hill sobol seed 0" in first.stdout
    (kept / "planners.jsonl").write_text('{"kind":"run","task":"hill","meth', encoding="utf-8")  # killed in mid-line
    second = _command(*words, "--seeds", "2", "--results", str(kept), "--no-write")
    assert "2/2 hill sobol seed 1" in second.stdout, second.stderr
    assert "seed 0" not in second.stdout
    assert not (kept / "planners.jsonl").exists()
    runs = [e for e in Results(kept / "planners.jsonl.gz").read() if e["kind"] == "run"]
    assert len(runs) == 4
    assert "1 tasks, 2 seeds each" in second.stdout
    assert "| random |" in second.stdout
    third = _command("--compare", "random,sobol", "--budget", "8", "--results", str(kept))
    assert "| hill | 2 |" in third.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "nowhere"], "no index.json"),
        (["--sets", "branin", "--methods", "nobody"], "there is no nobody; there are"),
        (["--sets", "branin", "--methods", "model:n_design=none"], "model:n_design=none"),
        (["--sets", "branin", "--methods", "model:fast"], "'fast' is not key=value"),
        (["--sets", "braning"], "there is no braning; there are branin"),
        (["--families", "tables"], "there is no tables; there are table"),
        (["--sets", "branin", "--methods", "baybe", "--environments", "nowhere"], "--peers install --methods baybe"),
        (["--profile", "arena", "--environments", "nowhere"], "optuna-tpe has no environment"),
        (["--sets", "branin", "--seeds", "0"], "no whole number above 0"),
        (["--compare", "model"], "takes two methods"),
        (["--peers", "install", "--methods", "dragonfly"], "dragonfly is no peer"),
        ([], "--data is needed"),
    ],
)
def test_a_wrong_wish_is_refused_with_what_to_do(
    words: Sequence[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main([*words, "--results", str(tmp_path)])
    assert refused.value.code == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_two_sets_with_the_same_numbers_are_one_problem(folder: Path) -> None:
    names = [t.name for t in tasks.find(folder) if t.family in ("table", "several")]
    assert names == ["hill", "twin+"]


def test_what_a_set_knows_of_its_molecules_is_handed_on(folder: Path) -> None:
    problem = bench_of(str(folder), "hill", 8).mission.problem
    described = peers.described(problem, peers.Setting("hill", 0, 8, 1, 5))
    assert described["factors"][1]["smiles"] == ["C", "CC", "CCC"]
    assert described["is_product"]
    assert len(described["candidates"]) == 24


@pytest.mark.parametrize("name", ["hill", "alloy5", "hartmann6-sum"])
def test_every_method_starts_from_the_same_experiments_which_the_seed_decides(folder: Path, name: str) -> None:
    bench = bench_of(str(folder), name, 50)
    assert bench.start(3) == bench.start(3) != bench.start(4)
    assert len(bench.start(0)) == bench.n_start() <= len(bench.start(0, 4))
    assert bench.start(0) == bench.start(0, 4)[: bench.n_start()]
    assert not any(bench.mission.space.check(row) for row in bench.start(0))
    found = [run(Plan(str(folder), name, method, 1, 50, 1)) for method in ("random", "sobol")]
    assert found[0]["regret"][: bench.n_start()] == found[1]["regret"][: bench.n_start()]
    assert found[0]["regret"] != found[1]["regret"] or name == "hill"


def test_model_speaks_right_after_the_start_and_asks_and_tells_in_batches(folder: Path) -> None:
    bench = bench_of(str(folder), "hill", 13)
    asked: list[tuple[int, int]] = []
    planner = Method("model")
    made = command_planner(bench, planner)

    class Counting:
        def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
            asked.append((len(request.history), request.n))
            found = made.propose(request)
            assert {p.why.reason for p in found} != {"design"}
            return found

    mission = bench.mission.model_copy(
        update={
            "start": tuple(bench.start(0, 4)),
            "parallel": 4,
            "ordering": "as-they-come",
            "stop_when_reached": False,
        }
    )
    run_in_memory(mission, bench.measure, Counting())
    assert asked == [(8, 4), (12, 1)]


def command_planner(bench: Any, method: Method) -> Any:
    from planners.campaign import planner_of

    return planner_of(Plan(None, bench.name, method.spec, 0, 13, 4), method, bench)


class _Careless:
    """Repeats itself, leaves the table, and at last fails."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = iter(rows)

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        return [Proposal(conditions=next(self._rows), why=Why(reason="explore", planner="careless"))]


def test_repeats_and_strays_are_counted_and_cost_nobody_an_experiment(folder: Path) -> None:
    bench = bench_of(str(folder), "hill", 24)
    first = bench.start(0)[0]
    watched = Watched(bench, lambda: _Careless([first, {"t": 2.4, "kind": "a"}, {"t": 99.0, "kind": "b"}]), 0)
    mission = bench.mission.model_copy(update={"start": tuple(bench.start(0))})
    state = run_in_memory(mission, bench.measure, watched)
    rows = [tuple(e.conditions.values()) for e in state.experiments.values()]
    assert len(rows) == len(set(rows)) == bench.n_start() + 3
    seen = watched.summary()
    assert (seen["duplicates"], seen["moved"], seen["violations"]) == (1, 2, 0)
    assert seen["failure"].startswith("raised: StopIteration")


def test_a_broken_constraint_is_counted_and_mended() -> None:
    bench = bench_of(None, "hartmann6-sum", 50)
    watched = Watched(bench, lambda: _Careless([dict.fromkeys(bench.mission.space.names, 0.9)]), 0)
    mission = bench.mission.model_copy(update={"start": tuple(bench.start(0))})
    state = run_in_memory(mission, bench.measure, watched)
    assert len(state.experiments) == bench.n_start() + 1
    assert watched.summary()["violations"] == 1


@pytest.mark.parametrize("name", ["alloy5", "hartmann6-sum", "ackley8-mixed", "branin-disc"])
def test_no_point_drawn_beats_a_standards_optimum(name: str) -> None:
    bench = bench_of(None, name, 50)
    assert bench.best >= bench.known.best > bench.known.typical
    assert all(value is not None and value > 0 for value in bench.described(50)["regret"])


DRIVER = """
import random, time
import wire

class Campaign:
    def __init__(self, task):
        self.task, self.n_told, self.rng = task, 0, random.Random(task["seed"])
    def tell(self, observations):
        self.n_told += len(observations)
        assert all(set(seen) == {"conditions", "outcomes"} for seen in observations)
    def ask(self, n):
        print("what a library says")
        if self.n_told == self.task["settings"].get("raises_at"):
            raise ArithmeticError("singular")
        if self.n_told == self.task["settings"].get("hangs_at"):
            while True:
                pass
        if self.n_told == self.task["settings"].get("dies_at"):
            raise SystemExit(3)
        rows = self.rng.sample(self.task["candidates"], n)
        return [dict(zip([f["name"] for f in self.task["factors"]], row)) for row in rows]

wire.serve(Campaign, [])
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A driver of our own, in an "environment" that is this one."""
    drivers, environments = tmp_path / "drivers", tmp_path / "environments"
    (environments / "echo" / "bin").mkdir(parents=True)
    (environments / "echo" / "bin" / "python").symlink_to(sys.executable)
    drivers.mkdir()
    (drivers / "wire.py").write_text((peers.DRIVERS / "wire.py").read_text(encoding="utf-8"), encoding="utf-8")
    (drivers / "drive_echo.py").write_text(DRIVER, encoding="utf-8")
    (drivers / "echo.txt").write_text("numpy\n", encoding="utf-8")
    monkeypatch.setattr(peers, "DRIVERS", drivers)
    monkeypatch.setattr(peers, "PEERS", {"echo": ("echo", {})})
    monkeypatch.setattr(peers, "SUGGESTION_LIMIT", 0.5)
    yield environments
    peers.close()


@pytest.mark.skipif(os.name == "nt", reason="makes a symbolic link to the interpreter")
def test_a_peer_that_raises_hangs_or_dies_ends_its_campaign_and_no_other(folder: Path, echo: Path) -> None:
    def result(spec: str) -> dict[str, Any]:
        return run(Plan(str(folder), "hill", spec, 0, 12, 1, str(echo)))

    whole = result("echo")
    assert whole["failure"] is None
    assert len(whole["regret"]) == 12
    assert whole["peak"] > 5
    for spec, said in (
        ("echo:raises_at=7", "raised: ArithmeticError: singular"), ("echo:hangs_at=8", "time-out"), ("echo:dies_at=6", "died")
    ):  # fmt: skip
        broken = result(spec)
        assert broken["failure"].startswith(said)
        assert broken["regret"] == whole["regret"][: int(spec[-1])]
    assert result("echo")["regret"] == whole["regret"]


def _entries(n_to: Sequence[Sequence[int]], budget: int, n_points: int, n_good: int) -> list[dict[str, Any]]:
    level = {"points": n_points, "good": n_good}
    found: list[dict[str, Any]] = []
    for i, hits in enumerate(n_to):
        found.append({
            "kind": "task", "task": f"t{i}", "family": "table", "budget": budget, "points": n_points, "factors": 2, "start": 5,
            "levels": {"top-5": level, "top-1": level, "best-found": level}, "regret": [0.5] * budget,
        })  # fmt: skip
        for seed, hit in enumerate(hits):
            reached = dict.fromkeys(("top-5", "top-1", "best-found"), hit if hit <= budget else None)
            regret = [1.0 if n < hit else 0.0 for n in range(1, budget + 1)]
            found.append({
                "kind": "run", "task": f"t{i}", "method": "random", "seed": seed, "budget": budget, "batch": 1, "regret": regret,
                "n_to": reached, "cpu": [0.1, 0.1, 1.0], "peak": 50, "duplicates": 0, "violations": 0, "moved": 0, "failure": None,
                "code": "0",
            })  # fmt: skip
    return found


def test_random_search_accelerates_itself_by_one() -> None:
    rng = np.random.default_rng(3)
    hits = [[int(rng.permutation(200)[:4].min()) + 1 for _ in range(400)] for _ in range(5)]
    group = Comparison(_entries(hits, 50, 200, 4), ["table"], 50, 1).common(["random"])
    gain = group.acceleration("random", "top-1")
    assert gain is not None
    assert gain.continued.low < 1 < gain.continued.high
    assert gain.restricted.low < 1 < gain.restricted.high
    assert gain.continued.high - gain.continued.low < 0.25


def test_methods_are_compared_on_common_tasks_and_seeds_only() -> None:
    entries = _entries([[3, 9], [5, 2]], 10, 100, 5)
    mine = [e | {"method": "model", "regret": [0.5] * 10} for e in entries if e["kind"] == "run"]
    both = Comparison([*entries, *mine[:3]], ["table"], 10, 1).common(["model", "random"])
    assert both.n_seeds == (1, 2)
    assert both.by_task("random", 4).tolist() == [0.5, 1.0]
    assert both.ratio("model", "random", 4).value == pytest.approx(1.0 / 1.5)
    assert both.wins("model", "random", 4).value == 0.75
    assert both.ranks(4)["model"].value == pytest.approx(1.25)
    assert both.near_best(10)["random"].value == 1.0


def test_the_page_says_what_was_measured_and_what_went_wrong(tmp_path: Path) -> None:
    entries = _entries([[33, 39], [35, 12]], 50, 100, 5)
    mine = [e | {"method": "model"} for e in entries if e["kind"] == "run"]
    peer = [e | {"method": "baybe", "versions": {"baybe": "1"}, "failure": None} for e in mine]
    peer[0] |= {"failure": "time-out: more than 120 s for one answer"}
    text = report.text([*entries, *mine, *peer], report.Question(), tmp_path)
    assert "against the best peer (baybe) | ≤ 0.80, interval below 1 | 1.00 [1.00, 1.00] | **missed** |" in text
    assert "| baybe | 4 |" in text
    assert "Failures: baybe: time-out" in text
    assert "*baybe 1.*" in text
    assert (tmp_path / "regret.svg").read_text(encoding="utf-8").count("<polyline") == 3
