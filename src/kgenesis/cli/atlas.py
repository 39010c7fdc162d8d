"""`kgenesis atlas …`: the fields and technologies of the programme, and what can be done for each here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.screen import literal, text_of

if TYPE_CHECKING:
    from rich.table import Table

    from kgenesis.app.atlas import Covered
    from kgenesis.atlas import Atlas, Field, Technology

Scheme = Annotated[
    str | None,
    typer.Option(
        "--scheme",
        metavar="YYYY-MM",
        show_default=False,
        help=t("Version of the list; default: the one in force.", "목록의 판. 기본값: 현행 체계."),
    ),
]
OfField = Annotated[
    str | None,
    typer.Option(
        "--field",
        "-f",
        metavar=t("FIELD", "분야"),
        show_default=False,
        help=t("Only those of this field, by id or name.", "이 분야만(id 또는 이름)."),
    ),
]
Wanted = Annotated[
    list[str],
    typer.Argument(
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t("A field or technology: its id or name.", "분야나 기술의 id 또는 이름."),
    ),
]
Asked = Annotated[
    list[str],
    typer.Argument(
        metavar=t("WORDS", "낱말"),
        show_default=False,
        help=t("What is looked for, in Korean or English.", "찾는 것(한국어 또는 영어)."),
    ),
]
Most = Annotated[int, typer.Option("-n", metavar="N", min=1, max=50, help=t("At most so many.", "최대 개수."))]
By = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t(
            "By what: e5 (meaning), lexical (letters) or a plug-in; default: e5 if it is installed.",
            "찾는 방법: e5(뜻), lexical(글자) 또는 플러그인. 기본값: 설치되어 있으면 e5.",
        ),
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar=t("FOLDER", "폴더"),
        show_default=False,
        help=t("Count the mission files of this folder, too.", "이 폴더의 미션 파일도 셉니다."),
    ),
]

HAS = {"mission": ("a mission runs here", "실행할 미션 있음"), "data": ("data only", "데이터만 있음"),
       "nothing": ("nothing yet", "아직 없음")}  # fmt: skip


def _atlas(scheme: str | None) -> "Atlas":
    from kgenesis.atlas import DEFAULT, load_atlas

    return load_atlas(DEFAULT if scheme is None else scheme)


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for i, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=i == 0)  # an id is copied whole
    return table


def _add(table: "Table", *cells: str) -> None:
    table.add_row(*map(literal, cells))


def fields(scheme: Scheme = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show the fields."""
    atlas = _atlas(scheme)
    if is_json:
        screen.print_json(
            {
                "scheme": atlas.scheme,
                "title": atlas.title.model_dump(),
                "standing": atlas.standing.model_dump(),
                "fields": [_field_json(atlas, field) for field in atlas.fields],
            }
        )
        return
    table = _table(t("Field", "분야"), t("Name", "이름"), t("Technologies", "기술"), t("With targets", "목표 있음"))
    for field in atlas.fields:
        n_with = sum(bool(technology.targets) for technology in field.technologies)
        _add(table, field.id, _name(field), str(len(field.technologies)), str(n_with))
    screen.out().print(atlas.title.in_(lang()), style="bold", markup=False)
    screen.out().print(atlas.standing.in_(lang()), markup=False)
    screen.out().print(table)


