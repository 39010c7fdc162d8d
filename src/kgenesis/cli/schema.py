"""`kgenesis schema`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kgenesis.cli import screen
from kgenesis.cli.language import t

OF = ("mission", "charter")


Of = Annotated[str, typer.Argument(metavar="|".join(OF), help=t("Of what.", "무엇의 스키마인지."))]
SchemaFile = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar=t("FILE", "파일"),
        show_default=False,
        help=t("A file instead of stdout.", "표준 출력 대신 쓸 파일."),
    ),
]


def schema(
    of: Of = "mission",
    output: SchemaFile = None,
) -> None:
    """Print a JSON Schema."""
    if of not in OF:
        raise typer.BadParameter(t(f"there is a schema of: {', '.join(OF)}", f"있는 스키마: {', '.join(OF)}"))
    import json

    from kgenesis.app.scaffold import charter_schema, mission_schema

    found = charter_schema() if of == "charter" else mission_schema()
    if output is None:
        screen.print_json(found)
    else:
        Path(output).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        screen.note(
            t(
                f"Written to {output}. First line of the file in VS Code: # yaml-language-server: $schema={output}",
                f"{output}에 썼습니다. VS Code용 파일 첫 줄: # yaml-language-server: $schema={output}",
            )
        )


COMMANDS: dict[str, tuple[Any, str]] = {
    "schema": (
        schema,
        t(
            "The JSON Schema of a mission file or a charter, for editors.",
            "편집기를 위한 미션 파일이나 헌장의 JSON 스키마.",
        ),
    ),
}
