"""Earlier campaigns and tables: read in the mission's terms, copied into the store, refused with the reason."""

from pathlib import Path
from typing import Any

import pytest

from kgenesis import Campaign, KGenesisError, open_campaign, run
from kgenesis.kernel.experiment import Value

TOY: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "space": {
        "factors": [
            {"type": "real", "name": "temperature", "low": 20, "high": 80, "unit": "degC"},
            {"type": "categorical", "name": "solvent", "levels": ["water", "EtOH"]},
        ]
    },
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "budget": {"experiments": 6},
}


def measure(conditions: dict[str, Value]) -> dict[str, float]:
    t = float(conditions["temperature"] or 0.0)
    return {"yield": 90 - (t - 55) ** 2 / 20 - (10 if conditions["solvent"] == "water" else 0)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


def table(folder: Path, text: str) -> str:
    path = folder / "pilot.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_campaign_learns_from_another_of_the_same_store(store: Path) -> None:
    pilot = run(TOY | {"name": "pilot", "budget": {"experiments": 20}}, measure, store=store, seed=3, progress=False)
    assert pilot.best is not None
    follow = open_campaign(TOY | {"earlier": ["pilot"]}, store=store)
    (first,) = follow.propose()
    assert first["temperature"] == pilot.best["temperature"]
    assert first["solvent"] == pilot.best["solvent"]
    (source,) = follow.state.earlier
    assert len(source.history) == 20
    assert Campaign.resume(follow.id, store=store).state.earlier == follow.state.earlier
    assert "20 earlier experiments of pilot" in " ".join(note.en for note in follow.make_report().notes)


def test_a_table_is_read_with_its_units_and_names_and_every_row_left_out_is_named(store: Path, tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "T [K],solvent,yield [percent],yield sem,operator\n"
        "328.15,EtOH,88,1,Kim\n333.15,MeCN,70,,Lee\n,EtOH,50,,Lee\n500,EtOH,10,,Kim\n320,EtOH,,,Kim\n315,water,x,,Kim\n",
    )
    source = {"path": path, "name": "pilot", "rename": {"T": "temperature"}}
    campaign = open_campaign(TOY | {"earlier": [source]}, store=store)
    (taken,) = campaign.state.taken
    assert [e.conditions["temperature"] for e in taken.experiments] == pytest.approx([55.0, 60.0])
    assert taken.experiments[0].outcomes["yield"].sem == 1.0
    assert taken.ignored == ("operator",)
    why = {left.id: left.why.en for left in taken.left_out}
    assert "missing" in why["pilot.csv:4"]
    assert "too far" in why["pilot.csv:5"]
    assert "none of the outcomes" in why["pilot.csv:6"]
    assert "number is due" in why["pilot.csv:7"]


def test_the_store_keeps_its_own_copy(store: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "temperature,solvent,yield\n50,EtOH,80\n40,EtOH,70\n")
    campaign = open_campaign(TOY | {"earlier": [path]}, store=store)
    Path(path).unlink()
    again = Campaign.resume(campaign.id, store=store)
    assert again.state.earlier == campaign.state.earlier
    (proposed,) = again.propose()
    assert (proposed["temperature"], proposed["solvent"]) == (50.0, "EtOH")


def test_what_campaign_export_writes_can_be_learned_from(store: Path, tmp_path: Path) -> None:
    from kgenesis.app.export import export_campaign
    from kgenesis.app.platform import open_platform

    pilot = run(TOY, measure, store=store, progress=False)
    path = tmp_path / "export.csv"
    export_campaign(open_platform(str(store)), pilot.state, path, "en")
    follow = open_campaign(TOY | {"earlier": [str(path)]}, store=store)
    assert [o.conditions for o in follow.state.earlier[0].history] == [
        {k: e[k] for k in ("temperature", "solvent")} for e in pilot.experiments
    ]


def test_a_factor_nobody_speaks_of_is_refused_until_its_value_is_stated(store: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "temperature,yield\n50,80\n40,70\n")
    with pytest.raises(KGenesisError, match="does not say what 'solvent' was") as refused:
        open_campaign(TOY | {"earlier": [path]}, store=store)
    assert "assume: {solvent" in str(refused.value)
    campaign = open_campaign(TOY | {"earlier": [{"path": path, "assume": {"solvent": "EtOH"}}]}, store=store)
    assert {o.conditions["solvent"] for o in campaign.state.earlier[0].history} == {"EtOH"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"path": "pilot.csv", "rename": {"yield": "nonsense"}}, "none of its 2 experiments can be used"),
        ({"path": "missing.csv"}, "cannot be read"),
        ("nobody", "no campaign is called 'nobody'"),
        ({"path": "pilot.csv", "assume": {"pressure": 1}}, "no factor is called 'pressure'"),
        ({"campaign": "a", "path": "b.csv"}, "give a `campaign` or a `path`"),
        ({"path": "pilot.csv", "rename": {"temperature": "yield"}}, "two columns are 'yield'"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_before_anything_is_written(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "temperature,solvent,yield\n50,EtOH,80\n40,EtOH,70\n")
    with pytest.raises(KGenesisError, match=said):
        open_campaign(TOY | {"earlier": [source]}, store=store)
    with pytest.raises(KGenesisError):
        Campaign.resume("last", store=store)
