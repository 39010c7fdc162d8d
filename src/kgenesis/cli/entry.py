"""Start: settle the language, build the commands, run one, and turn whatever happens into an exit code."""

import os
import sys
from collections.abc import Sequence

from kgenesis.cli.ending import exit_code_of
from kgenesis.cli.language import take_lang

PROGRAM = "kgenesis"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 bad input, 3 refused, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _never_fail_to_print()
    is_json = "--json" in arguments
    try:
        arguments = take_lang(arguments)
        if arguments in (["--version"], ["-V"]):
            return _print_version()
        from kgenesis.cli.commands import build  # its help texts are in the language just settled

        code = build()(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read the output has seen enough; what Python flushes at exit must go somewhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as error:  # noqa: BLE001  (this is the last place that can say what happened)
        return exit_code_of(error, is_json=is_json)
    return code if isinstance(code, int) else 0


def _never_fail_to_print() -> None:
    """A terminal that cannot show a character shows `?` instead of ending the campaign."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _print_version() -> int:
    from importlib.metadata import version

    print(f"{PROGRAM} {version(PROGRAM)}")  # noqa: T201
    return 0
