"""`kgenesis model …`: the foundation model that says what to expect, trained by us or by you."""

import math
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import model_score, options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.surrogate import Sitting

Model = Annotated[
    str,
    typer.Argument(
        metavar=t("MODEL", "모델"),
        help=t(
            "A published version, the folder of a model, a model file (.yaml) or an installed surrogate.",
            "게시된 버전, 모델 폴더, 모델 파일(.yaml) 또는 설치된 대리모델.",
        ),
    ),
]
Folder = Annotated[
    Path,
    typer.Argument(metavar=t("FOLDER", "폴더"), show_default=False, help=t("Of the training.", "학습 폴더.")),
]
RecipeFile = Annotated[
    Path | None,
    typer.Argument(
        metavar=t("RECIPE", "레시피"),
        show_default=False,
        help=t("A YAML file; default: the recipe of this version.", "YAML 파일. 기본값: 이 버전의 레시피."),
    ),
]
To = Annotated[
    Path, typer.Option("--to", metavar=t("FOLDER", "폴더"), help=t("Where the training lives.", "학습을 둘 폴더."))
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        min=0.01,
        show_default=False,
        help=t(
            "Longest sitting; `resume` goes on. Default: until done.",
            "이번 학습의 최대 시간. `resume`으로 이어 갑니다.",
        ),
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        min=1,
        show_default=False,
        help=t("New length of the training; the lineage keeps both.", "새 학습 길이. 계보에는 둘 다 남습니다."),
    ),
]
Processes = Annotated[
    int,
    typer.Option(
        "--workers",
        min=0,
        max=64,
        help=t(
            "Processes that draw the next data meanwhile; the weights are the same.",
            "다음 데이터를 미리 뽑는 프로세스 수. 가중치는 같습니다.",
        ),
    ),
]
Sets = Annotated[int, typer.Option("--sets", min=1, help=t("Data sets of each size.", "크기마다 데이터 세트 수."))]
Replay = Annotated[
    int,
    typer.Option(
        "--replay", min=0, help=t("Training steps whose data are drawn again.", "데이터를 다시 뽑아 볼 단계 수.")
    ),
]

NEWEST = "genesis-1"


