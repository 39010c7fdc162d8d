"""Every command, gathered: `build` makes the tree that Typer runs."""

from collections.abc import Callable, Mapping
from typing import Any

from kgenesis.cli.language import t


def build() -> Callable[..., Any]:
    """Return the command line as one callable, in the language people read here."""
    import typer

    from kgenesis.cli import campaign, doctor, exchange, log, model, new, reference, run, schema, sheet
    from kgenesis.cli.help import Command, Group

    app = typer.Typer(
        name="kgenesis",
        cls=Group,
        help=t(
            "K-Genesis runs the R&D of a mission as one closed loop, with AI choosing the next experiment, "
            "and proves how many experiments that saved.",
            "K-Genesis는 미션의 연구개발을 하나의 폐루프로 실행합니다. 다음 실험은 AI가 고르고, "
            "실험을 몇 번 아꼈는지 증명합니다.",
        ),
        epilog=t(
            "Start with `kgenesis doctor`, then `kgenesis run battery-fast-charge`.",
            "`kgenesis doctor`로 시작하고 `kgenesis run battery-fast-charge`를 실행해 보세요.",
        ),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # else Typer loads rich for every page and every mistake
    )
    app.callback()(_root(typer))
    loop = t("The loop", "폐루프")
    bench = t("With people at the bench", "사람이 하는 실험")
    start = t("To begin", "준비")

    def add(commands: Mapping[str, tuple[Callable[..., Any], str]], panel: str, to: Any = app) -> None:
        for name, (function, help_) in commands.items():
            to.command(name, cls=Command, help=help_, rich_help_panel=panel)(function)

    def group(name: str, help_: str, panel: str) -> Any:
        made = typer.Typer(cls=Group, help=help_, no_args_is_help=True)
        app.add_typer(made, name=name, rich_help_panel=panel)
        return made

    add(run.COMMANDS, loop)
    campaigns = t("Look at campaigns, go on with them, end them.", "캠페인 보기, 이어 하기, 끝내기.")
    add(campaign.COMMANDS | log.COMMANDS, "", group("campaign", campaigns, loop))
    add(reference.COMMANDS, "", group("reference", t("What campaigns are compared with.", "캠페인의 비교 기준."), loop))
    add(model.COMMANDS, "", group("model", t("The foundation model.", "파운데이션 모델."), loop))
    for name, help_, commands in _programme():
        add(commands, "", group(name, help_, t("The programme", "사업")))
    add(sheet.COMMANDS, bench)
    add(doctor.COMMANDS, start)
    add(
        new.COMMANDS,
        "",
        group("new", t("Begin a mission or a lab of your own.", "나의 미션이나 실험실 만들기."), start),
    )
    add(exchange.COMMANDS | schema.COMMANDS, start)
    return app


def _programme() -> list[tuple[str, str, Mapping[str, tuple[Callable[..., Any], str]]]]:
    """Return the groups of commands about the programme: name, help, commands."""
    from kgenesis.cli import atlas, mission, question

    technologies = t("The fields and technologies of the programme.", "사업의 분야와 기술.")
    asking = t(
        "Ask grand questions, judge them, make missions of them.", "거대질문을 제안하고 평가하고 미션으로 만들기."
    )
    missions = t(
        "Charters: promises with a number, and what campaigns make of them.", "헌장: 수치로 한 약속과 그 이행."
    )
    return [
        ("atlas", technologies, atlas.COMMANDS),
        ("question", asking, question.COMMANDS),
        ("mission", missions, mission.COMMANDS),
    ]


def _root(typer: Any) -> Callable[..., None]:
    """Return the options before any command; both are taken before Typer sees them, and stand here for the help."""

    def root(
        lang: str = typer.Option(
            "",
            "--lang",
            metavar="ko|en",
            show_default=False,
            help=t(
                "Language of all that people read; anywhere on the line. Default: the environment's.",
                "사람이 읽는 모든 것의 언어. 어디에나 쓸 수 있습니다. 기본값: 환경 설정.",
            ),
        ),
        version: bool = typer.Option(  # noqa: FBT001
            False, "--version", "-V", show_default=False, help=t("Print the version.", "버전을 보여 줍니다.")
        ),
    ) -> None:
        pass

    return root
