"""Reading small XML files that people share: checked for their size, entities and completeness."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from medsegdiff.errors import ResourceError, UnreadableStudy

MOST_BYTES = 64 * 2**20  # the largest annotations of LIDC-IDRI are below 2 MB


def read_xml_bytes(path: Path) -> bytes:
    """Read an XML file without taking it apart.

    Raises:
        UnreadableStudy: there is no such file, or it declares entities, by which a small file can
            unfold to a huge one.
        ResourceError: it is larger than annotations are.
    """
    if not path.is_file():
        raise UnreadableStudy(f"There is no file {path}. Check the name.")
    if path.stat().st_size > MOST_BYTES:
        raise ResourceError(
            f"{path} has {path.stat().st_size / 1e6:.0f} MB, more than the "
            f"{MOST_BYTES / 1e6:.0f} MB allowed for XML annotations. Check what it is."
        )
    content = path.read_bytes()
    if b"<!ENTITY" in content:
        raise UnreadableStudy(f"{path} declares XML entities, which annotations do not. Remove it.")
    return content


def read_xml(path: Path) -> ElementTree.Element:
    """Read an XML file to its end, and give its root with the namespaces left out.

    Raises:
        UnreadableStudy: it is not whole XML; or as in `read_xml_bytes`.
        ResourceError: likewise.
    """
    try:
        root = ElementTree.fromstring(read_xml_bytes(path))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadableStudy(
            f"{path} is not whole XML ({error}). Download it again, or mend it in a text editor."
        ) from None
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    return root