def train(
    recipe: RecipeFile = None,
    to: To = Path("model"),
    minutes: Minutes = None,
    workers: Processes = 1,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Train a model from random weights."""
    from kgenesis.app import model

    with _sitting(minutes, workers, is_json=is_json) as sitting:
        is_done = model.train(recipe, to, sitting)
    _tell_progress(to, is_done=is_done, is_json=is_json)


def resume(
    folder: Folder,
    minutes: Minutes = None,
    steps: Steps = None,
    workers: Processes = 1,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Go on with a training."""
    from kgenesis.app import model

    with _sitting(minutes, workers, is_json=is_json) as sitting:
        is_done = model.resume(folder, sitting, steps)
    _tell_progress(folder, is_done=is_done, is_json=is_json)


def evaluate(model: Model = NEWEST, sets: Sets = 4, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Measure how well a model foretells."""
    from rich.progress import Progress
    from rich.table import Table

    from kgenesis.app import model as app

    console = screen.err()
    with Progress(console=console, refresh_per_second=4, disable=is_json or not console.is_terminal) as bar:
        shown = bar.add_task(t("Foretelling", "예측 중"), total=None)
        found = app.evaluate(model, sets, lambda done, total: bar.update(shown, completed=done, total=total))
    if is_json:
        screen.print_json(found)
        return
    table = Table(box=None, pad_edge=False)
    heads = (t("slice", "구분"), t("data sets", "데이터 세트"), "NLL", t("MAP-GP", "MAP-GP"), t("better", "나은 비율"))
    is_failing = any(v["failures"] for v in found.values())
    last = [t("failures", "실패")] if is_failing else []
    for i, head in enumerate((*heads, t("90 % coverage", "90 % 포함률"), *last)):
        table.add_column(head, justify="right" if i else "left")
    for name, v in found.items():
        figures = (f"{v['nll']:.3f}", f"{v['nll_map_gp']:.3f}", f"{v['better']:.0%}", f"{v['coverage']:.3f}")
        table.add_row(name, f"{v['data_sets']:.0f}", *figures, *([f"{v['failures']:.0f}"] if is_failing else []))
    screen.out().print(table)


def card(model: Model = NEWEST, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Say what a model is."""
    from kgenesis.app import model as app

    found = app.card(model)
    if is_json:
        screen.print_json({"lineage": found.record, "evaluation": found.evaluation})
    else:
        print(found.in_(lang()), end="")  # noqa: T201


def lineage(
    model: Model = NEWEST,
    against: model_score.Against = None,
    replay: Replay = 12,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Check where a model comes from; nothing is looked up anywhere."""
    from kgenesis.app import model as app

    record, gate = app.lineage(model, against or [], replay)
    is_clean = gate.is_passed
    if is_json:
        findings = [{"name": f.name, "state": f.state, "text": f.text.model_dump()} for f in gate.findings]
        screen.print_json({"independent": is_clean, "findings": findings, "lineage": record})
    else:
        model_score.print_findings(gate)
    if not is_clean:
        raise typer.Exit(1)


@contextmanager
def _sitting(minutes: float | None, workers: int, *, is_json: bool) -> Iterator["Sitting"]:
    """Show how far the training is, unless a program reads."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from kgenesis.surrogate import Sitting

    console = screen.err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        _stoppable() as is_stopped,
        Progress(*columns, console=console, refresh_per_second=2, disable=is_json or not console.is_terminal) as bar,
    ):
        shown = bar.add_task(t("Training", "학습 중"), total=None)

        def tell(line: Mapping[str, Any], n_steps: int) -> None:
            said: dict[str, Any] = {"completed": line["step"] + 1, "total": n_steps}
            if "validation" in line:
                said["description"] = t("Training", "학습 중") + f", NLL {line['validation']['nll all']:.2f}"
            bar.update(shown, **said)

        yield Sitting(math.inf if minutes is None else 60.0 * minutes, is_stopped, workers, tell)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Take Ctrl-C and SIGTERM as a wish: the step ends, a checkpoint is written."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        del frame
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        screen.note(t("Writing a checkpoint …", "체크포인트를 쓰는 중 …"))

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_progress(folder: Path, *, is_done: bool, is_json: bool) -> None:
    from kgenesis.app import model

    found = model.progress(folder)
    if is_json:
        screen.print_json({"done": is_done, **found})
        return
    print(  # noqa: T201
        t(
            f"{found['steps']:,} steps, {found['data_sets']:,} data sets, "
            f"{screen.duration(found['cpu_seconds'])} of CPU: {folder}",
            f"{found['steps']:,}단계, 데이터 세트 {found['data_sets']:,}개, "
            f"CPU {screen.duration(found['cpu_seconds'])}: {folder}",
        )
    )
    if found["validation"] is not None:
        nll, covered = found["validation"]["nll all"], found["validation"]["coverage all"]
        said = t(f"NLL {nll:.3f}, 90 % coverage {covered:.3f}", f"NLL {nll:.3f}, 90 % 포함률 {covered:.3f}")
        print(t("Validation: ", "검증: ") + said)  # noqa: T201
    if not is_done:
        screen.note(t(f"Go on: kgenesis model resume {folder}", f"이어 가기: kgenesis model resume {folder}"))


COMMANDS: dict[str, tuple[Any, str]] = {
    "train": (
        train,
        t(
            "Train a model from random weights; needs `kgenesis[train]`.",
            "무작위 가중치에서 모델을 학습합니다(`kgenesis[train]` 필요).",
        ),
    ),
    "resume": (resume, t("Go on with a training, after any kill.", "중단된 학습을 이어 갑니다.")),
    "evaluate": (evaluate, t("Measure how well a model foretells.", "모델의 예측 성능을 측정합니다.")),
    "score": (
        model_score.score,
        t(
            "Score models, ours or yours, beside the independence gate.",
            "우리 모델이든 파트너 모델이든 점수와 독립성 관문.",
        ),
    ),
    "card": (card, t("Say what a model is, what it can and cannot do.", "모델 카드: 무엇이고 무엇을 할 수 있는지.")),
    "lineage": (lineage, t("Check offline that a model is independent.", "모델의 독립성을 오프라인으로 확인합니다.")),
}
