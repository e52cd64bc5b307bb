"""What is shipped: every weights file has its card, links lead somewhere, the catalogue's files are there."""

import re
from pathlib import Path

import pytest

from pipelines.catalogue import COMPOSERS, EMBEDDED
from pipelines.models import weights_path

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "assets" / "weights"


def test_every_weights_file_has_its_card_and_every_card_its_file() -> None:
    files = {path.stem for kind in ("safetensors", "keras") for path in WEIGHTS.glob(f"*.{kind}")}
    cards = {path.stem for path in WEIGHTS.glob("*.md")}
    assert files == cards
    for name in files:
        card = (WEIGHTS / f"{name}.md").read_text().lower()
        assert "licence" in card
        assert "trained on" in card
        assert "python -m training" in card


@pytest.mark.parametrize(
    "entry",
    [entry for entry in (*EMBEDDED.values(), *list(COMPOSERS.values())[1:]) if entry.weights],
    ids=lambda entry: entry.name,
)
def test_the_catalogues_weights_are_here_and_not_too_large(entry) -> None:
    path = weights_path(entry.weights)
    assert path.is_file()
    assert path.stat().st_size < 25 * 2**20
    assert path.stat().st_size / 1e6 == pytest.approx(entry.size_mb, rel=0.2)


@pytest.mark.parametrize(
    "document", ["README.md", "training/README.md", "training/RESULTS.md", "assets/weights/composer.md"]
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []
