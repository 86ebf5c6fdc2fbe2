"""From what a page says to one HTML file that needs nothing else.

Everything that comes from files is escaped by the template. A browser runs nothing but the one
script whose hash the page names, and fetches nothing: pictures are inside of the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from medsegdiff.engine.report.contents import Page
from medsegdiff.engine.report.wording import NOT_A_DEVICE

FOLDER = Path(__file__).parent / "template"
JOINT = re.compile(r"([_.-]+)")
POLICY = (
    "default-src 'none'; img-src data:; style-src {style}; script-src {script}; base-uri 'none'; "
    "form-action 'none'"
)


def as_html(page: Page, written: datetime | None = None) -> str:
    """The page as text.

    Args:
        page: what it says.
        written: when; None is now.
    """
    style, script = (
        (FOLDER / name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    when = written or datetime.now(timezone.utc)
    return environment.get_template("report.html.jinja").render(
        page=page,
        policy=POLICY.format(style=source_hash(style), script=source_hash(script)),
        style=Markup(style),
        script=Markup(script),
        written=when.strftime("%Y-%m-%d %H:%M UTC"),
        not_a_device=NOT_A_DEVICE,
    )


def breakable(name: str) -> Markup:
    """A name that may go on in the next line where its parts are joined."""
    return Markup("").join(
        Markup("{}<wbr>").format(part) if JOINT.fullmatch(part) else escape(part)
        for part in JOINT.split(name)
    )


def source_hash(text: str) -> str:
    """What a content security policy names an inline style or script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
