"""Write the reference pages from the code: `python docs/generate.py`, or with `--check` say which are out of date.

Korean stands in `reference/texts.yaml`, by the English sentence it translates: if the code says something new, the
page is not written and the sentence is named.
"""

import ast
import inspect
import itertools
import json
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

HERE = Path(__file__).resolve().parent
PAGES = HERE / "reference"
ROOT = HERE.parent
TEXTS: dict[str, Any] = yaml.safe_load((PAGES / "texts.yaml").read_text(encoding="utf-8"))
NOTICE = "<!-- Written by docs/generate.py from the code; edit the code or texts.yaml, not this page. -->\n"

untranslated: list[str] = []


def korean(english: str) -> str:
    """Return the Korean of a sentence of the code."""
    english = " ".join(english.split())
    found = TEXTS["korean"].get(english)
    if found is None:
        untranslated.append(english)
    used.add(english)
    return str(found or english)


used: set[str] = set()


def cell(text: object) -> str:
    """Return a text as a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;") if text not in (None, "") else "–"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *[[str(c) for c in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def page(title: str, intro: str, parts: Sequence[str]) -> str:
    """Return a whole page."""
    return f"{NOTICE}\n# {title}\n\n{intro.strip()}\n\n" + "\n".join(part.rstrip() + "\n" for part in parts)


def intro(name: str) -> tuple[str, str]:
    """Return a page's title and introduction."""
    return TEXTS["pages"][name]["title"], TEXTS["pages"][name]["intro"]


# ---- commands -------------------------------------------------------------------------------------------------------


def dump_commands() -> None:
    """Print every command of the terminal, in the language of this process."""
    import typer

    from kgenesis.cli.commands import build

    def walk(command: Any, path: str) -> Iterator[dict[str, Any]]:
        parameters = []
        for p in command.params:
            if p.name in {"install_completion", "show_completion", "help"} or getattr(p, "hidden", False):
                continue
            is_option = type(p).__name__ == "TyperOption"
            default = p.default if getattr(p, "show_default", True) is not False else None
            parameters.append(
                {
                    "names": sorted(p.opts, key=len, reverse=True) if is_option else [],
                    "metavar": "" if getattr(p, "is_flag", False) else str(p.metavar or p.name.upper()),
                    "help": getattr(p, "help", "") or "",
                    "default": default
                    if isinstance(default, str | int | float) and default not in ("", False)
                    else None,
                }
            )
        yield {"path": path, "help": command.help or "", "parameters": parameters}
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, f"{path} {name}")

    print(json.dumps(list(walk(typer.main.get_command(build()), "kgenesis")), ensure_ascii=False))


def commands_in(lang: str) -> list[dict[str, Any]]:
    """Return every command in one language; the help texts are settled when they are imported, hence a process each."""
    environment = os.environ | {"KGENESIS_LANG": lang}
    found = subprocess.run(
        [sys.executable, __file__, "--dump-commands"], capture_output=True, text=True, check=True, env=environment,
        encoding="utf-8",
    )  # fmt: skip
    loaded: list[dict[str, Any]] = json.loads(found.stdout)
    return loaded


def commands_page() -> str:
    """Return `commands.md`."""
    parts = []
    for en, ko in zip(commands_in("en"), commands_in("ko"), strict=True):
        usage = " ".join(p["metavar"] for p in en["parameters"] if not p["names"])
        part = f"## `{en['path']}`\n\n{en['help']}\n\n{ko['help']}\n"
        rows = []
        for one, other in zip(en["parameters"], ko["parameters"], strict=True):
            shown = ", ".join(f"`{n}`" for n in one["names"]) + (f" `{one['metavar']}`" if one["metavar"] else "")
            default = "" if one["default"] is None else f" (`{one['default']}`)"
            rows.append([cell(shown.strip()), cell(one["help"]) + default, cell(other["help"]) + default])
        if usage:
            part += f"\n    {en['path']} {usage}\n"
        parts.append(part + ("\n" + table(["", "English", "한국어"], rows) if rows else ""))
    return page(*intro("commands"), parts)


