"""docs/evaluation.md: each table of the paper has its commands, and a table of figures beside."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")


def test_every_table_of_the_paper_has_its_commands() -> None:
    sections = TEXT.split("\n## ")
    for number in range(1, 9):
        (section,) = (part for part in sections if re.match(rf"Tables? .*\b{number}\b.*:", part))
        assert "./scripts/evaluate" in section
        assert "| pixel AUROC | F1 | AP | PRO | image AUROC | F1 | AP |" in section
