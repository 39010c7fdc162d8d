"""`kgenesis campaign log` and `verify`: the facts themselves, and whether they are still what was written."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import t

if TYPE_CHECKING:
    from kgenesis.kernel.events import Recorded

_LOOK = 0.5
"""Seconds between looks at what was written."""


Follow = Annotated[
    bool,
    typer.Option(
        "--follow",
        "-f",
        help=t("Wait for what is written until the campaign ends.", "캠페인이 끝날 때까지 기다리며 보여 줍니다."),
    ),
]
JsonLines = Annotated[bool, typer.Option("--json", help=t("One JSON object a line.", "한 줄에 JSON 객체 하나."))]


def log(
    campaign: options.Campaign,
    follow: Follow = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: JsonLines = False,  # noqa: FBT002
) -> None:
    """Print the events of a campaign."""
    from kgenesis.app.campaigns import find_campaign
    from kgenesis.app.export import event_lines
    from kgenesis.app.platform import open_platform
    from kgenesis.kernel.ids import StreamId

    platform = open_platform(store, read_only=True)
    stream = StreamId(find_campaign(platform, campaign))
    version, has_ended = 0, False
    while True:
        for event in platform.store.read(stream, version):
            version = event.version
            has_ended = event.type == "campaign.stopped" or (has_ended and event.type != "campaign.extended")
            line = next(iter(event_lines([event]))) if is_json else _line(event)
            print(line, flush=follow)  # noqa: T201
        if not follow or has_ended:
            return
        time.sleep(_LOOK)


def _line(event: "Recorded") -> str:
    """Return an event as one line: version, local time, type, what it is about."""
    from datetime import datetime

    at = datetime.fromisoformat(event.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{event.version:>6}  {at}  {event.type:<28}  {_about(json.loads(event.body))}".rstrip()


def _about(body: dict[str, Any]) -> str:
    """Return the telling parts of an event's body."""
    parts = [str(body["experiment"])] if "experiment" in body else []
    if "conditions" in body:
        parts.append(" ".join(f"{k}={screen.number(v)}" for k, v in body["conditions"].items()))
        parts.append(f"({body['why']['reason']})")
    if "measurement" in body:
        outcomes = body["measurement"]["outcomes"]
        parts.append(" ".join(f"{k}={screen.number(v['mean'])}" for k, v in outcomes.items()))
    if "failure" in body:
        parts.append(f"{body['failure']['kind']}: {screen.text_of(body['failure']['reason'])}")
    if "mission" in body:
        parts.append(f"{body['mission'].get('name', '')} seed={body.get('seed')} lab={body.get('lab_version')}")
    if body.get("reason"):
        parts.append(str(body["reason"]))
    if "budget" in body:
        parts.append(" ".join(f"{k}={v}" for k, v in body["budget"].items() if v is not None))
    if body.get("attempt", 1) > 1:
        parts.append(t(f"attempt {body['attempt']}", f"{body['attempt']}번째 시도"))
    return "  ".join(parts)


MaybeCampaign = Annotated[
    str | None,
    typer.Argument(
        metavar=t("[CAMPAIGN]", "[캠페인]"),
        show_default=False,
        help=t(
            "Its id, the beginning of it, or `last`; default: the whole store.",
            "캠페인 ID, 그 앞부분, 또는 `last`. 기본값: 저장소 전체.",
        ),
    ),
]


def verify(
    campaign: MaybeCampaign = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Recompute the hash chain."""
    from kgenesis.app.campaigns import find_campaign
    from kgenesis.app.platform import open_platform
    from kgenesis.kernel.ids import StreamId

    platform = open_platform(store, read_only=True)
    stream = None if campaign is None else StreamId(find_campaign(platform, campaign))
    found = platform.store.verify(stream)
    if is_json:
        broken = [
            {"stream": b.stream, "version": b.version, "position": b.position, "text": b.text.model_dump()}
            for b in found.broken
        ]
        screen.print_json(
            {"is_intact": not found.broken, "n_streams": found.n_streams, "n_events": found.n_events, "broken": broken}
        )
    else:
        for broken_event in found.broken:
            screen.note(f"  - {screen.text_of(broken_event.text)}")
        screen.note(
            t(
                f"{found.n_events} events in {found.n_streams} {'stream' if found.n_streams == 1 else 'streams'}: "
                + (f"{len(found.broken)} broken" if found.broken else "all as they were written"),
                f"흐름 {found.n_streams}개, 사건 {found.n_events}개: "
                + (f"{len(found.broken)}곳이 손상됨" if found.broken else "모두 기록된 그대로입니다"),
            )
        )
    raise typer.Exit(1 if found.broken else 0)


COMMANDS: dict[str, tuple[Any, str]] = {
    "log": (log, t("The events of a campaign, in order.", "캠페인의 사건을 순서대로 보여 줍니다.")),
    "verify": (
        verify,
        t(
            "Check that the log is still what was written. Exit code 1 if not.",
            "기록이 쓰인 그대로인지 확인합니다. 아니면 종료 코드 1.",
        ),
    ),
}
