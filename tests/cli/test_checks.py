"""Every built-in laboratory agrees with what is known of it: published values, closed forms, balances."""

import json

import pytest

from kgenesis.app.checks import check_lab
from kgenesis.app.mission_files import builtin_missions
from kgenesis.kernel.errors import NotFound


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(builtin_missions()))
def test_a_built_in_laboratory_agrees_with_what_is_known(name: str) -> None:
    done = list(check_lab(name))
    assert done, "nothing says why this laboratory should be believed"
    for check in done:
        assert check["holds"], check
        assert not check["expected"] or check["tolerance"] < abs(check["expected"]), f"this check cannot fail: {check}"
        assert check["source"], check
        assert check["what"]["ko"] != check["what"]["en"], check


def test_a_mission_that_does_not_exist_has_no_laboratory() -> None:
    with pytest.raises(NotFound):
        list(check_lab("perpetual-motion"))


def test_verify_says_what_agrees_in_both_languages(cli) -> None:
    said = cli.inside("mission", "verify", "kem-parameters")
    assert "agrees" in said.stdout
    assert "≈" in said.stdout
    assert "일치" in cli.inside("mission", "verify", "kem-parameters", lang="ko").stdout
    data = json.loads(cli.inside("mission", "verify", "kem-parameters", "--json").stdout)
    assert data["holds"] is True
    assert len(data["checks"]) > 3
