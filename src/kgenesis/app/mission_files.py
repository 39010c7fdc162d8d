"""Read a mission file, or a built-in mission by name; refuse it whole, naming file, line and field."""

import difflib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kgenesis.app.candidates import read_table, rows_of
from kgenesis.atlas import HINT, load_atlas
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.errors import InvalidSpec, Mistake, NotFound
from kgenesis.kernel.plugins import installed, load_plugin
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import check_units


@dataclass(frozen=True, slots=True)
class LoadedMission:
    """A valid mission and where it came from."""

    mission: Mission
    folder: Path
    """Relative paths in the mission start here."""
    source: str
    """What a person types to name it: a built-in name or a path."""
    is_builtin: bool = False

    @property
    def shipped_reference(self) -> Path:
        """Where a reference that ships with the mission lies."""
        return self.folder / f"{self.mission.name}.reference.json"


def load_mission(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> LoadedMission:
    """Read and check a mission: syntax, schema, units, its place in the atlas, and that a feasible point exists.

    Args:
        name_or_path: a built-in mission's name, or the path of a YAML or JSON file.
        overrides: top-level keys that replace the file's, e.g. ``{"parallel": 2}``.

    Raises:
        NotFound: neither a file nor a built-in mission.
        InvalidSpec, UnitMismatch, InfeasibleSpace: it is not valid.
    """
    path, is_builtin = _find(name_or_path)
    data, lines = load_mission_data(path)
    mission = validated({**data, **(overrides or {})}, str(path), lines, overrides)
    mission = with_candidates(mission, path.parent)
    check_mission(mission, str(path), lines)
    return LoadedMission(mission, path.parent, name_or_path if is_builtin else str(path), is_builtin)


def builtin_missions() -> Mapping[str, Path]:
    """Return the mission files that installed packages offer, by name."""
    return {name: Path(str(load_plugin("missions", name))) for name in installed("missions")}


def _find(name_or_path: str) -> tuple[Path, bool]:
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path.resolve(), False
    if name_or_path in (names := installed("missions")):
        return Path(str(load_plugin("missions", name_or_path))), True
    near = difflib.get_close_matches(name_or_path, names, n=1)
    guess = say(f"; did you mean {near[0]!r}?", f". {near[0]!r}을(를) 찾으셨나요?") if near else say("", "")
    known = ", ".join(names)
    raise NotFound(
        say(
            f"no file and no built-in mission is called {name_or_path!r}{guess.en}",
            f"{name_or_path!r}(이)라는 파일도 내장 미션도 없습니다{guess.ko}",
        ),
        hint=say(
            f"Built-in missions: {known}. `kgenesis new mission` writes a file of your own.",
            f"내장 미션: {known}. `kgenesis new mission`으로 새 파일을 만들 수 있습니다.",
        ),
    )


def parse_mission(text: str, file: str = "", overrides: Mapping[str, Any] | None = None) -> Mission:
    """Return the mission a YAML (or JSON) text describes.

    Raises:
        InvalidSpec: with one problem for each thing that is wrong.
    """
    data, lines = _content(text, file)
    return validated({**data, **(overrides or {})}, file, lines, overrides)


def load_mission_data(path: Path) -> tuple[dict[str, Any], yaml.Node | None]:
    """Return what a mission file says, not validated yet, and its node tree, which knows the lines.

    Raises:
        NotFound: it cannot be read.
        InvalidSpec: it is no YAML, or no mapping.
    """
    return _content(_read(path), str(path))


def _content(text: str, file: str) -> tuple[dict[str, Any], yaml.Node | None]:
    return _keys(text, file, say("a mission is a mapping of keys", "미션은 키와 값의 모음이어야 합니다"), None)


def read_mapping(path: Path, what: Text, missing: Text, wrong: Text | None) -> tuple[dict[str, Any], yaml.Node | None]:
    """Return what a YAML file says, not validated yet, and its node tree, which knows the lines.

    Args:
        path: of the file.
        what: what it must be, said if it is no mapping.
        missing: the next step if it cannot be read.
        wrong: the next step if it is no mapping; None if there is nothing to add.

    Raises:
        NotFound: it cannot be read.
        InvalidSpec: it is no YAML, or no mapping.
    """
    return _keys(_read(path, missing), str(path), what, wrong)


def _keys(text: str, file: str, what: Text, wrong: Text | None) -> tuple[dict[str, Any], yaml.Node | None]:
    data, lines = parse_yaml(text, file)
    if not isinstance(data, dict):
        mistake = Mistake(say("not a mapping", "키-값이 아닙니다"), file=file, line=1)
        raise InvalidSpec(what, [mistake], wrong)
    return data, lines


def _read(path: Path, missing: Text | None = None) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        detail = say(f"{path} cannot be read: {error}", f"{path}을(를) 읽을 수 없습니다: {error}")
        raise NotFound(detail, hint=missing) from error


def validated(
    data: Mapping[str, Any], file: str = "", lines: yaml.Node | None = None, overrides: Mapping[str, Any] | None = None
) -> Mission:
    """Return the mission some data describes.

    Raises:
        InvalidSpec: with one problem for each thing that is wrong.
    """
    try:
        return Mission.model_validate(data)
    except ValidationError as error:
        raise invalid(error, file, lines, data, overrides) from error


def check_mission(mission: Mission, file: str = "", lines: yaml.Node | None = None) -> None:
    """Check what needs more than the schema: units, field and technology, and that a point keeps all constraints.

    Raises:
        InvalidSpec: a unit is wrong, or the atlas knows no such field or technology.
        InfeasibleSpace: no feasible point was found.
    """
    import numpy as np

    wrong = check_units(mission.problem)
    if wrong:
        named = [Mistake(m.text, m.field, file) for m in wrong]
        raise InvalidSpec(say("a unit is wrong", "단위가 잘못되었습니다"), named)
    if misplaced := load_atlas().mistakes(mission.field, mission.technology):
        named = [Mistake(m.text, m.field, file, line_of(lines, [m.field])) for m in misplaced]
        text = say("its field or technology is wrong", "분야나 기술이 잘못되었습니다")
        raise InvalidSpec(text, named, hint=HINT)
    sample(mission.space, 1, np.random.default_rng(0))


def with_candidates(mission: Mission, folder: Path) -> Mission:
    """Return the mission with its candidate table read in, if it names one."""
    candidates = mission.space.candidates
    if candidates is None or candidates.rows:
        return mission
    content, sha256 = read_table(folder / candidates.path)
    space = mission.space.model_copy(update={"candidates": candidates.model_copy(update={"sha256": sha256})})
    return mission.model_copy(update={"space": space.with_candidates(rows_of(content, candidates.path, space))})


# ---- YAML with line numbers ---------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    loader.flatten_mapping(node)
    seen: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            message = f"the key {key!r} is given twice"
            raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_yaml(text: str, file: str = "") -> tuple[Any, yaml.Node | None]:
    """Return the data of a YAML text and its node tree, which knows the lines.

    Raises:
        InvalidSpec: it is not YAML, or gives a key twice.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (loader.construct_document(node) if node is not None else None), node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        mistake = Mistake(say(problem, problem), file=file, line=mark.line + 1 if mark else None)
        raise InvalidSpec(say("the file is not valid YAML", "올바른 YAML이 아닙니다"), [mistake]) from error


def place_of(location: Sequence[str | int], data: Any) -> list[str | int]:
    """Return a place in some data without the names of union members.

    pydantic reports `("space", "factors", 0, "real", "low")`: `real` is the kind of factor, not a key.
    """
    path: list[str | int] = []
    for i, part in enumerate(location):
        is_last = i == len(location) - 1
        is_inside = (isinstance(data, Mapping) and part in data) or (
            isinstance(data, Sequence) and isinstance(part, int) and part < len(data)
        )
        if is_inside:
            data = data[part]
        if is_inside or is_last or isinstance(part, int):
            path.append(part)
    return path


def line_of(node: yaml.Node | None, path: Sequence[str | int]) -> int | None:
    """Return the line of a place in the file, or of the innermost part of it that is there."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as people write it: `space.factors[0].low`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def invalid(
    error: ValidationError,
    file: str,
    node: yaml.Node | None,
    data: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
) -> InvalidSpec:
    """Return a validation error as one with file, line, field and both languages."""
    mistakes = []
    for item in error.errors(include_url=False):
        location = item["loc"]
        is_override = bool(location) and location[0] in (overrides or {})
        path = place_of(location, data)
        if is_override:
            mistakes.append(Mistake(_said(item), dotted(path)))
        else:
            mistakes.append(Mistake(_said(item), dotted(path), file, line_of(node, path)))
    n = len(mistakes)
    return InvalidSpec(say(f"{n} thing(s) in it are not valid", f"{n}곳이 올바르지 않습니다"), mistakes)


