"""Units are known, converted, and never computed without end."""

import pytest

from kgenesis.kernel.errors import UnitMismatch
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.units import check_unit, check_units, convert


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "1",
        "degC",
        "%",
        "percent",
        "mAh",
        "mol/L",
        "W/m^2/K",
        "m²",
        "MPa*m^0.5",
        "1/s",
        "µm",
        "Ω",
        "원",
        "KRW/kg",
        "C_rate",
        "mmHg",
    ],
)
def test_what_people_write_is_known(unit):
    check_unit(unit)


@pytest.mark.parametrize(
    "unit",
    ["9**9**9", "m**9**9**9", "9⁹⁹⁹**9⁹", "(m**9)**9", "9**(9**9)", "m**9999999", "m" * 61, "5 m", "furlongz", "1/0", "(", "nan",
     "__import__('os')"],
)  # fmt: skip
def test_what_is_no_unit_is_refused_at_once_with_a_short_message(unit):
    with pytest.raises(UnitMismatch, match="is not known") as caught:
        check_unit(unit)
    assert len(caught.value.detail.en) < 120


@pytest.mark.parametrize(
    ("value", "given", "wanted", "expected"),
    [
        (298.15, "K", "degC", 25),
        (50, "percent", "1", 0.5),
        (2, "h", "min", 120),
        (5, "1", "", 5),
        (77, "degF", "degC", 25),
    ],
)
def test_values_are_converted(value, given, wanted, expected):
    assert convert(value, given, wanted) == pytest.approx(expected)


def test_units_of_another_kind_are_refused():
    with pytest.raises(UnitMismatch, match="cannot be read as"):
        convert(1, "min", "degC")


def test_a_problem_names_every_unit_that_is_wrong():
    def problem(unit="degC", outcome="mAh", bound=None):
        return Problem.model_validate({
            "space": {"factors": [{"type": "real", "name": "x", "low": 0, "high": 1, "unit": unit}]},
            "objectives": [{"name": "y", "goal": "maximize", "unit": outcome}],
            "outcome_constraints": [{"outcome": "y", "at_least": 1, "unit": bound}] if bound else [],
        })  # fmt: skip

    assert check_units(problem()) == []
    assert [m.field for m in check_units(problem(unit="gradC", outcome="Ahh"))] == ["x", "y"]
    (mistake,) = check_units(problem(bound="Ah"))
    assert "write both in one unit" in mistake.text.en
