"""The score sheet and the gate, for models that are sound, wrong in every way, or not shown to be anybody's own."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.amortised import NEWEST, PUBLISHED
from kgenesis.surrogate.entrants import Entrant
from kgenesis.surrogate.evaluation import attempt, evaluate, prior_sets
from kgenesis.surrogate.families import draw_family
from kgenesis.surrogate.gate import Gate, chained, judge
from kgenesis.surrogate.genesis import make_genesis
from kgenesis.surrogate.lineage import Finding
from kgenesis.surrogate.sheet import CRITERIA, Criterion, Decisions, score
from kgenesis.surrogate.soundness import PROMISES, cases, changed_by, hard_cases, passed, wide_cases
from kgenesis.surrogate.weights import digest

GENESIS = make_genesis(PluginContext())


class Posterior:
    """Knows nothing but mean and spread; `wrong` says in which way it breaks its promises."""

    voices = {"nothing": 1.0}
    noise_sd = 0.5

    def __init__(self, data, wrong):
        self.data, self.wrong = data, wrong
        self.lengthscales = np.ones(int(data.groups.max()) + 1)

    def mean_and_variance(self, x):
        mean, variance = np.full(len(x), self.data.y.mean()), np.full(len(x), self.data.y.var() + 1e-6)
        match self.wrong:
            case "nan":
                return mean * np.nan, variance
            case "shape":
                return mean[:, None], variance
            case "negative":
                return mean, -variance
            case "certain":
                self.noise_sd = 0.0
                return mean, 0.0 * variance
            case "text":
                return "mean", "variance"
            case "raises":
                raise RuntimeError("no idea")
            case "ends":
                raise SystemExit(3)
        return mean, variance

    def joint(self, x):
        mean, variance = self.mean_and_variance(x)
        return mean, np.diag(variance)

    def condition_on(self, x, y):
        more = TrainingData(
            np.vstack([self.data.x, x]), np.append(self.data.y, y),
            np.append(self.data.noise_variance, np.full(len(y), np.nan)), self.data.groups,
        )  # fmt: skip
        return Posterior(more, self.wrong)

    def leave_one_out(self):
        return self.mean_and_variance(self.data.x)


class Surrogate:
    def __init__(self, wrong=""):
        self.wrong = wrong

    def posterior(self, data, rng):
        if self.wrong == "posterior":
            raise KeyError("weights")
        return Posterior(data, self.wrong)


WRONG = ("nan", "shape", "negative", "certain", "text", "raises", "ends", "posterior")


def entrant(surrogate, folder, **changes):
    return replace(Entrant("theirs", surrogate, "genesis", {}, folder), **changes)


def nothing_decided(surrogate):
    del surrogate
    return Decisions(0.0, -0.5, (), 3)


@pytest.fixture
def quick(monkeypatch):
    """Few sizes: what is tested is the sheet, not a model."""
    monkeypatch.setattr("kgenesis.surrogate.evaluation.SIZES", ((5, 2), (10, 3)))
    monkeypatch.setattr("kgenesis.surrogate.sheet.FAMILIES_AT", (8,))


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_a_posterior_does_wrong_is_a_failure_and_no_crash(wrong):
    s = draw_family(np.random.default_rng(0), 8, 0, 10)
    assert attempt(Surrogate(wrong), s).failure
    assert not attempt(Surrogate(), s).failure
    assert all(passed(Surrogate(wrong), cases(hard_cases())).values())


def test_a_person_can_still_end_an_evaluation():
    class Interrupted:
        def posterior(self, data, rng):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(Interrupted(), draw_family(np.random.default_rng(0), 8, 0, 10))


def test_failures_are_counted_and_never_count_as_better(quick):
    found = evaluate(Surrogate("nan"), 1)["all"]
    assert (found["failures"], found["better"]) == (2, 0.0)
    assert np.isnan(found["nll"])
    assert evaluate(GENESIS, 1)["all"]["failures"] == 0


def test_evaluations_are_the_same_every_time(quick):
    assert [s.y.tolist() for s in prior_sets(1)] == [s.y.tolist() for s in prior_sets(1)]
    assert evaluate(GENESIS, 1) == evaluate(GENESIS, 1)


def test_a_sound_surrogate_masters_hard_data_its_promises_and_spaces_it_was_made_for():
    for tried in (cases(hard_cases()), PROMISES):
        assert {case: wrong for case, wrong in passed(GENESIS, tried).items() if wrong} == {}
    assert {case for case, wrong in passed(GENESIS, cases(wide_cases())).items() if wrong} == {"40 factors"}
    assert changed_by(GENESIS) < 1e-5


def test_who_knows_nothing_keeps_no_promise_that_needs_learning():
    wrong = passed(Surrogate(), PROMISES)
    assert wrong["known noise is believed"]
    assert wrong["slopes of the mean exist"]
    assert not wrong["the data are left as they were"]


class TestSheet:
    def test_the_blocks_are_those_of_the_national_evaluation(self):
        assert {b: sum(c.points for c in CRITERIA if c.block == b) for b in ("benchmark", "expert", "use")} == {
            "benchmark": 40, "expert": 35, "use": 25,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("value", "points"), [(None, 0), (float("nan"), 0), (-1, 0), (0, 0), (0.5, 2), (1, 4), (9, 4)]
    )
    def test_points_are_in_proportion_between_nothing_and_all(self, value, points):
        assert Criterion("x", "use", 4, 0.0, 1.0, CRITERIA[0].what).earned(value) == points

    def test_points_may_be_in_proportion_to_a_logarithm(self):
        criterion = Criterion("x", "use", 4, 1.0, 0.01, CRITERIA[0].what, is_log=True)
        assert [criterion.earned(v) for v in (10.0, 1.0, 0.1, 0.01, 0.0)] == pytest.approx([0, 0, 2, 4, 4])

    def test_level_with_the_yardstick_is_half_the_points(self):
        for criterion in CRITERIA:
            if criterion.name in {"prior-gain", "families-gain", "regret-gp"}:
                assert criterion.earned(0.0) == criterion.points / 2

    def test_a_failing_gate_takes_the_score_away(self, quick, tmp_path):
        sheet = score(entrant(Surrogate(), tmp_path), nothing_decided, 1)
        said = sheet.as_json()
        assert (said["passed_gate"], said["score"]) == (False, None)
        assert said["would_score"] == pytest.approx(sum(said["blocks"].values()))
        assert 20 < said["would_score"] < 60
        open_gate = replace(sheet, gate=Gate(())).as_json()
        assert open_gate["score"] == said["would_score"]

    def test_a_model_that_always_fails_is_scored_all_the_same(self, quick, tmp_path):
        sheet = score(entrant(Surrogate("nan"), tmp_path), nothing_decided, 1)
        assert sheet.figures["prior-gain"] == sheet.figures["families-gain"] == -2.0
        assert sheet.figures["robustness"] == 0.0
        assert sheet.figures["median-seconds"] is None
        assert sheet.earned("benchmark") == pytest.approx(
            sum(c.earned(sheet.figures[c.name]) for c in CRITERIA if c.name.startswith("regret"))
        )
        assert sum(sheet.failures.values()) >= 20

    def test_measurements_are_the_same_every_time_but_for_seconds_and_megabytes(self, quick, tmp_path):
        first, second = (score(entrant(Surrogate(), tmp_path), nothing_decided, 1).figures for _ in range(2))
        varying = {"median-seconds", "p95-seconds", "cold-start", "memory"}
        assert {k: v for k, v in first.items() if k not in varying} == {
            k: v for k, v in second.items() if k not in varying
        }


class Repeatable(Surrogate):
    """Its training can be made again."""

    def random_weights(self):
        return {"w": np.arange(100.0)}

    def training_data(self, step):
        return [np.full(3, float(step))]


class TestGate:
    @pytest.fixture
    def theirs(self, tmp_path):
        """Return a partner's model with all its evidence."""
        np.savez(tmp_path / "w.npz", w=np.random.default_rng(0).standard_normal(100))
        (tmp_path / "train.py").write_text("w = 1\n")
        lines, before = [], "0" * 64
        for step in range(5):
            before = chained(before, Repeatable().training_data(step))
            lines.append({"step": step, "loss": 1.0 / (1 + step), "data": before})
        (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        record = {
            "outside_weights": None, "outside_data": None, "random_weights": digest(Repeatable().random_weights()),
            "weights": {"w.npz": self.hash_of(tmp_path / "w.npz")}, "steps": 5, "data": before,
            "code": {"train.py": self.hash_of(tmp_path / "train.py")},
        }  # fmt: skip
        (tmp_path / "lineage.json").write_text(json.dumps(record))
        return entrant(Repeatable(), tmp_path, weights=(tmp_path / "w.npz",), licence="Apache-2.0", lineage=tmp_path)

    @staticmethod
    def hash_of(path):
        return sha256(path.read_bytes()).hexdigest()

    @staticmethod
    def states(gate):
        return {finding.name: finding.state for finding in gate.findings}

    def change(self, theirs, **changes):
        path = theirs.lineage / "lineage.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def test_the_published_model_passes(self):
        gate = judge(Entrant.named(NEWEST, PUBLISHED), n_replayed=1)
        assert gate.is_passed
        assert gate.evidence >= 4 / 6

    def test_a_partner_passes_with_all_its_evidence(self, theirs):
        gate = judge(theirs)
        assert set(self.states(gate).values()) == {"ok"}
        assert (gate.is_passed, gate.evidence) == (True, 1.0)

    def test_without_a_lineage_nothing_is_shown(self, theirs):
        assert not judge(replace(theirs, lineage=None)).is_passed

    @pytest.mark.parametrize(
        ("changes", "fails"),
        [
            ({"weights": {"w.npz": "0" * 64}}, "weights"), ({"weights": {}}, "weights"),
            ({"outside_weights": "somebody's"}, "independence"), ({"outside_data": "theirs"}, "independence"),
            ({"random_weights": "0" * 64}, "random-weights"), ({"steps": 6}, "log"), ({"data": "0" * 64}, "log"),
        ],
    )  # fmt: skip
    def test_a_record_that_does_not_hold_fails(self, theirs, changes, fails):
        self.change(theirs, **changes)
        gate = judge(theirs)
        assert self.states(gate)[fails] == "failed"
        assert not gate.is_passed

    @pytest.mark.parametrize("licence", ["", "proprietary", "apache"])
    def test_a_licence_that_is_not_open_fails(self, theirs, licence):
        assert self.states(judge(replace(theirs, licence=licence)))["licence"] == "failed"

    def test_data_that_come_out_otherwise_fail(self, theirs):
        class Other(Repeatable):
            def training_data(self, step):
                return [np.full(3, step + 0.5)]

        assert self.states(judge(replace(theirs, surrogate=Other())))["data"] == "failed"

    def test_a_training_that_nobody_can_repeat_fails(self, theirs):
        found = self.states(judge(replace(theirs, surrogate=GENESIS)))
        assert (found["random-weights"], found["data"]) == ("failed", "failed")

    def test_code_that_has_changed_is_told_and_is_no_failure(self, theirs):
        (theirs.folder / "train.py").write_text("w = 2\n")
        gate = judge(theirs)
        assert self.states(gate)["code"] == "changed"
        assert gate.is_passed
        assert gate.evidence < 1.0

    def test_a_copy_is_recognised_whatever_the_format(self, theirs, tmp_path):
        weights = np.load(theirs.weights[0])["w"]
        np.savez(tmp_path / "near.npz", other=2.0 * weights + 0.05)
        np.savez(tmp_path / "far.npz", other=np.random.default_rng(1).standard_normal(100))
        assert not judge(theirs, [tmp_path / "near.npz"]).is_passed
        assert judge(theirs, [tmp_path / "far.npz"]).is_passed
        unreadable = tmp_path / "w.pt"
        shutil.copy(theirs.weights[0], unreadable)
        hidden = replace(theirs, weights=(unreadable,))
        assert self.states(judge(hidden, [tmp_path / "far.npz"]))["similarity"] == "failed"

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", '{"steps": "many", "weights": {}}', '{"steps": 3, "weights": 7}']
    )
    def test_what_is_no_lineage_is_refused(self, theirs, content):
        (theirs.lineage / "lineage.json").write_text(content)
        with pytest.raises(InvalidSpec):
            judge(theirs)

    def test_evidence_is_the_share_that_holds(self):
        from kgenesis.kernel.text import EMPTY

        findings = [Finding("weights", "ok", EMPTY), Finding("log", "failed", EMPTY), Finding("code", "changed", EMPTY)]
        assert Gate(tuple(findings)).evidence == pytest.approx(1 / 6)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_table_in_the_explanation_is_the_sheet(lang):
    page = Path(__file__).resolve().parents[2] / "docs" / lang / "explanations" / "foundation-model.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if "|" in line]
    told = {row[0].split(":")[0]: row for row in rows if len(row) == 5}
    for c in CRITERIA:
        said, block, *figures = told[c.name]
        assert said.startswith(f"{c.name}: {c.what.in_(lang)}")
        assert said.endswith(")") or not c.is_log
        assert (block, [float(f) for f in figures]) == (c.block, [c.points, c.nothing, c.full])
