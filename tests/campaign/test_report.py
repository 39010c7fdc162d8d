"""The report: right in its numbers, whole in both languages, and a page that anyone can open and read."""

import base64
import csv
import hashlib
import io
import json
import math
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from kgenesis.campaign import analysis, page
from kgenesis.campaign.baselines import baseline
from kgenesis.campaign.chart import plotly
from kgenesis.campaign.export import to_csv, to_json
from kgenesis.campaign.figures import all_figures
from kgenesis.campaign.learning import Learned
from kgenesis.campaign.reference import Reference, closed_form, estimate, measured
from kgenesis.campaign.report import best_experiment, build
from kgenesis.campaign.report_parts import Report
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.campaign.words import number, short
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Expectation, Failure, Measurement, Result, Value, Why
from kgenesis.kernel.ports import FloatArray, ProposalRequest, TrainingData
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.space import Space
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import LabFunction, UniformPlanner, hill, make_mission, run_in_memory

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NASTY = "<script>alert('x')</script>"


class Known:
    """A posterior that knows a function exactly."""

    noise_sd = 0.0

    def __init__(self, function: Any) -> None:
        self._function = function

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._function(x), np.zeros(len(x))


def know(function: Any, space: Space, n: int = 50) -> Learned:
    x = space.encode(sample(space, n, np.random.default_rng(0)))
    data = TrainingData(x, function(x), np.full(n, np.nan), space.groups)
    return Learned("y", Known(function), data, tuple(range(1, n + 1)))  # type: ignore[arg-type]


def unit_cube(d: int, **more: Any) -> Space:
    factors = [{"name": f"x{i}", "type": "real", "low": 0.0, "high": 1.0, "unit": "1"} for i in range(d)]
    return Space.model_validate({"factors": factors, **more})


def make_reference(mission: Mission, lab: LabFunction = hill, n: int = 60) -> Reference:
    def search(seed: int) -> list[Result]:
        rows = mission.space.to_rows(sample(mission.space, n, np.random.default_rng((seed, 7))))
        return [Measurement(outcomes=dict(lab(row))) for row in rows]  # type: ignore[arg-type]

    return measured(mission, "1", [search(i) for i in range(12)], seed=0, command="kgenesis reference make hill")


def make_report(mission: Mission | None = None, lab: LabFunction = hill, **more: Any) -> Report:
    mission = mission or make_mission()
    state = run_in_memory(mission, lab, seed=3)
    return build(state, make_reference(mission), GaussianProcess(), NOW, **more)


def two_objectives(**more: Any) -> Mission:
    return make_mission(
        objectives=[
            {"name": "y", "goal": "minimize", "unit": "min", "threshold": 1.0, "label": "time"},
            {"name": "w", "goal": "maximize", "unit": "mAh", "threshold": 0.0},
        ],
        **more,
    )


def both(conditions: Mapping[str, Value]) -> Mapping[str, float]:
    return {**hill(conditions), "w": float(conditions["a"] or 0.0)}


# Numbers ----------------------------------------------------------------------------------------------------------


def test_sensitivities_equal_the_analytic_sobol_indices_of_ishigamis_function() -> None:
    a, b = 7.0, 0.1

    def ishigami(x: FloatArray) -> FloatArray:
        z = math.pi * (2 * x - 1)
        return np.sin(z[:, 0]) + a * np.sin(z[:, 1]) ** 2 + b * z[:, 2] ** 4 * np.sin(z[:, 0])

    space = unit_cube(3)
    found = analysis.sensitivity(space, know(ishigami, space), (1,))
    assert found is not None
    assert found.is_independent
    # Ishigami & Homma 1990; values as in Saltelli et al. 2010
    expected = {"x0": (0.3139, 0.5576), "x1": (0.4424, 0.4424), "x2": (0.0, 0.2437)}
    for effect in found.effects:
        main, total = expected[effect.factor]
        assert effect.main == pytest.approx(main, abs=0.12)
        assert effect.total == pytest.approx(total, abs=4 * effect.total_error + 0.05)


