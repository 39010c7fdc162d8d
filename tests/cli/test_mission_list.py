"""`kgenesis mission list`: every mission there is, quickly and without loading a simulator."""

import json
import subprocess
import sys

from kgenesis.kernel.plugins import installed

KEYS = {
    "name", "title", "field", "technology", "lab", "available", "why_not", "remedy", "state", "id", "source",
}  # fmt: skip


def test_every_built_in_mission_is_listed_with_what_it_serves_and_whether_it_runs_here(cli):
    found = cli.json("mission", "list")["missions"]
    assert [mission["name"] for mission in found] == list(installed("missions"))
    for mission in found:
        assert set(mission) == KEYS
        assert mission["field"]
        assert mission["technology"]
        assert mission["lab"] in installed("labs")
        assert mission["title"]["en"] != mission["title"]["ko"]
        assert mission["available"] == (mission["why_not"] is None)
        assert mission["state"] is None
    assert not cli.store.exists()


def test_a_mission_file_of_ones_own_is_listed_once_a_campaign_followed_it(cli, mission):
    cli("run", mission, "--quiet", "--no-report")
    own = cli.json("mission", "list")["missions"][-1]
    assert (own["name"], own["lab"], own["available"]) == ("a-valley", "synthetic", True)
    assert own["source"].startswith("cmp_")
    assert "골짜기" in cli("mission", "list", "--lang", "ko").stdout


def test_a_mission_whose_package_is_missing_says_how_to_get_it(cli):
    code = (
        "import sys, importlib.metadata as m\n"
        "whole = m.version\n"
        "def version(name):\n"
        "    if name == 'pybamm': raise m.PackageNotFoundError(name)\n"
        "    return whole(name)\n"
        "m.version = version\n"
        "from kgenesis.cli import main\n"
        "sys.exit(main(['mission', 'list', '--json']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.env, capture_output=True, text=True, check=True)
    found = {mission["name"]: mission for mission in json.loads(done.stdout)["missions"]}
    battery = found["battery-fast-charge"]
    assert not battery["available"]
    assert "pip install 'kgenesis[battery]'" in battery["remedy"]["en"]
    assert battery["why_not"]["ko"] != battery["why_not"]["en"]


def test_no_simulator_is_loaded_for_the_list(cli):
    code = (
        "import sys\nfrom kgenesis.cli import main\nassert main(['mission', 'list', '--json']) == 0\n"
        "heavy = {'pybamm', 'casadi', 'torch', 'sklearn', 'rdkit', 'cobra', 'qutip', 'mujoco', 'cantera', 'pint', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.env, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
