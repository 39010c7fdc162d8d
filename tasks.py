#!/usr/bin/env python3
"""The one runner of every chore, for people and for CI: `python3 tasks.py VERB …`; needs nothing but Python ≥ 3.11.

    demo      install what the main job needs into .venv and run it: kgenesis run battery-fast-charge
    test      install everything for development into .venv and run the quick tests
    slow      the tests that take long: real browsers, kill -9, plug-ins installed for real
    lint      ruff: rules and formatting
    types     mypy, strict
    imports   import-linter: who may import whom
    ecosystem libEnsemble and Optimas drive our planners, in an environment of their own
    peers     the same with Xopt, and Ax, BayBE and BoFire trade campaigns with us (6 GB)
    plugins   the packages in plugins/, each in an environment of its own: its tests and types (the first installs PyTorch)
    docs      code blocks, links, reference pages held equal to the code
    reference write the reference pages again from the code
    check     lint, types, imports, test (which has docs in it)
    all       check, then slow

Whatever follows the verb goes to the tool it calls: `python3 tasks.py test -k space`.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("KGENESIS_VENV", ROOT / ".venv"))
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
MAIN_JOB = ".[battery,report]"
EVERYTHING = ".[missions,atlas,gest,notebook,optuna,postgres,report,tables,train]"


def run(*command: str | Path) -> None:
    """Run a command in the repository's root; end with its exit code if it fails."""
    shown = " ".join(str(part) for part in command)
    print(f"$ {shown}", flush=True)
    ended = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if ended.returncode:
        sys.exit(ended.returncode)


def python(*arguments: str) -> None:
    """Run the environment's Python."""
    run(BIN / "python", *arguments)


def install(what: str, *, for_development: bool) -> None:
    """Make .venv if there is none, and install into it; quick if all is there."""
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        venv.create(ENVIRONMENT, with_pip=True)
    groups = ["--group", "dev"] if for_development else []
    python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "pip>=25.1")
    python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", what, *groups)


def demo(*arguments: str) -> None:
    install(MAIN_JOB, for_development=False)
    run(BIN / "kgenesis", "run", "battery-fast-charge", *arguments)


def test(*arguments: str) -> None:
    install(EVERYTHING, for_development=True)
    python("-m", "pytest", "-n", "auto", *arguments)


def slow(*arguments: str) -> None:
    install(EVERYTHING, for_development=True)
    python("-m", "pytest", "-m", "slow", *arguments)


def ecosystem(*arguments: str) -> None:
    """Make .venv-ecosystem, and let libEnsemble and Optimas drive our planners in it."""
    _among_peers(("requirements.txt",), ("test_libensemble.py", "test_optimas.py"), *arguments)


def peers(*arguments: str) -> None:
    """Add Xopt, Ax, BayBE and BoFire to .venv-ecosystem, and run all that needs them."""
    _among_peers(("requirements.txt", "peers.txt"), ("",), *arguments)


def _among_peers(pins: tuple[str, ...], tests: tuple[str, ...], *arguments: str) -> None:
    folder, environment = ROOT / "tests" / "ecosystem", ENVIRONMENT.with_name(f"{ENVIRONMENT.name}-ecosystem")
    if not environment.exists():
        venv.create(environment, with_pip=True)
    interpreter = environment / BIN.name / "python"
    wanted = [part for name in pins for part in ("--requirement", folder / name)]
    pip = (interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--upgrade", "pip>=25.1")
    run(*pip, *wanted, "--editable", ".")
    # what peers warn of is theirs
    run(interpreter, "-m", "pytest", "--override-ini=filterwarnings=default", *(folder / t for t in tests), *arguments)


def plugins(*arguments: str) -> None:
    """Make .venv-NAME for each package in plugins/, as its constraints.txt pins it; run its tests and mypy in it."""
    for folder in sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")):
        environment = ENVIRONMENT.with_name(f"{ENVIRONMENT.name}-{folder.name}")
        if not environment.exists():
            venv.create(environment, with_pip=True)
        interpreter = environment / BIN.name / "python"
        pip = (interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--constraint", folder / "constraints.txt", "--editable", ".", "--editable", f"{folder}[test]")
        run(interpreter, "-m", "pytest", f"--rootdir={folder}", "-c", folder / "pyproject.toml", folder, *arguments)
        run(interpreter, "-m", "mypy", "--config-file", folder / "pyproject.toml", folder / "src")


def lint(*arguments: str) -> None:
    install(EVERYTHING, for_development=True)
    python("-m", "ruff", "check", *arguments)
    python("-m", "ruff", "format", "--check")


def types(*arguments: str) -> None:
    install(EVERYTHING, for_development=True)
    python("-m", "mypy", *arguments)


def imports() -> None:
    install(EVERYTHING, for_development=True)
    run(BIN / "lint-imports")


def docs(*arguments: str) -> None:
    install(EVERYTHING, for_development=True)
    python("-m", "pytest", "tests/docs", *arguments)


def reference() -> None:
    install(EVERYTHING, for_development=True)
    python("docs/generate.py")


def check() -> None:
    lint()
    types()
    imports()
    test()


def all_() -> None:
    check()
    slow()


VERBS = {
    "demo": demo, "test": test, "slow": slow, "ecosystem": ecosystem, "peers": peers, "plugins": plugins, "lint": lint, "types": types, "imports": imports, "docs": docs,
    "reference": reference, "check": check, "all": all_,
}  # fmt: skip

if __name__ == "__main__":
    verb, rest = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if verb not in VERBS:
        print(__doc__)
        sys.exit(0 if verb in ("", "help", "-h", "--help") else 2)
    VERBS[verb](*rest)
