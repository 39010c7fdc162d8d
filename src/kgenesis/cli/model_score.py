"""`kgenesis model score`: one harness for ours and partners' models, and a gate that overrides every score."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.surrogate import Gate, Sheet

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar=t("MODELS", "모델들"),
        show_default=False,
        help=t(
            "Published versions, folders of models, model files (.yaml) or installed surrogates; default: the newest.",
            "게시된 버전, 모델 폴더, 모델 파일(.yaml), 설치된 대리모델. 기본값: 최신 버전.",
        ),
    ),
]
Sets = Annotated[
    int,
    typer.Option(
        "--sets",
        min=1,
        help=t("Data sets of each size, campaigns on each function.", "크기별 데이터 세트 수, 함수별 캠페인 수."),
    ),
]
Against = Annotated[
    list[Path] | None,
    typer.Option(
        "--against",
        metavar=t("FILE", "파일"),
        show_default=False,
        help=t(
            "Weights of another model that these must not resemble (.safetensors, .npz); may be repeated.",
            "닮으면 안 되는 다른 모델의 가중치(.safetensors, .npz). 여러 번 쓸 수 있습니다.",
        ),
    ),
]

BLOCKS = {
    "benchmark": (40, t("Benchmark", "벤치마크")),
    "expert": (35, t("Expert criteria", "전문가 항목")),
    "use": (25, t("Use", "사용")),
}


def score(
    models: Models = None,
    sets: Sets = 4,
    against: Against = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Score models in the manner of the national evaluation."""
    from rich.progress import Progress

    from kgenesis.app import model_score as app
    from kgenesis.cli.model import NEWEST

    console = screen.err()
    with Progress(console=console, refresh_per_second=4, disable=is_json or not console.is_terminal) as bar:
        shown = bar.add_task(t("Measuring", "측정 중"), total=1.0)

        def tell(name: str, part: float) -> None:
            bar.update(shown, completed=part, description=screen.literal(name))

        sheets = app.score(models or [NEWEST], sets, against or [], tell)
    if is_json:
        screen.print_json({"models": [sheet.as_json() for sheet in sheets], "ranking": _ranking(sheets)})
    elif len(sheets) == 1:
        _print_sheet(sheets[0])
    else:
        _print_ranking(sheets)
    if not any(sheet.gate.is_passed for sheet in sheets):
        raise typer.Exit(1)


def _ranking(sheets: Sequence["Sheet"]) -> list[dict[str, object]]:
    """Return who passed the gate, best first."""
    passed = [sheet for sheet in sheets if sheet.gate.is_passed]
    return [{"rank": i, "model": sheet.name, "score": sheet.earned()} for i, sheet in enumerate(passed, 1)]


def _print_sheet(sheet: "Sheet") -> None:
    from rich.table import Table

    said = sheet.as_json()
    table = Table(box=None, pad_edge=False)
    for i, head in enumerate((screen.literal(sheet.name), t("measured", "측정"), t("points", "점수"), t("of", "만점"))):
        table.add_column(head, justify="right" if i else "left")
    for block, (most, title) in BLOCKS.items():
        table.add_row(f"[bold]{title}[/]", "", f"[bold]{said['blocks'][block]:.1f}[/]", f"[bold]{most}[/]")
        for c in said["criteria"]:
            if c["block"] == block:
                table.add_row(
                    f"  {c['what'][lang()]}", screen.number(c["measured"]), f"{c['earned']:.1f}", f"{c['points']:g}"
                )
    out = screen.out()
    out.print(table)
    out.print()
    print_findings(sheet.gate)
    for what, wrong in (*sheet.broken.items(), *((what, f"{n} ×") for what, n in sheet.failures.items())):
        out.print(f"{t('wrong', '잘못됨'):<12} {what}: {wrong}", markup=False, soft_wrap=True)
    for text in said["not_measured"]:
        out.print(f"{t('not measured', '측정 안 함'):<12} {text[lang()]}", markup=False, soft_wrap=True)
    out.print()
    out.print(_verdict(sheet), markup=False, soft_wrap=True)
    out.print(_cost(sheet), markup=False, soft_wrap=True)


def print_findings(gate: "Gate") -> None:
    """Print what came out of checking where a model comes from."""
    states = {"ok": t("ok", "통과"), "failed": t("FAILED", "실패"), "changed": t("changed", "변경")}
    for finding in gate.findings:
        state = states.get(finding.state, t("not checked", "확인 안 함"))
        screen.out().print(f"{state:<12} {finding.text.in_(lang())}", markup=False, soft_wrap=True)


def _verdict(sheet: "Sheet") -> str:
    total = f"{sheet.earned():.1f}"
    if sheet.gate.is_passed:
        return t(f"Score {total} of 100; independence gate passed.", f"100점 만점에 {total}점. 독립성 관문 통과.")
    return t(
        f"Independence gate FAILED: no score (it would be {total} of 100).",
        f"독립성 관문 실패: 점수 없음(통과했다면 100점 만점에 {total}점).",
    )


def _cost(sheet: "Sheet") -> str:
    median, slow, size = (sheet.figures.get(name) for name in ("median-seconds", "p95-seconds", "weights"))
    if median is None or slow is None:
        return t("Cost of a suggestion: none was made.", "제안 비용: 제안이 없었습니다.")
    return t(
        f"Cost of a suggestion: {1e3 * median:.0f} ms of one CPU core (95 %: {1e3 * slow:.0f} ms), weights {size or 0:.2g} MB.",
        f"제안 한 번의 비용: CPU 코어 하나로 {1e3 * median:.0f} ms(95 %: {1e3 * slow:.0f} ms), 가중치 {size or 0:.2g} MB.",
    )


def _print_ranking(sheets: Sequence["Sheet"]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    titles = [f"{title} ({most})" for most, title in BLOCKS.values()]
    heads = (
        t("rank", "순위"),
        t("model", "모델"),
        *titles,
        t("score", "점수"),
        t("gate", "관문"),
        t("ms a suggestion", "제안당 ms"),
    )
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i in {1, 6} else "right")
    for i, sheet in enumerate(sheets, 1):
        is_in, median = sheet.gate.is_passed, sheet.figures.get("median-seconds")
        total = (
            f"{sheet.earned():.1f}"
            if is_in
            else t(f"(would be {sheet.earned():.1f})", f"(통과 시 {sheet.earned():.1f})")
        )
        blocks = [f"{sheet.earned(block):.1f}" for block in BLOCKS]  # type: ignore[arg-type]
        gate = t("passed", "통과") if is_in else t("FAILED", "실패")
        cost = "–" if median is None else f"{1e3 * median:.0f}"
        table.add_row(str(i) if is_in else "–", screen.literal(sheet.name), *blocks, total, gate, cost)
    parts = {block: [sheet.earned(block) for sheet in sheets] for block in BLOCKS}  # type: ignore[arg-type]
    totals = [sheet.earned() for sheet in sheets]
    for title, pick in ((t("mean", "평균"), lambda v: sum(v) / len(v)), (t("highest", "최고"), max)):
        figures = [f"{pick(each):.1f}" for each in (*parts.values(), totals)]
        table.add_row("", title, *figures, "", "", style="dim")
    screen.out().print(table)
    names = [sheet.name for sheet in sheets if not sheet.gate.is_passed]
    if names:
        screen.note(t("Why a gate failed: ", "관문에서 실패한 이유: ") + f"kgenesis model score {names[0]}")
