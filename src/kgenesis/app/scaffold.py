"""What a person starts from: a mission file with comments, the skeleton of a lab, the schema that editors use."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel

from kgenesis.campaign.spec import SCHEMA_VERSION, Mission
from kgenesis.kernel.errors import BadInput
from kgenesis.kernel.text import Lang, say
from kgenesis.labs import write_lab_plugin
from kgenesis.missions.spec import Charter

LabKind = Literal["synthetic", "people", "table", "command", "python"]
KINDS: tuple[LabKind, ...] = get_args(LabKind)

_MARKED = re.compile(r"^(\s*)#(en|ko) (.*)$")
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")


def write_mission(path: Path, lab: LabKind, lang: Lang, *, may_replace: bool = False) -> list[Path]:
    """Write a commented mission file that runs as it is, and what its lab needs beside it; return the files.

    Args:
        path: the mission file.
        lab: where the example's experiments are done.
        lang: of the comments.
        may_replace: write over files that exist.

    Raises:
        BadInput: a file exists already; then none is written.
    """
    name = _NOT_IN_A_SLUG.sub("-", path.stem.lower()).strip("-")[:80] or "my-mission"
    texts = dict(_mission_files(path, name, lab, lang))
    existing = [file for file in texts if file.exists()]
    if existing and not may_replace:
        raise BadInput(
            say(f"{existing[0]} exists already", f"{existing[0]}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    return list(texts)


def _mission_files(path: Path, name: str, lab: LabKind, lang: Lang) -> Iterator[tuple[Path, str]]:
    module = name.replace("-", "_")
    if module[0].isdigit():
        module = f"lab_{module}"
    is_synthetic = lab == "synthetic"
    a, b, bound, low = ("x1", "x2", 20, -5) if is_synthetic else ("temperature", "time", 250, 20)
    start = "{x1: 3.1, x2: 2.3}" if is_synthetic else "{temperature: 60, time: 30}"
    if lab == "people":
        start = "{temperature: 60, time: 30, catalyst: A}"
    constraints = _template("constraints.yaml").format(a=a, b=b, bound=bound, low=low)
    body = _template(f"{lab}.yaml").format(constraints=constraints, name=name, module=module, file=path.name)
    tail = _template("tail.yaml").format(budget=40, parallel=1, start=start)
    yield path, in_language(_template("head.yaml").format(name=name) + body + tail, lang)
    if lab == "table":
        yield path.with_name(f"{name}.csv"), _example_table()
    elif lab in {"command", "python"}:
        yield path.with_name(f"{module}.py"), in_language(_template(f"{lab}.py"), lang)


def _template(name: str) -> str:
    return (files("kgenesis.app") / "templates" / name).read_text(encoding="utf-8")


def in_language(text: str, lang: Lang) -> str:
    """Return a template with the comments marked `#en` or `#ko` of one language, without the mark."""
    lines = []
    for line in text.splitlines():
        match = _MARKED.match(line)
        if match is None:
            lines.append(line)
        elif match.group(2) == lang:
            lines.append(f"{match.group(1)}# {match.group(3)}")
    return "\n".join(lines) + "\n"


def _example_table() -> str:
    """Return a table of 96 experiments."""
    rows = ["temperature,time,yield"]
    for temperature in range(20, 91, 10):
        for time in range(10, 121, 10):
            found = 95 - 0.02 * (temperature - 63) ** 2 - 0.004 * (time - 70) ** 2
            rows.append(f"{temperature},{time},{max(found, 0.0):.2f}")
    return "\n".join(rows) + "\n"


def write_lab(name: str, folder: Path) -> Path:
    """Write a plug-in package for a new lab and return its folder.

    Raises:
        BadInput: the name cannot be a lab's.
        Refused: there is already something in that folder.
    """
    return write_lab_plugin(name, folder)


# ---- the schema ---------------------------------------------------------------------------------------------------


def mission_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a mission file, with a description of every field."""
    return _schema(Mission, "mission")


def charter_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a charter, with a description of every field."""
    return _schema(Charter, "charter")


def _schema(model: type[BaseModel], name_of_it: str) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    described = {part.__name__: part for part in _models(model)}
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        if name in described:
            _describe(part, described[name])
    schema["$defs"] = {name: _let_short_forms(name, part) for name, part in schema["$defs"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:kgenesis:schema:{name_of_it}:{SCHEMA_VERSION}",
        **schema,
        "title": f"K-Genesis {name_of_it}",
    }


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return a model and all models within its fields."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = [model]
    while waiting:
        item = waiting.pop()
        if inspect.isclass(item) and issubclass(item, BaseModel):
            if item not in found:
                found.add(item)
                waiting += [field.annotation for field in item.model_fields.values()]
                waiting += [part for field in item.model_fields.values() for part in field.metadata]
        else:
            waiting += get_args(item)
    return found


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    """Add the docstrings under the fields; pydantic can do it, too, but at every import, which costs 0.1 s."""
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            for name, text in _docstrings(base).items():
                if name in part.get("properties", {}):
                    part["properties"][name].setdefault("description", text)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each field of a class body."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = inspect.cleandoc(text.value.value).replace("\n", " ")
    return found


_SHORT_FORMS: dict[str, dict[str, Any]] = {
    "Choice": {"type": "string", "minLength": 1, "description": "The name of a plug-in."},
    "Text": {"type": "string", "description": "One text for both languages."},
    "Cost": {"type": "number", "minimum": 0, "description": "The cost of one experiment."},
    "Candidates": {"type": "string", "description": "Path of a CSV or Parquet file."},
}
"""What people may write instead of a mapping; the validators that allow it are invisible to pydantic's schema."""


def _let_short_forms(name: str, part: dict[str, Any]) -> dict[str, Any]:
    if name not in _SHORT_FORMS:
        return part
    return {"title": part.get("title", name), "anyOf": [_SHORT_FORMS[name], part]}
