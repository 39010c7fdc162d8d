"""The report as one HTML file that opens anywhere, offline.

Without scripts every word, table and figure is there already; with them the figures can be explored and the table
sorted. Nothing is fetched: a content security policy forbids it, and each script is allowed by its own hash only.
"""

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kgenesis.campaign.chart import Chart, plotly
from kgenesis.campaign.figures import AT, all_figures
from kgenesis.campaign.page.labels import LABELS
from kgenesis.campaign.parallel import parallel_coordinates
from kgenesis.campaign.report_parts import Report
from kgenesis.campaign.svg import svg
from kgenesis.campaign.words import place_range, short, times
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.text import Lang, Text, say

if TYPE_CHECKING:
    from jinja2 import Environment


def render(report: Report, lang: Lang) -> str:
    """Return the whole page.

    Raises:
        MissingPart: `jinja2` or `plotly` is not installed.
    """
    template = _environment().get_template("page.html")
    from markupsafe import Markup

    figures = all_figures(report, lang)
    scripts = [_plotly_js(), _own("page.js")]
    drawn = {chart.key: plotly(chart) for charts in figures.values() for chart in charts}

    def still(chart: Chart) -> Markup:
        return Markup(svg(chart))  # noqa: S704  every word in it was escaped where it was drawn

    return template.render(
        report=report, lang=lang, figures=figures, still=still, style=Markup(_own("page.css")),  # noqa: S704  our own
        parallel=Markup(parallel_coordinates(report, lang)),  # noqa: S704  escaped where it was drawn
        scripts=[Markup(script) for script in scripts],  # noqa: S704  our own, and Plotly's
        policy=_policy(scripts), drawn=Markup(_json(drawn)),  # noqa: S704  `_json` leaves no `<`
        t=lambda key: LABELS[key].in_(lang), say=lambda text: text.in_(lang), at=lambda key: AT[key].in_(lang),
        short=short, times=times, place_range=place_range, duration=lambda seconds: duration(seconds).in_(lang),
    )  # fmt: skip


def to_fragment(report: Report, lang: Lang) -> str:
    """Return the headline, the best experiment and the curve as a piece of HTML, for a notebook's cell."""
    told = "".join(f"<p>{escape(sentence.in_(lang))}</p>" for sentence in report.sentences)
    pictures = "".join(svg(chart) for chart in all_figures(report, lang)["progress"])
    cells = []
    if report.best is not None:
        for q in report.factors:
            cells.append((q.label.in_(lang), report.best.conditions.get(q.name), q.unit))
        for q in report.outcomes:
            found = report.best.outcomes.get(q.name)
            cells.append((q.label.in_(lang), found.mean if found else None, q.unit))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(short(v) if isinstance(v, float | int) else str(v))}</td>'
        f"<td>{escape(unit)}</td></tr>"
        for name, v, unit in cells
    )
    inside = (
        f'<html lang="{lang}"><style>{_own("page.css")}</style><main><h3>{escape(report.title.in_(lang))}</h3>'
        f"{told}<table>{rows}</table>{pictures}</main></html>"
    )
    # a frame keeps the page's style from the notebook, and the notebook's from the page
    return f'<iframe srcdoc="{escape(inside)}" sandbox="" style="width:100%;height:640px;border:0"></iframe>'


def duration(seconds: float) -> Text:
    """Return a length of time as people say it, e.g. `3 min 20 s`."""
    if seconds < 60:  # noqa: PLR2004
        return say(f"{short(seconds, 3)} s", f"{short(seconds, 3)}초")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return say(f"{minutes} min {rest} s", f"{minutes}분 {rest}초")
    hours, minutes = divmod(minutes, 60)
    return say(f"{hours} h {minutes} min", f"{hours}시간 {minutes}분")


def _environment() -> "Environment":
    try:
        from jinja2 import DictLoader, Environment, StrictUndefined
    except ImportError as error:
        raise _missing("jinja2") from error
    return Environment(
        loader=DictLoader({"page.html": _own("page.html")}), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@cache
def _own(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly_js() -> str:
    """Return Plotly's script from the package, which is found but not imported: importing it costs seconds."""
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise _missing("plotly")
    # a page's line ends are read as \n, and the hash in the policy is over what the browser read
    script = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    return re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE)


def _missing(package: str) -> MissingPart:
    return MissingPart(
        say(
            f"a report page needs {package}, which is not installed", f"보고서 페이지에 필요한 {package}이(가) 없습니다"
        ),
        hint=say("Install it: `pip install 'kgenesis[report]'`.", "`pip install 'kgenesis[report]'`로 설치하세요."),
    )


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    # Plotly writes style attributes, hence unsafe-inline for styles; nothing may be loaded or sent
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _json(data: object) -> str:
    """Return JSON that can stand inside a script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
