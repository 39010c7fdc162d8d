"""Options that several commands share."""

from typing import Annotated

import typer

from kgenesis.cli.language import t

Campaign = Annotated[
    str,
    typer.Argument(
        metavar=t("CAMPAIGN", "캠페인"),
        show_default=False,
        help=t("Its id, the beginning of it, or `last`.", "캠페인 ID, 그 앞부분, 또는 `last`."),
    ),
]
Mission = Annotated[
    str,
    typer.Argument(
        metavar=t("MISSION", "미션"),
        show_default=False,
        help=t("A mission file, or the name of a built-in mission.", "미션 파일 또는 내장 미션 이름."),
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        show_default=False,
        help=t(
            "Where campaigns are kept: a file or postgresql://…; default: KGENESIS_STORE or the user's data folder.",
            "캠페인을 저장할 곳: 파일 또는 postgresql://…. 기본값: KGENESIS_STORE 또는 사용자 데이터 폴더.",
        ),
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help=t(
            "Print one JSON object on stdout, also of an error, and nothing else.",
            "표준 출력에 JSON 객체 하나만 씁니다(오류도).",
        ),
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        metavar="N",
        min=1,
        show_default=False,
        help=t(
            "Worker processes, at most as many as the mission runs in parallel; default: as many.",
            "작업 프로세스 수(미션의 `parallel`까지). 기본값: `parallel`.",
        ),
    ),
]
AcceptLabChange = Annotated[
    bool,
    typer.Option(
        "--accept-lab-change",
        help=t(
            "Go on although the lab has another version than the campaign began with.",
            "캠페인을 시작한 때와 실험실 버전이 달라도 계속합니다.",
        ),
    ),
]
NoReport = Annotated[
    bool, typer.Option("--no-report", help=t("Write no report at the end.", "끝난 뒤 보고서를 쓰지 않습니다."))
]
ReportFolder = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar=t("PLACE", "위치"),
        show_default=False,
        help=t(
            "A folder or .html file for the report; default: beside the store.",
            "보고서를 쓸 폴더 또는 .html 파일. 기본값: 저장소 옆.",
        ),
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=t("Show no progress.", "진행 상황을 보이지 않습니다."))]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        "-s",
        min=0,
        metavar="N",
        help=t(
            "Decides every random choice; the same seed, the same campaign.",
            "모든 무작위 선택을 정합니다. 같은 시드는 같은 캠페인을 만듭니다.",
        ),
    ),
]
Force = Annotated[bool, typer.Option("--force", help=t("Replace what exists.", "있으면 바꿔 씁니다."))]
