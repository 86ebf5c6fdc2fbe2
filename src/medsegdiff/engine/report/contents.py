"""What a page of the report says, in the order of the page, without a word of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

THIN_SPACE, MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Number:
    """A number of a JSON file, shown rounded, which remembers where it stands.

    Args:
        value: as it is in the file; None where it is unknown.
        source: file and place, as "summary.json#/mean/1/Dice"; empty for what the report counts.
        unit: shown behind it.
        digits: behind the decimal point.
    """

    value: float | None
    source: str = ""
    unit: str = ""
    digits: int = 3

    @property
    def text(self) -> str:
        """As a person would write it."""
        if self.value is None:
            return "unknown"
        is_whole = isinstance(self.value, int)
        number = f"{self.value:,}" if is_whole else f"{self.value:,.{self.digits}f}"
        number = number.replace(",", THIN_SPACE).replace("-", MINUS)
        return f"{number}{THIN_SPACE}{self.unit}" if self.unit else number


Text = tuple[str | Number, ...]  # words and numbers in turn


@dataclass(frozen=True)
class Document:
    """A JSON file that was read.

    Args:
        name: of the file.
        content: of it.
    """

    name: str
    content: Mapping[str, Any]

    def number(self, *path: str | int, unit: str = "", digits: int = 3) -> Number:
        """The number at a place; unknown where nothing is there."""
        value: Any = self.content
        for key in path:
            if value is not None:
                value = value[key] if isinstance(key, int) else value.get(key)
        steps = "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in path)
        return Number(value, f"{self.name}#/{steps}", unit, digits)


@dataclass(frozen=True)
class Card:
    """One figure of the summary, large.

    Args:
        title: what it is.
        number: the figure.
        note: what is said beneath it.
    """

    title: str
    number: Number
    note: Text = ()


@dataclass(frozen=True)
class Notice:
    """What the reader must know.

    Args:
        title: in a few words.
        lines: one for each study or finding.
        is_grave: whether something has failed or is missing.
    """

    title: str
    lines: Sequence[str]
    is_grave: bool = False


@dataclass(frozen=True)
class Chart:
    """A plot or a picture with its caption.

    Args:
        title: of the chart.
        drawing: SVG, or an img element.
        caption: how to read it.
        is_wide: whether it takes the whole width.
    """

    title: str
    drawing: Markup
    caption: Text = ()
    is_wide: bool = False


@dataclass(frozen=True)
class Table:
    """A small table of figures.

    Args:
        title: of the table.
        head: of its columns.
        rows: the first cell of each names the row.
        note: what the table leaves out.
        meanings: of the rows, in words.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Text]]
    note: str = ""
    meanings: Sequence[str] = ()


@dataclass(frozen=True)
class Column:
    """A column of the table of studies.

    Args:
        title: of the column.
        explanation: of what its figures mean; shown on hovering.
    """

    title: str
    explanation: str = ""


@dataclass(frozen=True)
class Cell:
    """Figures of one study in one column: one, or one for each structure.

    Args:
        lines: name of the structure (empty if there is one) and its figure.
    """

    lines: Sequence[tuple[str, Number]]

    @property
    def sorted_by(self) -> float | None:
        """What the column is sorted by: the mean of what is known."""
        known = [number.value for _, number in self.lines if number.value is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Picture:
    """A thumbnail.

    Args:
        uri: "data:image/jpeg;base64,..."
        width, height: in pixels.
        alternative: what it shows, in words.
        plane: the plane of a volume that is shown.
    """

    uri: str
    width: int
    height: int
    alternative: str
    plane: str = ""


@dataclass(frozen=True)
class StudyRow:
    """One study.

    Args:
        study: its name.
        cells: by column.
        warnings: in plain words.
        picture: None where there is nothing to show.
    """

    study: str
    cells: Sequence[Cell]
    warnings: Sequence[str] = ()
    picture: Picture | None = None


@dataclass(frozen=True)
class Studies:
    """The table of studies.

    Args:
        title: with the order in which they stand.
        columns: of figures.
        rows: in this order.
        pictured: what the parts of each picture are; empty without pictures.
        structures: name and colours, as "#rrggbb", of what is outlined.
        filtered: number of the column that can be filtered by a limit.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[StudyRow]
    pictured: Sequence[str] = ()
    structures: Sequence[tuple[str, Sequence[str]]] = ()
    filtered: int = 0


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: what it is of.
        lead: the result in a sentence.
        cards: the figures of the summary.
        notices: failures, findings, warnings.
        tables, charts: figures and plots.
        studies: the table of studies; None without one.
        facts: by title, what the result was made with: name and value.
        commands: that make it again.
    """

    title: str
    lead: Text
    cards: Sequence[Card] = ()
    notices: Sequence[Notice] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    studies: Studies | None = None
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    commands: Sequence[str] = ()