_SAID = {
    "missing": say("this field is required", "꼭 필요한 항목입니다"),
    "extra_forbidden": say("there is no such key here", "여기에 없는 키입니다"),
    "string_type": say("a text is expected (put it in quotes)", "문자열이 필요합니다(따옴표로 감싸세요)"),
    "float_type": say("a number is expected", "수가 필요합니다"),
    "float_parsing": say("a number is expected", "수가 필요합니다"),
    "int_type": say("a whole number is expected", "정수가 필요합니다"),
    "int_parsing": say("a whole number is expected", "정수가 필요합니다"),
    "int_from_float": say("a whole number is expected", "정수가 필요합니다"),
    "bool_parsing": say("true or false is expected", "true 또는 false가 필요합니다"),
    "finite_number": say("a finite number is expected", "유한한 수가 필요합니다"),
    "greater_than": say("must be greater than {gt}", "{gt}보다 커야 합니다"),
    "greater_than_equal": say("must be at least {ge}", "{ge} 이상이어야 합니다"),
    "less_than": say("must be less than {lt}", "{lt}보다 작아야 합니다"),
    "less_than_equal": say("must be at most {le}", "{le} 이하여야 합니다"),
    "too_short": say("at least {min_length} entry is needed", "{min_length}개 이상이 필요합니다"),
    "string_too_short": say("must not be empty", "비어 있으면 안 됩니다"),
    "string_pattern_mismatch": say("does not have the form {pattern}", "{pattern} 형식이 아닙니다"),
    "literal_error": say("must be {expected}", "{expected} 중 하나여야 합니다"),
    "union_tag_invalid": say("the type must be one of {expected_tags}", "type은 {expected_tags} 중 하나여야 합니다"),
    "union_tag_not_found": say("a `type` is needed", "`type`이 필요합니다"),
    "tuple_type": say("a list is expected", "목록이 필요합니다"),
    "list_type": say("a list is expected", "목록이 필요합니다"),
    "dict_type": say("a mapping of keys is expected", "키와 값의 모음이 필요합니다"),
    "model_type": say("a mapping of keys is expected", "키와 값의 모음이 필요합니다"),
    "model_attributes_type": say("a mapping of keys is expected", "키와 값의 모음이 필요합니다"),
}


def _said(item: Mapping[str, Any]) -> Text:
    """Return what is wrong in both languages."""
    context = item.get("ctx", {})
    raised = context.get("error")
    if isinstance(getattr(raised, "text", None), Text):  # our own validators bring both languages
        return raised.text  # type: ignore[no-any-return]
    template = _SAID.get(item["type"])
    text = template.format(**context) if template else say(item["msg"], item["msg"])
    given = item.get("input")
    if isinstance(given, str | int | float) and item["type"] != "missing":
        shown = repr(given)[:60]
        return say(f"{text.en}, not {shown}", f"{text.ko} (입력: {shown})")
    return text
