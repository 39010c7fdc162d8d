"""Ctrl-C and its relatives as wishes: once to finish what runs, twice to release it, thrice to leave at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from kgenesis.cli.language import t

if TYPE_CHECKING:
    from kgenesis.app.run_campaign import Interruption

GRACE = 8.0
"""Seconds what runs may take to finish after SIGTERM or SIGHUP; schedulers kill after 10 or more."""


class Signals:
    """While it is entered, signals ask `interruption` instead of ending the process.

    Args:
        interruption: what the runner looks at.
        tell: shows a sentence; called within a signal handler.
    """

    def __init__(self, interruption: "Interruption", tell: Callable[[str], None]) -> None:
        self._interruption = interruption
        self._tell = tell
        self._before: dict[int, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._take(signal.SIGINT, self._asked)
        self._take(signal.SIGTERM, self._told)
        if hasattr(signal, "SIGHUP"):  # not on Windows
            self._take(signal.SIGHUP, self._told)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give the signals back."""
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        # a signal that is ignored, as SIGHUP under nohup, stays ignored
        if signal.getsignal(number) is not signal.SIG_IGN:
            self._before[number] = signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Answer Ctrl-C."""
        self._interruption.ask()
        match self._interruption.n_asked:
            case 1:
                self._tell(
                    t(
                        "Finishing what runs; Ctrl-C again releases it now.",
                        "실행 중인 실험을 마치는 중입니다. Ctrl-C를 한 번 더 누르면 바로 놓습니다.",
                    )
                )
            case 2:
                self._tell(t("Releasing what runs.", "실행 중인 실험을 놓습니다."))
            case _:
                raise KeyboardInterrupt

    def _told(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Answer SIGTERM and SIGHUP: finish what runs if that is quick, else release it."""
        self._interruption.ask()
        if self._timer is None:
            self._timer = threading.Timer(GRACE, self._interruption.ask)
            self._timer.daemon = True
            self._timer.start()
