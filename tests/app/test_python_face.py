"""The Python face, as a researcher would type it."""

import pandas
import polars
import pytest

from kgenesis import Campaign, KGenesisError, Mission, load_mission, open_campaign, run

TOY = {
    "name": "toy",
    "title": "Toy",
    "space": {
        "factors": [
            {"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"},
            {"type": "categorical", "name": "s", "levels": ["a", "b"]},
        ]
    },
    "objectives": [{"name": "y", "goal": "maximize", "unit": "1", "target": 0.999}],
    "budget": {"experiments": 12},
}


def height(conditions):
    return {"y": 1 - (conditions["x"] - 0.3) ** 2 - (0.2 if conditions["s"] == "a" else 0)}


@pytest.fixture
def store(tmp_path):
    return tmp_path / "kgenesis.db"


def test_a_function_is_optimised_and_the_campaign_can_be_read_again(store, tmp_path):
    campaign = run(TOY, height, store=store, seed=1, progress=False)
    assert campaign.state.stopped == "reached"
    assert campaign.best is not None
    assert campaign.best["s"] == "b"
    assert campaign.best["x"] == pytest.approx(0.3, abs=0.05)
    again = Campaign.resume(campaign.id, store=store)
    assert again.experiments == campaign.experiments
    page = campaign.report(tmp_path / "report.html", lang="ko")
    assert page == (tmp_path / "report.html").resolve()
    assert 'lang="ko"' in page.read_text(encoding="utf-8")
    assert "<iframe" in campaign._repr_html_()


def test_the_same_seed_gives_the_same_campaign(store):
    first, second = (run(TOY, height, store=store, seed=5, progress=False) for _ in range(2))
    conditions = [[{k: e[k] for k in ("x", "s")} for e in c.experiments] for c in (first, second)]
    assert conditions[0] == conditions[1]
    assert first.id != second.id


def test_an_exception_in_the_function_is_a_failed_experiment(store):
    def fails_for_a(conditions):
        if conditions["s"] == "a":
            raise RuntimeError("the pump stopped")
        return height(conditions)

    campaign = run(TOY, fails_for_a, store=store, seed=2, progress=False)
    failed = [e for e in campaign.experiments if e["status"] == "failed"]
    assert all("the pump stopped" in e["reason"] for e in failed)
    assert {e["s"] for e in campaign.experiments if e["status"] == "measured"} == {"b"}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_proposals_and_results_travel_as_dataframes(store, library):
    campaign = open_campaign(TOY, store=store)
    frame = campaign.propose(3, frame=library)
    assert isinstance(frame, {"pandas": pandas, "polars": polars}[library].DataFrame)
    values = [0.5, 0.6, None]
    frame = frame.assign(y=values) if library == "pandas" else frame.with_columns(polars.Series("y", values))
    assert len(campaign.record(frame).answered) == 2
    assert campaign.state.n_measured == 2
    assert campaign.to_frame(library).shape[0] == 3


def test_a_frame_as_it_comes_from_elsewhere_is_recorded(store):
    rows = {
        "x": [0.25, 0.5, 0.75],
        "s": ["a", "b", "b"],
        "y": [0.5, float("nan"), 0.25],
        "failure": [None, "crashed", None],
    }
    frames = [
        pandas.DataFrame(rows).astype({"s": "category", "y": "Float64", "failure": "string"}),
        polars.DataFrame(rows),
        polars.LazyFrame(rows).with_columns(polars.col("s").cast(polars.Categorical)),
    ]
    for frame in frames:
        campaign = open_campaign(TOY, store=store)
        assert len(campaign.record(frame).added) == 3
        assert [e["status"] for e in campaign.experiments] == ["measured", "failed", "measured"]
        assert [e.get("y") for e in campaign.experiments] == [0.5, None, 0.25]


def test_a_frame_library_that_is_unknown_is_refused_before_anything_is_proposed(store):
    campaign = open_campaign(TOY, store=store)
    with pytest.raises(KGenesisError, match="neither pandas nor polars"):
        campaign.propose(1, frame="spark")
    assert campaign.experiments == []


def test_results_come_in_any_order_and_unasked(store):
    campaign = open_campaign(TOY, store=store)
    proposals = campaign.propose(2)
    told = campaign.record([
        {"experiment": proposals[1]["experiment"], "y": 0.5, "y sem": 0.1, "y n": 3},
        {"x": 0.25, "s": "b", "y": 0.75},
    ])  # fmt: skip
    assert (len(told.answered), len(told.added)) == (1, 1)
    assert campaign.best == {**campaign.best, "x": 0.25, "y": 0.75}


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": 3, "s": "b", "y": 1},
        {"x": 0.1, "s": "c", "y": 1},
        {"x": 0.1, "s": "b", "y": float("inf")},
        {"x": 0.1, "s": "b", "height": 1},
        {"experiment": "exp_unknown_00001", "y": 1},
        {"x": 0.1, "s": "b"},
    ],
)
def test_wrong_results_are_refused_whole(store, wrong):
    campaign = open_campaign(TOY, store=store)
    before = campaign.state.version
    with pytest.raises(KGenesisError):
        campaign.record([{"x": 0.5, "s": "b", "y": 0.5}, wrong])
    assert Campaign.resume(campaign.id, store=store).state.version == before


def test_a_result_is_taken_once(store):
    campaign = open_campaign(TOY, store=store)
    (proposal,) = campaign.propose(1)
    result = {"experiment": proposal["experiment"], "y": 0.5}
    campaign.record(result)
    with pytest.raises(KGenesisError, match="result"):
        campaign.record(result)


def test_a_fixed_value_is_kept_and_a_wrong_one_refused(store):
    campaign = open_campaign(TOY, store=store)
    assert {p["s"] for p in campaign.propose(4, fixed={"s": "a"})} == {"a"}
    with pytest.raises(KGenesisError, match="no such factor"):
        campaign.propose(1, fixed={"t": 1})


def test_a_mission_is_checked_however_it_is_given(tmp_path):
    assert isinstance(load_mission(TOY), Mission)
    with pytest.raises(KGenesisError, match="budget"):
        load_mission({**TOY, "budget": {"experiments": 0}})
    with pytest.raises(KGenesisError, match="no file"):
        load_mission(tmp_path / "none.yaml")


def test_last_is_the_campaign_opened_last_also_within_one_second(store):
    opened = [open_campaign(TOY, store=store).id for _ in range(6)]
    assert Campaign.resume("last", store=store).id == opened[-1]
