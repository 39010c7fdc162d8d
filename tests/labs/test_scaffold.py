"""`kgenesis new lab`: the skeleton works before a line of it is changed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from kgenesis.kernel.errors import BadInput, Refused
from kgenesis.labs.scaffold import write_lab_plugin


def test_the_skeleton_names_one_lab_everywhere(tmp_path: Path) -> None:
    folder = write_lab_plugin("tube-furnace", tmp_path)
    assert folder.name == "kgenesis-tube-furnace"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["kgenesis.labs"] == {"tube-furnace": "kgenesis_tube_furnace.lab:make_lab"}
    mission = yaml.safe_load((folder / "src/kgenesis_tube_furnace/tube-furnace.yaml").read_text(encoding="utf-8"))
    assert mission["lab"]["name"] == "tube-furnace"
    assert {file.name for file in folder.rglob("*.md")} == {"README.md", "README.ko.md"}
    assert not [file for file in folder.rglob("*") if file.is_file() and "$" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", ["", "Furnace", "9lives", "a--b", "a_b", "../x", "a b", "-a", "class"])
def test_a_name_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        write_lab_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    write_lab_plugin("furnace", tmp_path)
    with pytest.raises(Refused):
        write_lab_plugin("furnace", tmp_path)


@pytest.mark.slow
def test_the_skeleton_installs_and_passes_its_own_conformance_suite(tmp_path: Path) -> None:
    folder = write_lab_plugin("tube-furnace", tmp_path)
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([*pip, str(folder)], check=True, capture_output=True)
    paths = [str(site), *(path for path in sys.path if path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "tests"]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    entry = (
        "from kgenesis.kernel.plugins import load_plugin; from pathlib import Path;"
        "print(load_plugin('labs', 'tube-furnace').__module__, Path(load_plugin('missions', 'tube-furnace')).is_file())"
    )
    found = subprocess.run([sys.executable, "-c", entry], env=environment, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["kgenesis_tube_furnace.lab", "True"]
