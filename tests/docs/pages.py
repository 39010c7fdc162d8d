"""Read the pages of the documentation: their code blocks, links and headings; and run a page as one story.

A fenced block says by its first line how it is checked:

    ```python                run; the python blocks of a page share their names
    ```python file=lab.py    written to the page's folder
    ```yaml mission file=m.yaml   written, and checked as a mission file
    ```yaml part             merged into a small mission, which is checked; then a point of it is drawn
    ```console               every `$ command` is run; the lines below it must be what it prints
    ```csv file=t.csv        written

`slow` after any of these leaves it to the slow tests. `exit=2` after `console` is the exit code expected of its last
command. In what a command prints, `…` stands for any text on a line, and alone on a line for any lines. Blocks of
other kinds (`sh`, `text`, `json`) are only read. `<!-- hidden … -->` (or
`hidden slow`) holds Python that is run and not shown.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```\s*$|^<!-- hidden( slow)?\n(.*?)^-->\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_MARKED = {"python", "yaml", "console", "csv"}

PART: dict[str, Any] = {
    "name": "part",
    "title": "A part",
    "space": {"factors": [{"name": "temperature", "type": "real", "low": 20, "high": 90, "unit": "degC"}]},
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "budget": {"experiments": 20},
}
"""What a `yaml part` block is merged into."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    words: tuple[str, ...]
    body: str

    @property
    def kind(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def is_slow(self) -> bool:
        return "slow" in self.words

    def option(self, name: str) -> str:
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), "")

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page that people read."""
    top = [ROOT / name for name in ("README.md", "README.ko.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*top, *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order; hidden ones are of kind `python`."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        info, body, slow, hidden = match.groups()
        words = ("python", "hidden", *(slow or "").split()) if hidden is not None else tuple(info.split())
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, words, hidden if hidden is not None else body))
    return found


def has_story(page: Path) -> bool:
    """Say whether something on the page is run or checked."""
    return any(
        block.kind in _MARKED and len(block.words) + (block.kind in {"python", "console"}) > 1 for block in blocks(page)
    )


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return where the links of a page lead."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them, and those set by hand."""
    text = prose(page)
    made = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"[`*]", "", heading).strip().lower()
        made.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


# ---- running --------------------------------------------------------------------------------------------------------


class Story:
    """Runs the blocks of a page in order, in a folder of its own with a store of its own."""

    def __init__(self, folder: Path, lang: str = "en") -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__story__"}
        self.environment = os.environ | {
            "KGENESIS_STORE": str(folder / ".store" / "kgenesis.db"),
            "KGENESIS_LANG": lang,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "default",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def tell(self, block: Block) -> None:
        """Do what a block says, or fail."""
        name = block.option("file")
        if name:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(block.body, encoding="utf-8")
        match block.kind:
            case "python" if not name:
                exec(compile(block.body, str(block), "exec"), self.names)  # noqa: S102  (the page is ours)
            case "yaml" if "mission" in block.words:
                self._check_mission(block, self.folder / name)
            case "yaml" if "part" in block.words:
                check_part(block.body)
            case "console":
                self._type(block)

    def _check_mission(self, block: Block, path: Path) -> None:
        from kgenesis.app.mission_files import load_mission

        assert path.is_file(), f"{block}: a mission block needs file=NAME"
        load_mission(str(path))

    def _type(self, block: Block) -> None:
        expected_code = int(block.option("exit") or 0)
        typed = list(commands(block))
        for i, (command, expected) in enumerate(typed):
            ended = subprocess.run(
                [sys.executable, "-m", "kgenesis", *shlex.split(command)[1:]]
                if command.startswith("kgenesis ")
                else ["/bin/sh", "-c", command],
                cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, text=True, encoding="utf-8", timeout=300, check=False,
            )  # fmt: skip
            code = expected_code if i == len(typed) - 1 else 0
            said = f"{block}\n$ {command}\n{ended.stdout}"
            assert ended.returncode == code, f"{said}\nended with {ended.returncode}, not {code}"
            assert matches(expected, ended.stdout), f"{said}\n--- the page says:\n" + "\n".join(expected)


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block and the lines below it."""
    command, expected = "", []
    for line in block.body.splitlines():
        if command.endswith("\\"):
            command = command[:-1] + line.strip()
        elif line.startswith("$ "):
            if command:
                yield command, expected
            command, expected = line[2:], []
        else:
            expected.append(line)
    if command:
        yield command, expected


def matches(expected: Sequence[str], printed: str) -> bool:
    """Say whether the lines on the page are what was printed; nothing on the page matches anything."""
    wanted = [" ".join(line.split()) for line in expected if line.strip()]
    found = [" ".join(line.split()) for line in printed.splitlines() if line.strip()]
    if not wanted:
        return True
    parts = [
        r"(?:[^\n]*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n" for line in wanted
    ]
    return re.fullmatch("".join(parts), "\n".join(found) + "\n") is not None


def check_part(text: str) -> None:
    """Check a part of a mission: merged into a small one it is valid, and points of it can be drawn."""
    import numpy as np

    from kgenesis.app.mission_files import check_mission, validated
    from kgenesis.kernel.sampling import sample

    mission = validated({**PART, **yaml.safe_load(text)})
    check_mission(mission)
    space = mission.space
    rows = space.to_rows(sample(space, 5, np.random.default_rng(0)))
    assert all(not space.check(row) for row in rows)
