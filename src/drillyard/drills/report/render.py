"""
Renders a record as a page and as Markdown, and lays both into the record's folder.

The page stands alone: no script, no request to anywhere, one file that can be mailed. Whatever came from the outside
(log lines, an investigator's output, error texts) is escaped.
"""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.drills.report import words
from drillyard.drills.report.chart import draw
from drillyard.drills.report.contents import read_contents
from drillyard.drills.report.junit import junit
from drillyard.drills.report.pictures import pictures
from drillyard.record import Record

REPORT_HTML = "report.html"
REPORT_MARKDOWN = "report.md"
JUNIT = "junit.xml"


def render_html(record: Record) -> str:
    """The self-contained page. Raises DrillyardError when the record's evidence is damaged."""
    contents = read_contents(record)
    wide = narrow = Markup("")
    if contents.chart is not None:
        wide, narrow = draw(contents.chart, width=960, height=300), draw(contents.chart, width=360, height=250)
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return (
        _environment(html=True)
        .get_template("page.html")
        .render(
            contents=contents, chart_wide=wide, chart_narrow=narrow, style=Markup(style), pictures=_pictures(record)
        )
    )


def render_markdown(record: Record) -> str:
    """The same report as GitHub-flavoured Markdown. Raises DrillyardError when the record's evidence is damaged."""
    contents = read_contents(record)
    return _environment(html=False).get_template("page.md").render(contents=contents, pictures=pictures(record))


def write_reports(record_path: Path) -> Path:
    """
    Writes `report.md`, `junit.xml` and `report.html` into the record's folder; gives the path of the latter.

    Raises DrillyardError when the folder is no record, is damaged, or cannot be written.
    """
    record = Record.open(record_path)
    page, text = render_html(record), render_markdown(record)
    try:
        write_atomically(record_path / REPORT_MARKDOWN, text.encode("utf-8", errors="replace"))
        write_atomically(record_path / JUNIT, junit(record))
        write_atomically(record_path / REPORT_HTML, page.encode("utf-8", errors="replace"))
    except OSError as error:
        raise DrillyardError(f"Cannot write the report into {record_path}: {error.strerror or error}.") from error
    return record_path / REPORT_HTML


def _pictures(record: Record) -> list[tuple[str, str]]:
    """(caption, data URI): the page holds them itself."""
    return [
        (picture.caption, "data:image/png;base64," + base64.b64encode(record.picture(picture.name)).decode())
        for picture in pictures(record)
    ]


def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("drillyard.drills.report", package_path="."),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "utc": words.utc,
        "clean": words.printable,
        "md": words.markdown,
        "code": words.markdown_code,
        "block": words.markdown_block,
    }
    return environment
