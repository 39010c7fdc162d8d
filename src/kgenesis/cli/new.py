"""`kgenesis new mission` and `kgenesis new lab`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.app.scaffold import LabKind

LABS = ("synthetic", "people", "table", "command", "python")


MissionFile = Annotated[
    str,
    typer.Argument(metavar=t("[FILE]", "[파일]"), help=t("The file to write.", "쓸 파일.")),
]
LabOfExample = Annotated[
    str,
    typer.Option(
        "--lab",
        metavar="|".join(LABS),
        help=t("Where the example's experiments are done.", "보기의 실험을 하는 곳."),
    ),
]


def mission(
    file: MissionFile = "my-mission.yaml",
    lab: LabOfExample = "synthetic",
    force: options.Force = False,  # noqa: FBT002
) -> None:
    """Write a commented mission file."""
    if lab not in LABS:
        raise typer.BadParameter(
            t(f"{lab!r} is not one of {', '.join(LABS)}", f"{lab!r}은(는) {', '.join(LABS)} 중에 없습니다"),
            param_hint="--lab",
        )
    from kgenesis.app.scaffold import write_mission

    path = Path(file)
    path = path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml")
    for written in write_mission(path, cast("LabKind", lab), lang(), may_replace=force):
        print(written)  # noqa: T201
    command = f"kgenesis suggest {path} -n 4 -o next.csv" if lab == "people" else f"kgenesis run {path}"
    screen.note(t(f"It runs as it is: {command}", f"그대로 실행할 수 있습니다: {command}"))


LabName = Annotated[
    str,
    typer.Argument(
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t(
            "Lower-case letters, digits and hyphens, e.g. tube-furnace.",
            "영문 소문자, 숫자, 하이픈(예: tube-furnace).",
        ),
    ),
]
Folder = Annotated[
    str, typer.Option("--folder", metavar=t("FOLDER", "폴더"), help=t("Where its folder is made.", "만들 곳."))
]


def lab(
    name: LabName,
    folder: Folder = ".",
) -> None:
    """Write the skeleton of a lab plug-in."""
    from kgenesis.app.scaffold import write_lab

    written = write_lab(name, Path(folder))
    print(written)  # noqa: T201
    command = f"cd {written} && pip install -e '.[test]' && pytest"
    screen.note(
        t(f"It passes its conformance suite as it is: {command}", f"그대로 적합성 시험을 통과합니다: {command}")
    )


COMMANDS: dict[str, tuple[Any, str]] = {
    "mission": (
        mission,
        t(
            "A commented mission file that runs as it is (a charter: `kgenesis mission new`).",
            "그대로 실행되는, 주석이 달린 미션 파일(헌장은 `kgenesis mission new`).",
        ),
    ),
    "lab": (lab, t("The skeleton of a lab plug-in, with its tests.", "실험실 플러그인의 뼈대와 시험.")),
}