# ---- models ---------------------------------------------------------------------------------------------------------


def docstrings(model: type) -> dict[str, str]:
    """Return the docstring under each field of a class and of those it extends."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base in (object, BaseModel) or base.__module__.startswith("pydantic"):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if (
                isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = " ".join(text.value.value.split())
    return found


def type_of(part: Mapping[str, Any], *, is_elsewhere: bool = False) -> str:
    """Return a JSON Schema type as people write it; links lead to the mission page if `is_elsewhere`."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}]({'mission-file.md' if is_elsewhere and name == 'Text' else ''}#{name.lower()})"
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return " / ".join(f"`{value}`" for value in part["enum"])
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " / ".join(
                dict.fromkeys(type_of(p, is_elsewhere=is_elsewhere) for p in part[key] if p.get("type") != "null")
            )
    match part.get("type"):
        case "array":
            return f"list of {type_of(part.get('items', {}), is_elsewhere=is_elsewhere)}"
        case "object" if isinstance(part.get("additionalProperties"), Mapping):
            return f"name → {type_of(part['additionalProperties'], is_elsewhere=is_elsewhere)}"
        case "object":
            return "mapping"
        case str(kind):
            return kind + limits(part)
        case _:
            return "any"


def limits(part: Mapping[str, Any]) -> str:
    """Return the bounds of a number."""
    names = {"minimum": "≥", "ge": "≥", "exclusiveMinimum": ">", "gt": ">", "maximum": "≤", "le": "≤",
             "exclusiveMaximum": "<", "lt": "<"}  # fmt: skip
    found = [f"{sign} {part[name]}" for name, sign in names.items() if name in part and abs(part[name]) < 2**53 - 1]
    return f" {', '.join(found)}" if found else ""


def model_table(name: str, part: Mapping[str, Any], described: Mapping[str, str], *, is_elsewhere: bool = False) -> str:
    """Return the fields of a model as a table."""
    rows = []
    for field, schema in part.get("properties", {}).items():
        english = schema.get("description") or described.get(field) or ""
        own = TEXTS["fields"].get(f"{name}.{field}") or (None if english else TEXTS["fields"].get(f"*.{field}"))
        if own is not None and english:
            untranslated.append(f"{name}.{field} is described by the code now: take it out of `fields`")
        if own is None and not english:
            untranslated.append(f"{name}.{field} has no description, in the code or in `fields`")
        en, ko = (own["en"], own["ko"]) if own else (english, korean(english) if english else "")
        needed = field in part.get("required", ())
        default = schema.get("default")
        empty = needed or default in (None, "", [], {}) or isinstance(default, dict | list)
        shown = "required / 필수" if needed else "–" if empty else f"`{json.dumps(default, ensure_ascii=False)}`"
        rows.append([f"`{field}`", cell(type_of(schema, is_elsewhere=is_elsewhere)), shown, cell(en), cell(ko)])
    return table(["", "type / 형", "default / 기본값", "English", "한국어"], rows)


def mission_page() -> str:
    """Return `mission-file.md`."""
    from kgenesis.app.scaffold import mission_schema

    return schema_page("mission-file", "Mission", mission_schema())


def charter_page() -> str:
    """Return `charter.md`."""
    from kgenesis.app.scaffold import charter_schema

    return schema_page("charter", "Charter", charter_schema())


def schema_page(page_name: str, model: str, schema: dict[str, Any]) -> str:
    """Return a page with a section for every part of a schema."""
    parts = []
    for name, part in [(model, schema), *schema["$defs"].items()]:
        whole = next((p for p in part.get("anyOf", []) if "properties" in p), part)
        short = [p for p in part.get("anyOf", []) if "properties" not in p]
        english = " ".join((whole.get("description") or "").split())
        lines = [f"## {name}\n"]
        if english:
            lines.append(f"{english}\n\n{korean(english)}\n")
        lines += [
            f"Short form / 줄여 쓰기: {type_of(p)}. {p['description']} {korean(p['description'])}\n" for p in short
        ]
        parts.append("\n".join([*lines, model_table(name, whole, {})]))
    return page(*intro(page_name), parts)