def technologies(field: OfField = None, scheme: Scheme = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show the technologies."""
    from kgenesis.atlas import Field as AtlasField

    atlas = _atlas(scheme)
    chosen = atlas.technologies
    if field is not None:
        found = atlas.find(field)
        chosen = found.technologies if isinstance(found, AtlasField) else atlas.field(field).technologies
    if is_json:
        listed = [_technology_json(atlas, technology) for technology in chosen]
        screen.print_json({"scheme": atlas.scheme, "technologies": listed})
        return
    table = _table(t("Technology", "기술"), t("Name", "이름"), t("Targets", "목표"))
    last = ""
    for technology in chosen:
        if technology.field != last:
            table.add_section()
            table.add_row("", f"[bold]{literal(_name(atlas.field(technology.field)))}[/]")
            last = technology.field
        targets = "; ".join(target.text.in_(lang()) for target in technology.targets)
        _add(table, technology.id, _name(technology), targets or "–")
    screen.out().print(table)


def show(name: Wanted, scheme: Scheme = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show one field or technology."""
    from kgenesis.app.atlas import coverage, look_up
    from kgenesis.atlas import Technology as AtlasTechnology

    atlas = _atlas(scheme)
    found = look_up(atlas, " ".join(name))
    covered = {c.technology.id: c for c in coverage(atlas)}
    if isinstance(found, AtlasTechnology):
        if is_json:
            screen.print_json(_technology_json(atlas, found) | _coverage_json(covered[found.id]))
        else:
            _show_technology(atlas, found, covered[found.id])
        return
    if is_json:
        inside = [_technology_json(atlas, x) | _coverage_json(covered[x.id]) for x in found.technologies]
        screen.print_json(_field_json(atlas, found) | {"technologies": inside})
        return
    _heading(atlas, found)
    table = _table(t("Technology", "기술"), t("Name", "이름"), t("Targets", "목표"), t("Here", "여기서"))
    for technology in found.technologies:
        targets = "; ".join(target.text.in_(lang()) for target in technology.targets) or "–"
        _add(table, technology.id, _name(technology), targets, t(*HAS[covered[technology.id].has]))
    screen.out().print(table)


def search(
    words: Asked, n: Most = 5, embedder: By = None, scheme: Scheme = None, is_json: options.Json = False,  # noqa: FBT002
) -> None:  # fmt: skip
    """Find technologies by what is meant."""
    from kgenesis.app.atlas import search as search_atlas

    atlas = _atlas(scheme)
    with screen.err().status(t("Reading the atlas …", "아틀라스를 읽는 중 …")):  # the model takes seconds, once
        answer = search_atlas(atlas, " ".join(words), n, embedder)
    if is_json:
        found = [_technology_json(atlas, f.technology) | {"score": round(f.score, 4)} for f in answer.found]
        screen.print_json({"scheme": atlas.scheme, "embedder": answer.embedder, "found": found})
        return
    if answer.found:
        table = _table(t("Technology", "기술"), t("Name", "이름"), t("Field", "분야"), t("Near", "가까움"))
        for one, score in answer.found:
            _add(table, one.id, _name(one), _name(atlas.field(one.field)), f"{score:.2f}")
        screen.out().print(table)
    else:
        screen.note(t("Nothing of the atlas has anything in common with it.", "아틀라스에 비슷한 것이 없습니다."))
    if answer.remark is not None:
        screen.note(answer.remark.in_(lang()))


def coverage(data: Data = None, scheme: Scheme = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what can be done for each technology."""
    from kgenesis.app.atlas import coverage as cover

    atlas = _atlas(scheme)
    rows = cover(atlas, data)
    counts = {has: sum(row.has == has for row in rows) for has in HAS}
    if is_json:
        listed = [{"technology": r.technology.id, "field": r.technology.field, **_coverage_json(r)} for r in rows]
        screen.print_json({"scheme": atlas.scheme, "counts": counts, "coverage": listed})
        return
    table = _table(t("Technology", "기술"), t("Name", "이름"), t("Here", "여기서"), t("Missions", "미션"))
    last = ""
    for row in rows:
        if row.technology.field != last:
            table.add_section()
            table.add_row("", f"[bold]{literal(_name(atlas.field(row.technology.field)))}[/]")
            last = row.technology.field
        missions = ", ".join(m["name"] + ("" if m["available"] else t(" (not here)", "(불가)")) for m in row.missions)
        _add(table, row.technology.id, _name(row.technology), t(*HAS[row.has]), missions or "–")
    screen.out().print(table)
    told = ", ".join(f"{t(*HAS[has])}: {n}" for has, n in counts.items())
    screen.out().print(told, markup=False)
    _say_remedies(rows)


def _say_remedies(rows: "list[Covered]") -> None:
    for mission in (m for row in rows for m in row.missions if m["remedy"]):
        screen.note(f"{mission['name']}: {text_of(mission['remedy'])}")


def _name(entry: "Field | Technology") -> str:
    return entry.name.in_(lang())


def _heading(atlas: "Atlas", entry: "Field | Technology") -> None:
    other = entry.name.en if lang() == "ko" else entry.name.ko
    screen.out().print(f"{_name(entry)} · {other}", style="bold", markup=False)
    source = atlas.source(entry)
    scheme = t(f"scheme {atlas.scheme}", f"체계 {atlas.scheme}")
    rested = f"{entry.id}, {scheme}. {source.title.in_(lang())} – {source.verification.text.in_(lang())}"
    screen.out().print(rested, style="dim", markup=False)


def _show_technology(atlas: "Atlas", technology: "Technology", covered: "Covered") -> None:
    from rich.table import Table

    _heading(atlas, technology)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(atlas, technology, covered):
        grid.add_row(name, literal(value))
    screen.out().print(grid)


def _facts(atlas: "Atlas", technology: "Technology", covered: "Covered") -> list[tuple[str, str]]:
    field = atlas.field(technology.field)
    targets = [
        f"{target.quantity.in_(lang())}: {target.text.in_(lang())}  ({t('source', '출처')}: {target.stated})"
        for target in technology.targets
    ]
    none = t("no figure in the source", "출처에 수치가 없습니다")
    lists = [atlas.neighbour(name).name.in_(lang()) for name in technology.listed_in]
    beside = t("beside an entry of: ", "나란히 놓인 목록: ") + ", ".join(lists) if lists else t("none", "없음")
    source = atlas.source(technology)
    missions = [
        f"{m['name']}: {text_of(m['title'])}"
        + ("" if m["available"] else f" – {text_of(m['remedy']) or t('does not run here', '여기서 실행 불가')}")
        for m in covered.missions
    ]
    facts = [
        (t("Field", "분야"), f"{field.name.in_(lang())} ({field.id})"),
        (t("Scope", "범위"), technology.scope.in_(lang())),
        *[(t("Target", "목표"), target) for target in targets or [none]],
        (t("Other lists", "다른 목록"), beside),
        (t("Source", "출처"), f"{source.note.in_(lang())} {source.address}".strip()),
        *[(t("Gap", "모르는 것"), f"{gap.about.in_(lang())}: {gap.note.in_(lang())}") for gap in atlas.gaps[:1]],
        *[(t("Mission", "미션"), m) for m in missions or [t("none yet", "아직 없습니다")]],
    ]
    if technology.note:
        facts.insert(2, (t("Note", "참고"), technology.note.in_(lang())))
    return facts


def _field_json(atlas: "Atlas", field: "Field") -> dict[str, Any]:
    return {
        "id": field.id,
        "name": field.name.model_dump(),
        "source": atlas.source(field).model_dump(mode="json"),
        "n_technologies": len(field.technologies),
    }


def _technology_json(atlas: "Atlas", technology: "Technology") -> dict[str, Any]:
    data = technology.model_dump(mode="json", exclude={"terms", "source"})
    for target, said in zip(data["targets"], technology.targets, strict=True):
        target["source"] = atlas.sources[said.source].model_dump(mode="json")
    return data | {"source": atlas.source(technology).model_dump(mode="json")}


def _coverage_json(covered: "Covered") -> dict[str, Any]:
    return {"has": covered.has, "missions": list(covered.missions), "data": [m["name"] for m in covered.data]}


COMMANDS: dict[str, tuple[Any, str]] = {
    "fields": (fields, t("The fields of the list in force.", "현행 목록의 분야.")),
    "technologies": (technologies, t("The technologies and their targets.", "기술과 목표 수치.")),
    "show": (
        show,
        t(
            "One field or technology: scope, targets, sources, and what can be done for it here.",
            "분야나 기술 하나: 범위, 목표, 출처, 여기서 할 수 있는 것.",
        ),
    ),
    "search": (
        search,
        t("Find technologies by what is meant, in Korean or English.", "뜻으로 기술 찾기(한국어·영어)."),
    ),
    "coverage": (
        coverage,
        t(
            "Which technology has a mission that runs here, which has data, which has nothing yet.",
            "실행할 미션이 있는 기술, 데이터가 있는 기술, 아직 없는 기술.",
        ),
    ),
}
