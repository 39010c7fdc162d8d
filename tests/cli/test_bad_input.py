"""Bad input: refused whole, with code, file, line and field, exit code 2, and nothing written."""

import json
import os

import pytest
from program import MISSION

FACTOR = "    - {name: x2, type: real, low: 0, high: 15, unit: mm}\n"
LAB = "lab: {name: synthetic, settings: {function: branin}}\n"

CASES = {
    "an unknown key": (("planner: random", "plannner: random"), "spec.invalid", 11, "plannner"),
    "a key given twice": (("planner: random", "planner: random\nplanner: sobol"), "spec.invalid", 12, ""),
    "broken YAML": (("planner: random", "planner: [random"), "spec.invalid", None, ""),
    "a missing unit": ((", unit: MPa}", "}"), "spec.invalid", 9, "objectives[0].unit"),
    "a unit nobody knows": (("unit: MPa", "unit: furlongz"), "spec.invalid", None, "value"),
    "reversed bounds": (("low: 0, high: 15", "low: 15, high: 0"), "spec.invalid", 7, "space.factors[1]"),
    "a number in words": (("high: 15", "high: many"), "spec.invalid", 7, "space.factors[1].high"),
    "no level": (
        (FACTOR, FACTOR + "    - {name: c, type: categorical, levels: []}\n"),
        "spec.invalid", 8, "space.factors[2].levels",
    ),
    "a mixture that cannot sum": (
        (FACTOR, FACTOR + "    - {name: m, type: mixture, components: [{name: a, high: 0.2}, {name: b, high: 0.3}]}\n"),
        "spec.invalid", 8, "space.factors[2]",
    ),
    "no feasible point": (
        (FACTOR, FACTOR + '  constraints:\n    - {type: expression, expression: "x1 + x2 > 1000"}\n'),
        "space.infeasible", None, "",
    ),
    "an expression that runs code": (
        (FACTOR, FACTOR + "  constraints:\n    - {type: expression, expression: \"__import__('os').name == x1\"}\n"),
        None, None, "space",
    ),
    "a target on the wrong side": (
        ("unit: MPa}", "unit: MPa, target: 5, threshold: 1}"), "spec.invalid", 9, "objectives[0]",
    ),
    "two factors of one name": (("name: x2", "name: x1"), "spec.invalid", None, "space"),
    "no budget": (("experiments: 6", "experiments: 0"), "spec.invalid", 12, "budget.experiments"),
    "infinity": (("high: 15", "high: .inf"), "spec.invalid", 7, "space.factors[1].high"),
    "an unknown lab": (("name: synthetic", "name: moon-base"), "plugin.unknown", None, ""),
    "an unknown planner": (("planner: random", "planner: oracle"), "plugin.unknown", None, ""),
    "a lab's setting that does not exist": (("function: branin", "function: branin, speed: 3"), None, None, "speed"),
    "an outcome the lab does not measure": (("name: value", "name: price"), "spec.invalid", None, "objectives"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bad_mission_is_refused_before_anything_is_written(cli, changed, case):
    pair, code, line, field = CASES[case]
    file = cli.write(changed(pair))
    done = cli.inside("run", file, rc=2)
    assert "Traceback" not in done.stderr
    if code is not None:
        assert done.stderr.startswith(f"[{code}]"), done.stderr
    if line is not None:
        assert f"{file}:{line}:" in done.stderr, done.stderr
    assert field in done.stderr, done.stderr
    assert "→" in done.stderr
    assert [p.name for p in cli.folder.iterdir()] == [file]


def test_the_real_program_refuses_as_well(cli, changed):
    file = cli.write(changed(("planner: random", "plannner: random")))
    said = cli("run", file, rc=2).stderr
    assert said.startswith("[spec.invalid]")
    assert f"{file}:11: plannner" in said
    assert [p.name for p in cli.folder.iterdir()] == [file]


def test_the_message_comes_in_korean_too(cli, changed):
    file = cli.write(changed(("high: 15", "high: many")))
    said = cli.inside("run", file, rc=2, lang="ko").stderr
    assert "수가 필요합니다" in said
    assert f"{file}:7" in said


@pytest.mark.parametrize(
    ("options", "field"),
    [(["--budget", "0"], "budget.experiments"), (["--planner", "oracle"], "oracle")],
)
def test_a_bad_option_names_what_it_replaces(cli, mission, options, field):
    assert field in cli.inside("run", mission, *options, rc=2).stderr
    assert not cli.store.exists()


def test_a_mission_that_does_not_exist_says_what_there_is(cli):
    said = cli.inside("run", "batery-fast-charge", rc=2).stderr
    assert "did you mean 'battery-fast-charge'" in said
    assert not cli.store.exists()


@pytest.mark.parametrize(
    "command",
    [
        ["campaign", "show", "last"],
        ["campaign", "log", "last"],
        ["campaign", "resume", "last"],
        ["campaign", "stop", "last"],
        ["campaign", "report", "last"],
        ["campaign", "export", "last", "-o", "all"],
        ["suggest", "cmp_nothing"],
        ["record", "cmp_nothing", "sheet.csv"],
    ],
)
def test_a_campaign_that_does_not_exist_makes_no_store(cli, command):
    assert cli.inside(*command, rc=2).stderr.startswith("[not-found]")
    assert list(cli.folder.iterdir()) == []


def test_a_store_in_a_folder_that_is_read_only_is_said(cli, mission):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    locked = cli.folder / "locked"
    locked.mkdir(mode=0o555)
    said = cli.inside("run", mission, "--store", str(locked / "s.db"), rc=1).stderr
    assert said.startswith("[store.unavailable]")


def test_a_file_that_is_no_store_is_left_as_it_is(cli, mission):
    cli.store.write_bytes(b"this is somebody's diary, not a database" * 100)
    before = cli.store.read_bytes()
    said = cli.inside("run", mission, rc=1).stderr
    assert said.startswith("[store.corrupted]"), said
    assert cli.store.read_bytes() == before


def test_an_address_of_another_kind_of_database_is_bad_input(cli, mission):
    assert "postgresql" in cli.inside("run", mission, "--store", "mysql://host/db", rc=2).stderr


def test_the_mission_all_cases_start_from_is_good(cli):
    """Otherwise the cases above could be refused for another reason than their own."""
    said = cli.inside("run", cli.write(MISSION), "--no-report", "--json").stdout
    assert json.loads(said)["experiments"]["measured"] == 6
