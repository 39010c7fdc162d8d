"""`kgenesis import`: a mission and its history from what another program wrote."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

File = Annotated[
    str,
    typer.Argument(
        metavar=t("FILE", "파일"),
        show_default=False,
        help=t(
            "JSON: of Ax what its Client saves, of BayBE a configuration, of BoFire a domain.",
            "JSON 파일. Ax는 Client가 저장한 것, BayBE는 설정, BoFire는 도메인.",
        ),
    ),
]
From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="ax|baybe|bofire",
        show_default=False,
        help=t("The program that wrote it.", "파일을 쓴 프로그램."),
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="CSV",
        show_default=False,
        help=t("Its experiments, where they are not in the file.", "파일에 들어 있지 않은 실험들의 표."),
    ),
]
Points = Annotated[
    str | None,
    typer.Option(
        "--points",
        metavar="CSV",
        show_default=False,
        help=t("All points of the space, where it is a list of them.", "공간이 점의 목록이면 그 모든 점."),
    ),
]
Folder = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar=t("FOLDER", "폴더"), help=t("Where the files are written.", "파일을 쓸 폴더.")
    ),
]


def import_(
    file: File,
    from_: From,
    data: Data = None,
    points: Points = None,
    output: Folder = ".",
    force: options.Force = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Make a mission file and a results sheet of what another program wrote."""
    from kgenesis.app.exchange.peers import bring_in, write_draft

    draft, mission = bring_in(Path(file), from_, _path(data), _path(points))
    written = [str(path) for path in write_draft(draft, mission, Path(output), may_replace=force)]
    if is_json:
        screen.print_json({
            "mission": mission.name,
            "files": written,
            "experiments": len(draft.results),
            "notes": [note.model_dump() for note in draft.notes],
        })  # fmt: skip
        return
    for path in written:
        print(path)  # noqa: T201
    for note in draft.notes:
        screen.note(note.in_(lang()))
    screen.note(t(f"Next: kgenesis open {written[0]}", f"다음: kgenesis open {written[0]}"))
    if draft.results:
        screen.note(t(f"Then: kgenesis record last {written[-1]}", f"그다음: kgenesis record last {written[-1]}"))


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)


COMMANDS: dict[str, tuple[Any, str]] = {
    "import": (
        import_,
        t(
            "Make a mission, and a sheet of its results, of what Ax, BayBE or BoFire wrote.",
            "Ax, BayBE, BoFire가 쓴 것에서 미션과 결과 시트를 만듭니다.",
        ),
    ),
}