# ---- errors ---------------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """Return `errors.md`."""
    from kgenesis.kernel import errors

    def walk(kind: type[errors.KGenesisError]) -> Iterator[type[errors.KGenesisError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    parts = []
    for kind in walk(errors.KGenesisError):
        said = TEXTS["errors"].get(kind.code)
        if said is None:
            untranslated.append(f"error {kind.code} has no entry in `errors`")
            continue
        meaning = inspect.getdoc(kind) or ""
        meaning = "The root of every error." if kind is errors.KGenesisError else " ".join(meaning.split())
        rows = [
            ["Meaning / 뜻", cell(meaning), cell(said["meaning"])],
            ["Cause / 원인", cell(said["cause"]["en"]), cell(said["cause"]["ko"])],
            ["Next step / 할 일", cell(kind.hint.en), cell(kind.hint.ko)],
        ]
        head = f"Class `{kind.__name__}`, exit code {kind.exit_code}, HTTP status {kind.status}."
        parts.append(f"## `{kind.code}`\n\n{head}\n\n" + table(["", "English", "한국어"], rows))
    return page(*intro("errors"), parts)


# ---- events ---------------------------------------------------------------------------------------------------------


def events_page() -> str:
    """Return `events.md`."""
    from kgenesis.app.platform import VOCABULARY

    parts = []
    for type_, event in VOCABULARY.types().items():
        english = " ".join((inspect.getdoc(event) or "").split())
        described = docstrings(event)
        rows = []
        for name, field in event.model_fields.items():
            own = TEXTS["fields"].get(f"{type_}.{name}") or TEXTS["fields"].get(f"*.{name}")
            text = described.get(name, "")
            en, ko = (text, korean(text)) if text else (own["en"], own["ko"]) if own else ("", "")
            if not en:
                untranslated.append(f"{type_}.{name} has no description, in the code or in `fields`")
            rows.append([f"`{name}`", f"`{_annotation(field.annotation)}`", cell(en), cell(ko)])
        durable = "on the disk before anything follows" if event.is_durable else "not waited for"
        durable_ko = "디스크에 쓰인 뒤에 다음 일을 합니다" if event.is_durable else "쓰이기를 기다리지 않습니다"
        part = f"## `{type_}`\n\n{english}\n\n{korean(english)}\n\nVersion {event.schema_version}; {durable} ({durable_ko}).\n"
        parts.append(part + ("\n" + table(["", "type / 형", "English", "한국어"], rows) if rows else ""))
    return page(*intro("events"), parts)


def _annotation(kind: Any) -> str:
    text = kind.__name__ if inspect.isclass(kind) else str(kind)
    for prefix in ("typing.", "kgenesis.kernel.ids.", "kgenesis.kernel.experiment.", "kgenesis.campaign.spec."):
        text = text.replace(prefix, "")
    return text.replace("|", "\\|")


# ---- plug-ins -------------------------------------------------------------------------------------------------------

PORTS = (
    ("labs", "Lab", ("Task", "Measurement", "Outcome", "Failure"), "kgenesis.testing.labs.LabCases"),
    ("planners", "Planner", ("ProposalRequest", "Proposal", "Why"), "kgenesis.testing.planners.PlannerCases"),
    ("surrogates", "Surrogate", ("TrainingData", "Posterior"), "kgenesis.testing.surrogates.SurrogateCases"),
    ("executors", "Executor", ("LabRecipe",), "kgenesis.testing.executors.ExecutorCases"),
    ("stores", "EventStore", (), "kgenesis.testing.stores.StoreCases"),
    ("embedders", "Embedder", (), "kgenesis.testing.embedders.EmbedderCases"),
)


def plugins_page() -> str:
    """Return `plug-ins.md`."""
    from kgenesis.kernel import experiment, ports

    groups: dict[str, dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "entry-points"
    ]
    parts = []
    for group, port, others, suite in PORTS:
        ours = ", ".join(f"`{name}`" for name in groups[f"kgenesis.{group}"])
        said = TEXTS["ports"][group]
        suite_en, suite_ko = f"Conformance suite: `{suite}`.", f"적합성 시험: `{suite}`."
        source = "\n\n\n".join(
            inspect.getsource(getattr(ports, name, None) or getattr(experiment, name)).rstrip()
            for name in (port, *others)
        )
        parts.append(
            f"## {port}\n\nEntry-point group `kgenesis.{group}`. Built in: {ours}. {suite_en}\n\n{said['en']}\n\n"
            f"진입점 그룹 `kgenesis.{group}`. 내장: {ours}. {suite_ko}\n\n{said['ko']}\n\n```py\n{source}\n```\n"
        )
    context = inspect.getsource(ports.PluginContext).rstrip()
    said = TEXTS["ports"]["context"]
    parts.append(f"## PluginContext\n\n{said['en']}\n\n{said['ko']}\n\n```py\n{context}\n```\n")
    missions = TEXTS["ports"]["missions"]
    parts.append(f"## Missions\n\n{missions['en']}\n\n{missions['ko']}\n")
    parts += list(_settings(groups))
    return page(*intro("plug-ins"), parts)


def _settings(groups: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield a section for the settings of each built-in lab, planner and surrogate."""
    from importlib import import_module

    for group in ("labs", "planners", "surrogates"):
        for name, place in groups[f"kgenesis.{group}"].items():
            home, _, factory = place.partition(":")
            module = import_module(attrgetter(factory)(import_module(home)).__module__)
            wanted = ("Settings", f"{name.title().replace('-', '')}Settings")
            model = next((getattr(module, w) for w in reversed(wanted) if hasattr(module, w)), None)
            if model is None:
                continue
            schema = model.model_json_schema()
            part = f"## Settings of `{name}` ({group[:-1]})\n\n"
            key = model.__name__ if model.__name__ != "Settings" else name
            if not schema.get("properties"):
                yield part + "None. 없습니다.\n"
                continue
            yield part + model_table(key, schema, docstrings(model), is_elsewhere=True)
            for inner, definition in schema.get("$defs", {}).items():
                if definition.get("type") == "object" and inner != "Text":
                    places = [module, *(sys.modules[base.__module__] for base in model.__mro__)]
                    nested = next(getattr(place, inner) for place in places if hasattr(place, inner))
                    yield f"### {inner}\n\n" + model_table(inner, definition, docstrings(nested), is_elsewhere=True)


# ---- all ------------------------------------------------------------------------------------------------------------

MAKERS = {
    "commands.md": commands_page,
    "mission-file.md": mission_page,
    "charter.md": charter_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "plug-ins.md": plugins_page,
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them; return the exit code."""
    if "--dump-commands" in arguments:
        dump_commands()
        return 0
    made = {name: maker() for name, maker in MAKERS.items()}
    unused = [f"not said by the code any more: {english!r}" for english in TEXTS["korean"] if english not in used]
    wrong = [*(f"not in texts.yaml: {text!r}" for text in dict.fromkeys(untranslated)), *unused]
    for text in wrong:
        print(text, file=sys.stderr)
    if "--check" in arguments:
        stale = [n for n, text in made.items() if not (PAGES / n).is_file() or (PAGES / n).read_text("utf-8") != text]
        for name in stale:
            print(f"docs/reference/{name} is not what the code says", file=sys.stderr)
        return int(bool(stale or wrong))
    for name, text in made.items():
        (PAGES / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
