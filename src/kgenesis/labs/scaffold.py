"""Write the skeleton of a lab plug-in: a package that passes the conformance suite before a line of it is changed."""

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from kgenesis.kernel.errors import BadInput, Refused
from kgenesis.kernel.text import say

NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")

PLACES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "README.ko.md": "README.ko.md",
    "__init__.py": "src/{module}/__init__.py",
    "lab.py": "src/{module}/lab.py",
    "mission.yaml": "src/{module}/{name}.yaml",
    "test_lab.py": "tests/test_lab.py",
}
"""Template → where it goes in the plug-in's folder."""


def write_lab_plugin(name: str, folder: Path) -> Path:
    """Write a complete plug-in package for a new lab and return its folder.

    Args:
        name: the lab's name, as missions will say it: lower-case letters, digits, single hyphens.
        folder: where the plug-in's own folder `kgenesis-NAME` is made.

    Raises:
        BadInput: the name is not of that form.
        Refused: there is already something in that folder.
    """
    if not NAME.match(name) or keyword.iskeyword(name):
        raise BadInput(
            say(f"{name!r} cannot be a lab's name", f"{name!r}은(는) 실험실 이름이 될 수 없습니다"),
            hint=say(
                "Use lower-case letters, digits and single hyphens, e.g. `tube-furnace`.",
                "영문 소문자, 숫자, 하이픈만 쓰세요(예: `tube-furnace`).",
            ),
        )
    name = name.removeprefix("kgenesis-")
    distribution = f"kgenesis-{name}"
    module = distribution.replace("-", "_")
    target = folder / distribution
    if target.exists() and any(target.iterdir()):
        raise Refused(
            say(f"{target} is not empty", f"{target}이(가) 비어 있지 않습니다"),
            hint=say("Choose another name or folder.", "다른 이름이나 폴더를 고르세요."),
        )
    templates = files("kgenesis.labs") / "template"
    for template, place in PLACES.items():
        text = (templates / f"{template}.template").read_text(encoding="utf-8")
        path = target / place.format(module=module, name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # not safe_substitute: a place nobody fills is a mistake in the template
        path.write_text(
            Template(text).substitute(name=name, module=module, distribution=distribution), encoding="utf-8"
        )
    return target
