"""A page of figures and facts, as data: headings, sentences, tables, charts; written as HTML or Markdown.

The HTML is one file that opens anywhere, offline and without scripts, in the style of a campaign's report.
"""

from dataclasses import dataclass, fields, replace
from html import escape
from importlib.resources import files
from typing import Any

from kgenesis.campaign.chart import Chart
from kgenesis.campaign.svg import svg
from kgenesis.kernel.text import EMPTY, Lang, Text

Cell = str | Text
"""A text in both languages, or a number as it is written in both."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; the first cell of a row names it."""

    columns: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: Text = EMPTY


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    heading: Text
    sentences: tuple[Text, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[tuple[Chart, Chart], ...] = ()
    """Each in English and in Korean."""
    sources: tuple[str, ...] = ()
    """The streams and commands all of it comes from."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A page, whole."""

    kicker: Text
    title: Text
    lead: Text
    sections: tuple[Section, ...]
    footer: Text = EMPTY


NOTHING = Text(en="Nothing is logged for this.", ko="기록된 것이 없습니다.")
"""Stands where a part has no facts."""

_SOURCES = Text(en="From", ko="출처")


def as_data(paper: Paper) -> dict[str, Any]:
    """Return the page as JSON, without its charts."""

    def plain(value: Any) -> Any:
        if isinstance(value, Text):
            return value.model_dump()
        if isinstance(value, tuple | list):
            return [plain(item) for item in value]
        if isinstance(value, Section | Table):
            return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "charts"}
        return value

    return {f.name: plain(getattr(paper, f.name)) for f in fields(paper)}


def _cell(cell: Cell, lang: Lang) -> str:
    return cell.in_(lang) if isinstance(cell, Text) else cell


def to_html(paper: Paper, lang: Lang) -> str:
    """Return the page as one HTML file; every word is escaped."""
    style = (files("kgenesis.campaign.page") / "page.css").read_text(encoding="utf-8")
    head = (
        f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(paper.title.in_(lang))}</title>\n<style>{style}</style>\n</head>\n<body>\n<header>\n"
        f'<p class="kicker">{escape(paper.kicker.in_(lang))}</p>\n<h1>{escape(paper.title.in_(lang))}</h1>\n'
        f'<p class="summary">{escape(paper.lead.in_(lang))}</p>\n</header>\n<main>\n'
    )
    parts = [_html_section(section, lang) for section in paper.sections]
    return f"{head}{''.join(parts)}</main>\n<footer>{escape(paper.footer.in_(lang))}</footer>\n</body>\n</html>\n"


def _html_section(section: Section, lang: Lang) -> str:
    parts = [f"<section>\n<h2>{escape(section.heading.in_(lang))}</h2>\n"]
    parts += [f"<p>{escape(sentence.in_(lang))}</p>\n" for sentence in section.sentences]
    for pair in section.charts:
        chart = pair[1] if lang == "ko" else pair[0]
        small = replace(chart, key=f"{chart.key}-small", is_small=True)  # drawn for a narrow screen, not shrunk
        parts.append(
            f"<figure><figcaption>{escape(chart.title)}</figcaption>"
            f'<div class="still if-wide">{svg(chart)}</div><div class="still if-narrow">{svg(small)}</div></figure>\n'
        )
    parts += [_html_table(table, lang) for table in section.tables]
    if section.sources:
        listed = ", ".join(f"<code>{escape(source)}</code>" for source in section.sources)
        parts.append(f'<p class="lead">{_SOURCES.in_(lang)}: {listed}</p>\n')
    return "".join([*parts, "</section>\n"])


def _html_table(table: Table, lang: Lang) -> str:
    head = "".join(f'<th scope="col">{escape(column.in_(lang))}</th>' for column in table.columns)
    rows = []
    names = [escape(column.in_(lang), quote=True) for column in table.columns[1:]]
    for first, *rest in table.rows:
        cells = "".join(
            f'<td data-name="{name}">{escape(_cell(cell, lang))}</td>' for name, cell in zip(names, rest, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(_cell(first, lang))}</th>{cells}</tr>\n')
    caption = f"<caption>{escape(table.caption.in_(lang))}</caption>" if table.caption else ""
    return (
        f'<div class="scroll"><table class="wide stacks">{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def to_markdown(paper: Paper, lang: Lang) -> str:
    """Return the page as Markdown; charts are left out, their numbers stand in the tables."""
    lines = [f"# {paper.title.in_(lang)}", "", paper.kicker.in_(lang), "", paper.lead.in_(lang), ""]
    for section in paper.sections:
        lines += [f"## {section.heading.in_(lang)}", ""]
        for sentence in section.sentences:
            lines += [_plain(sentence.in_(lang)), ""]
        for table in section.tables:
            if table.caption:
                lines += [_plain(table.caption.in_(lang)), ""]
            lines.append(_row([column.in_(lang) for column in table.columns]))
            lines.append(_row(["---"] * len(table.columns)))
            lines += [_row([_cell(cell, lang) for cell in row]) for row in table.rows]
            lines.append("")
        if section.sources:
            lines += [f"{_SOURCES.in_(lang)}: {', '.join(f'`{source}`' for source in section.sources)}", ""]
    if paper.footer:
        lines += ["---", "", paper.footer.in_(lang), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is: what people wrote can be no markup."""
    for sign in ("\\", "*", "_", "<", "[", "`"):
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