def test_under_constraints_a_factor_without_influence_has_no_total_effect() -> None:
    constraint = {"type": "linear", "coefficients": {"x0": 1, "x1": 1}, "relation": "<=", "bound": 1}
    space = unit_cube(3, constraints=[constraint])
    found = analysis.sensitivity(space, know(lambda x: 3.0 * x[:, 0], space), (1,))
    assert found is not None
    assert not found.is_independent
    by_name = {effect.factor: effect for effect in found.effects}
    assert by_name["x1"].total == 0.0
    assert by_name["x0"].main == pytest.approx(1.0, abs=0.02)
    assert by_name["x2"].main == pytest.approx(0.0, abs=0.05)


def test_what_matters_is_not_asked_of_too_little_data_or_of_a_constant() -> None:
    space = unit_cube(3)
    assert analysis.sensitivity(space, know(lambda x: x[:, 0], space, n=4), (1,)) is None
    assert analysis.sensitivity(space, know(lambda x: np.full(len(x), 5.0), space), (1,)) is None


def test_a_mixture_is_moved_as_a_whole_and_sliced_along_coxs_direction() -> None:
    mixture = {"type": "mixture", "name": "mix", "components": [{"name": n} for n in "pqr"], "total": 2.0}
    space = Space.model_validate({"factors": [mixture]})
    learned = know(lambda x: x @ np.arange(1.0, 4.0), space)
    found = analysis.sensitivity(space, learned, (1,))
    assert found is not None
    assert [effect.factor for effect in found.effects] == ["mix"]
    along = analysis.slices(space, learned, {"p": 0.5, "q": 0.5, "r": 1.0})
    assert {one.factor for one in along} == {"p", "q", "r"}
    first = along[0]
    assert all(mean is not None for mean in first.mean)
    # at p = total nothing else is left; encoded p is 1, the others 0
    assert first.mean[-1] == pytest.approx(1.0)


def test_slices_leave_out_what_is_not_allowed() -> None:
    constraint = {"type": "linear", "coefficients": {"x0": 1, "x1": 1}, "relation": "<=", "bound": 1}
    space = unit_cube(2, constraints=[constraint])
    first = analysis.slices(space, know(lambda x: x[:, 0], space), {"x0": 0.2, "x1": 0.5})[0]
    assert [mean is None for mean in first.mean] == [x > 0.5 for x in first.x if isinstance(x, float)]


def test_the_coverage_counts_measurements_inside_their_predicted_interval() -> None:
    class Fixed(Known):
        def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
            return np.array([0.0, 0.0, 0.0, 0.0]), np.ones(4)

    data = TrainingData(np.zeros((4, 1)), np.array([0.0, 1.9, 2.1, -1.9]), np.full(4, np.nan), np.zeros(1, dtype=int))
    found = analysis.validation(Learned("y", Fixed(None), data, (1, 2, 3, 4)))  # type: ignore[arg-type]
    assert found is not None
    assert found.coverage == 0.75
    assert found.rmse == pytest.approx(math.sqrt((1.9**2 * 2 + 2.1**2) / 4))


def test_the_best_keeps_the_constraints_and_with_several_objectives_the_balance() -> None:
    mission = two_objectives(budget={"experiments": 30}, outcome_constraints=[{"outcome": "y", "at_most": 0.5}])
    state = run_in_memory(mission, both, seed=5)
    best = best_experiment(state)
    assert best is not None
    assert isinstance(best.result, Measurement)
    assert best.result.mean("y") <= 0.5
    report = build(state, None, None, NOW)
    assert best.number in report.front
    products = [
        (1.0 - row.outcomes["y"].mean) * row.outcomes["w"].mean
        for row in report.experiments
        if row.number in report.front
    ]
    assert (1.0 - best.result.mean("y")) * best.result.mean("w") == pytest.approx(max(products), rel=1e-4)


