"""Help pages: quick, complete, in both languages."""

import re
import resource
import subprocess
import sys

import pytest

COMMANDS = [
    (),
    ("atlas",),
    ("atlas", "fields"),
    ("atlas", "technologies"),
    ("atlas", "show"),
    ("atlas", "search"),
    ("atlas", "coverage"),
    ("run",),
    ("campaign",),
    ("campaign", "list"),
    ("campaign", "show"),
    ("campaign", "resume"),
    ("campaign", "stop"),
    ("campaign", "report"),
    ("campaign", "export"),
    ("campaign", "log"),
    ("campaign", "verify"),
    ("question", "new"),
    ("question", "check"),
    ("question", "propose"),
    ("question", "form"),
    ("question", "review"),
    ("question", "sharpen"),
    ("question", "split"),
    ("question", "accept"),
    ("question", "reject"),
    ("question", "prefer"),
    ("question", "prize"),
    ("question", "to-mission"),
    ("question", "draft"),
    ("question", "criticise"),
    ("question", "list"),
    ("question", "show"),
    ("question", "tree"),
    ("question", "history"),
    ("question", "rank"),
    ("question", "rubrics"),
    ("reference", "make"),
    ("reference", "show"),
    ("open",),
    ("suggest",),
    ("record",),
    ("doctor",),
    ("schema",),
    ("new", "mission"),
    ("new", "lab"),
    ("mission",),
    ("mission", "list"),
    ("mission", "open"),
    ("mission", "run"),
    ("mission", "pivot"),
    ("mission", "scoreboard"),
    ("mission", "report"),
]
HANGUL = re.compile(r"[가-힣]")
ALL_PAGES = """
import contextlib, io, json, os, sys
os.environ["COLUMNS"] = sys.argv[2]
os.environ["KGENESIS_LANG"] = sys.argv[1]
from kgenesis.cli import main
pages = {}
for command in json.loads(sys.argv[3]):
    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        assert main([*command, "--help"]) == 0
    pages[" ".join(command)] = page.getvalue()
print(json.dumps(pages))
"""


def pages(lang, columns):
    import json

    done = subprocess.run(
        [sys.executable, "-c", ALL_PAGES, lang, str(columns), json.dumps(COMMANDS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def width(line):
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("columns", [80, 120])
def test_every_page_is_there_in_both_languages_and_fits_the_terminal(columns):
    english, korean = pages("en", columns), pages("ko", columns)
    for command, page in english.items():
        assert not HANGUL.search(page), command
        assert page.startswith("Usage: kgenesis"), command
        # each option has a sentence in Korean, and nothing of Typer's own English is left
        translated = korean[command]
        assert translated.startswith("사용법: kgenesis"), command
        assert "Show this" not in translated, command
        told = [line for line in translated.splitlines()[1:] if re.match(r"^  \S+.*?  \S", line)]
        assert told, command
        for line in told:
            assert HANGUL.search(line), f"{command}: {line}"
        for line in (page + translated).splitlines():
            assert width(line) <= columns, f"{command}: {line}"


def test_the_language_may_be_said_anywhere_on_the_line(cli):
    for arguments in (
        ["--lang", "ko", "run", "--help"],
        ["run", "--lang=ko", "--help"],
        ["run", "--help", "--lang", "ko"],
    ):
        assert "사용법" in cli(*arguments).stdout


def test_the_language_comes_from_the_environment_otherwise(cli):
    assert "사용법" in cli("--help", KGENESIS_LANG="", LANG="ko_KR.UTF-8").stdout
    assert "Usage" in cli("--help", KGENESIS_LANG="", LANG="de_DE.UTF-8").stdout


def test_the_quick_language_choice_is_the_kernels(monkeypatch):
    from kgenesis.cli.language import VARIABLES, lang
    from kgenesis.kernel.text import lang_of_environment

    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert lang() == lang_of_environment() == "en"
    for variable in reversed(VARIABLES):  # each one weighs more than those before
        for value in ("ko_KR.UTF-8", "en_US.UTF-8", "KO", ""):
            monkeypatch.setenv(variable, value)
            assert lang() == lang_of_environment(), (variable, value)


def test_an_unknown_language_is_bad_usage(cli):
    assert "ko or en" in cli("run", "--lang", "fr", "x", rc=2).stderr
    assert "ko or en" in cli("run", "x", "--lang", rc=2).stderr


HEAVY = ("numpy", "scipy", "sqlalchemy", "pint", "yaml", "pybamm", "pandas", "pydantic", "rich", "kgenesis.app")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom kgenesis.cli import main\nmain(['--help'])\n"
        f"print('LOADED', [m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_help_takes_less_than_half_a_second_of_computing(cli):
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        cli("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.5


def test_the_version_is_said(cli):
    assert re.fullmatch(r"kgenesis \d+\.\d+\.\d+\n", cli("--version").stdout)


def test_python_m_kgenesis_is_kgenesis(cli):
    done = subprocess.run([sys.executable, "-m", "kgenesis", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == cli("--version").stdout
