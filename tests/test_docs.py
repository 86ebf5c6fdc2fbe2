"""What the documents say of the code is there: every name in the file that its link leads to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsegdiff.engine.settings import read_run_config
from medsegdiff.models.medsegdiff import MedSegDiff

DOCS = Path(__file__).parents[1] / "docs"
NAMED = re.compile(r"\[`([\w.]+)`\]\(\.\./((?:src|tests)/[\w/]+\.py)\)")
LINK = re.compile(r"\]\((?!http)([^)#]+)\)")
EQUATIONS = [f"({number})" for number in range(8)]
PARTS = ["NBP-Filter", "SS-Former", "uncertain spatial attention", "multi-scale loss", "shift by"]


def named(document: str) -> list[tuple[str, str]]:
    return NAMED.findall((DOCS / document).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "file"), sorted({*named("paper-to-code.md"), *named("method.md")})
)
def test_a_name_is_in_the_file_that_its_link_leads_to(name, file):
    source = (DOCS.parent / file).read_text(encoding="utf-8")
    for part in name.split("."):
        defined = rf"^\s*(class|def) {part}\b|^{part} ?[:=]"
        assert re.search(defined, source, re.MULTILINE), f"{part} is not in {file}"


@pytest.mark.parametrize("document", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("part", EQUATIONS + PARTS)
def test_every_equation_and_part_of_the_papers_is_found(part):
    lines = (DOCS / "paper-to-code.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if part in line and NAMED.search(line)]


@pytest.mark.parametrize(
    ("part", "formula"),
    [
        ("log tan", "torch.log(torch.tan("),
        ("v = α ε − σ x_0", "- noise * x_0"),
        ("LN(m_I)", "norm_image(m_image)"),
    ],
)
def test_a_formula_is_in_the_file_that_its_row_leads_to(part, formula):
    lines = (DOCS / "paper-to-code.md").read_text(encoding="utf-8").splitlines()
    files = [file for line in lines if part in line for _, file in NAMED.findall(line)]
    sources = [(DOCS.parent / file).read_text(encoding="utf-8") for file in files]
    assert any(formula in source for source in sources)


def test_the_numbers_of_the_method_are_the_defaults():
    run = read_run_config(None, [])
    network, noise, drawn = run.model.network, run.train.noise, run.predict
    assert isinstance(network, MedSegDiff)
    patch, stages = network.patch_in(2), len(network.denoiser_widths)
    grids = (f"1/{patch * 2**stage}" for stage in range(stages))
    shares = {0.5: "Half", 0.2: "a fifth"}
    said = [
        f"{drawn.sampler.steps} steps x {drawn.members} members",
        f"{drawn.members} masks --> ensemble",
        f"features at 1/1, {', '.join(grids)}",
        f"{patch} x {patch} patches --> [ stage, FF-Parser, fusion ] x {stages}",
        f"{patch} × {patch} patches of x_t",
        f"a small b = {run.model.process.signal_scale}",
        f"{shares[noise.recycling]} of the batches are *recycled*",
        f"{shares[noise.share_at_last_level]} of them at T",
    ]
    method = " ".join((DOCS / "method.md").read_text(encoding="utf-8").split())
    assert [one for one in said if one not in method] == []


def test_nothing_is_installed_by_a_name_that_others_have_on_pypi():
    root = DOCS.parent
    texts = [root / "README.md", *DOCS.rglob("*.md"), *(root / "src").rglob("*.py")]
    by_name = re.compile(r"pip install (?:-\S+ )*[\"']?medsegdiff")
    assert [path for path in texts if by_name.search(path.read_text(encoding="utf-8"))] == []


def test_the_table_of_damaged_files_is_the_one_that_was_measured():
    measured = DOCS.parent / "benchmarks" / "results" / "damaged_files.md"
    document = (DOCS / "reliability.md").read_text(encoding="utf-8")
    assert measured.read_text(encoding="utf-8").strip() in document