# Every kind of campaign -------------------------------------------------------------------------------------------


def crash(_: Mapping[str, Value]) -> Mapping[str, float]:
    raise RuntimeError(NASTY)


HIT = make_mission(objectives=[{"name": "y", "goal": "hit", "value": 0.3, "unit": "1", "target": 0.01}])
THREE = make_mission(
    objectives=[{"name": n, "goal": "minimize", "unit": "1"} for n in ("y", "w", "v")], budget={"experiments": 12}
)
CAMPAIGNS: dict[str, tuple[Mission, LabFunction]] = {
    "plain": (make_mission(), hill),
    "one experiment": (make_mission(budget={"experiments": 1}), hill),
    "nothing works": (make_mission(budget={"experiments": 3}), crash),
    "hit": (HIT, hill),
    "two objectives": (two_objectives(), both),
    "three objectives": (THREE, lambda c: {**both(c), "v": float(c["b"] or 0.0)}),
    "constant": (make_mission(budget={"experiments": 8}), lambda _: {"y": 1.0}),
    "infeasible": (
        make_mission(budget={"experiments": 8}, outcome_constraints=[{"outcome": "y", "at_most": -1.0}]), hill
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAMPAIGNS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_kind_of_campaign_becomes_json_csv_and_a_page(name: str, lang: Any) -> None:
    mission, lab = CAMPAIGNS[name]
    state = run_in_memory(mission, lab, seed=1)
    reference = None if name == "nothing works" else make_reference(mission, lab, n=30)
    report = build(state, reference, GaussianProcess(), NOW)
    again = Report.model_validate_json(to_json(report))
    assert again == report
    assert len(list(csv.reader(io.StringIO(to_csv(report, lang))))) == state.n_proposed + 1
    rendered = page.render(report, lang)
    assert report.headline.in_(lang)
    for chart in (chart for charts in all_figures(report, lang).values() for chart in charts):
        json.dumps(plotly(chart), allow_nan=False)
    assert "nan" not in re.sub(r"<script.*?</script>", "", rendered, flags=re.DOTALL).lower().split()


def test_an_open_campaign_without_results_has_a_report_too() -> None:
    mission = make_mission()
    full = run_in_memory(mission, hill)
    empty = CampaignState(
        full.id, mission, mission.budget, 0, ".", "1", lab_is_physical=False, versions={}, opened_at=full.opened_at
    )
    report = build(empty, make_reference(mission), GaussianProcess(), NOW)
    assert report.headline.en == "No experiment has finished yet."
    assert report.is_open
    assert page.render(report, "ko")


def test_the_headline_says_what_was_found_and_what_it_saved() -> None:
    class Sage(UniformPlanner):
        def propose(self, request: ProposalRequest) -> Any:
            drawn = super().propose(request)
            if len(request.history) < 4:
                return drawn
            why = Why(reason="exploit", planner="model", expected={"y": Expectation(mean=0.001, sd=0.02)})
            return [p.model_copy(update={"conditions": {"a": 0.3, "b": 0.7, "kind": "x"}, "why": why}) for p in drawn]

    mission = make_mission(
        planner="model", objectives=[{"name": "y", "goal": "minimize", "unit": "min", "target": 0.02}]
    )
    state = run_in_memory(mission, hill, Sage(), seed=3)
    report = build(state, make_reference(mission), GaussianProcess(), NOW)
    assert report.headline.en.startswith("AI reached the target (y ≤ 0.02 min) after 5 experiments;")
    assert re.search(
        r"A random search needs about \d+ for the same \(95 % \S+\): \S+ times fewer\.", report.headline.en
    )
    assert report.headline.ko.startswith("AI가 실험 5회 만에 목표(y ≤ 0.02 min)에 도달했습니다.")
    assert "분의 1로 줄인 셈입니다" in report.headline.ko
    assert report.experiments[4].why_text.en.startswith(
        "Expected to beat the best so far. Expected: y 0.001 ± 0.02 min."
    )
    lead = report.gain.headline if report.gain else None
    assert lead is not None
    assert lead.n_ai == 5


def test_a_search_without_ai_is_not_called_ai() -> None:
    assert "AI" not in make_report().headline.en


def test_a_reference_that_does_not_fit_is_not_used_and_the_report_says_why() -> None:
    mission = make_mission()
    other = make_reference(mission).model_copy(update={"lab_version": "0"})
    report = build(run_in_memory(mission, hill), other, None, NOW)
    assert report.gain is None
    assert any("kgenesis reference make" in note.ko for note in report.notes)


def test_a_reference_too_short_to_tell_is_said_to_be_so() -> None:
    mission = make_mission(budget={"experiments": 30}, stop_when_reached=False)
    state = run_in_memory(mission, lambda c: {"y": 5.0 - 0.1 * float(c["a"])} if c["kind"] == "x" else hill(c), seed=2)
    short_search = measured(mission, "1", [[Measurement(outcomes={"y": 9.0})] * 3] * 12, seed=0)
    report = build(state, short_search, None, NOW)
    assert "only a longer reference could tell" in report.headline.en
    assert "times fewer" not in report.headline.en
    assert len(report.sentences) == 2


def test_an_estimate_is_called_one_wherever_it_shows() -> None:
    mission = make_mission(budget={"experiments": 15}, stop_when_reached=False)
    state = run_in_memory(mission, hill, lab_is_physical=True)
    report = build(state, estimate(state, GaussianProcess()), GaussianProcess(), NOW)
    assert report.gain is not None
    assert report.gain.headline is not None
    assert report.gain.headline.reference == "estimate"
    assert "estimate" in report.headline.en
    assert "추정" in report.headline.ko
    assert any("estimate" in note.en for note in report.notes)


def test_the_closed_form_says_the_chance_of_a_random_search() -> None:
    space = {"factors": [{"name": "k", "type": "integer", "low": 1, "high": 60}]}
    mission = make_mission(space=space, objectives=[{"name": "y", "goal": "minimize", "unit": "1", "target": 6}])
    lab = lambda c: {"y": float(c["k"])}  # noqa: E731
    every = [Measurement(outcomes=lab(row)) for row in mission.space.to_rows(mission.space.points)]  # type: ignore[arg-type]
    state = run_in_memory(mission, lab, seed=1)
    report = build(state, closed_form(mission, "1", every), None, NOW)
    assert report.progress.band is not None
    assert len(report.progress.band.expected) == len(report.progress.band.n)
    assert report.target_reached
    assert any("The chance that one random search is as fast" in text.en for text in report.sentences)
    known = baseline(closed_form(mission, "1", every), mission.problem)
    assert report.progress.band.median[0] == number(-float(known.band(1)[0, 0]))


def test_failures_are_grouped_by_kind_and_reason() -> None:
    def moody(conditions: Mapping[str, Value]) -> Any:
        if float(conditions["a"] or 0) < 0.3:
            return Failure(kind="infeasible", reason="too cold")
        if conditions["kind"] == "z":
            raise ValueError("broke")
        return hill(conditions)

    report = make_report(make_mission(stop_when_reached=False), moody)
    assert sum(group.n for group in report.failures) == report.n_failed
    assert {reason.en for group in report.failures for reason, _ in group.reasons} == {"too cold", "broke"}
    numbers = sorted(n for group in report.failures for _, listed in group.reasons for n in listed)
    assert numbers == [row.number for row in report.experiments if row.failure is not None]


@pytest.mark.parametrize(("n", "limit"), [(50, 2.0), (1000, 5.0)])
def test_a_report_is_made_in_time(n: int, limit: float) -> None:
    mission = make_mission(budget={"experiments": n}, stop_when_reached=False)
    state, reference = run_in_memory(mission, hill), make_reference(mission)
    begun = time.process_time()
    build(state, reference, GaussianProcess(), NOW)
    assert time.process_time() - begun < limit


# The sheet --------------------------------------------------------------------------------------------------------


def test_a_sheet_cannot_carry_a_formula() -> None:
    levels = ["=1+1", "@SUM(A1)", "-x"]
    factors = [{"name": "k", "type": "categorical", "levels": levels}]
    report = build(run_in_memory(make_mission(space={"factors": factors}), lambda _: {"y": -1.5}), None, None, NOW)
    text = to_csv(report)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert {row["k"] for row in rows} <= {f"'{level}" for level in levels}
    assert {row["y [min]"] for row in rows} == {"-1.5"}


# The page ---------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects what a reader, seeing or not, depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._in_script = tag == "script" and "type" not in found
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def rendered() -> str:
    mission = two_objectives(title=NASTY, budget={"experiments": 15})
    return page.render(build(run_in_memory(mission, both), make_reference(mission, both), GaussianProcess(), NOW), "ko")


@pytest.fixture(scope="module")
def reader(rendered: str) -> Reader:
    found = Reader()
    found.feed(rendered)
    return found


def test_the_page_fetches_nothing(reader: Reader) -> None:
    for tag, attributes in reader.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, value)


def test_only_the_pages_own_scripts_may_run(reader: Reader) -> None:
    policy = next(m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy") or ""
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in reader.scripts}
    assert hashes == allowed
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_words_of_others_cannot_become_markup(rendered: str) -> None:
    assert NASTY not in rendered
    assert "&lt;script&gt;alert" in rendered


def test_headings_go_down_one_level_at_a_time_under_one_title(reader: Reader) -> None:
    assert reader.headings.count(1) == 1
    assert reader.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(reader.headings, reader.headings[1:], strict=False))


def test_a_screen_reader_finds_language_landmarks_and_a_way_past_the_top(reader: Reader) -> None:
    assert reader.all("html")[0]["lang"] == "ko"
    assert [len(reader.all(tag)) for tag in ("main", "header", "footer")] == [1, 1, 1]
    assert any(a.get("href") == "#main" for a in reader.all("a"))
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {(a.get("href") or "").removeprefix("#") for a in reader.all("a")}
    assert targets <= set(ids)


def test_every_picture_has_words_and_every_table_a_caption_and_scopes(reader: Reader) -> None:
    pictures = [a for _, a in reader.tags if a.get("role") == "img"]
    assert pictures
    assert all(a.get("aria-label") for a in pictures)
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all(th.get("scope") in ("row", "col") for th in reader.all("th"))


def test_everything_is_there_without_scripts(rendered: str) -> None:
    still = re.sub(r"<script.*?</script>", "", rendered, flags=re.DOTALL)
    assert still.count("<svg") >= 8
    assert "파레토 전선" in still
    assert still.count('<tr class="') == 15


def test_plotlys_python_package_is_never_imported(rendered: str) -> None:
    assert rendered
    assert not any(name == "plotly" or name.startswith("plotly.") for name in sys.modules)


def test_without_plotly_the_page_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page._plotly_js.cache_clear()
    monkeypatch.setattr(page, "find_spec", lambda _: None)
    with pytest.raises(MissingPart, match="plotly") as caught:
        page.render(make_report(), "en")
    assert "kgenesis[report]" in caught.value.in_("en")


def test_without_jinja_the_page_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingPart, match="jinja2"):
        page.render(make_report(), "en")


@pytest.mark.parametrize(
    ("value", "text"),
    [(24.1, "24.1"), (0.0, "0"), (-0.5, "−0.5"), (123456.0, "123,456"), (None, "–"), (math.nan, "–"), (1e-9, "1e-09")],
)
def test_numbers_are_written_as_people_read_them(value: float | None, text: str) -> None:
    assert short(value) == text
