"""metrics.md in the paper's form."""

import re

from app.offline.evaluation.report.markdown import metrics_markdown
from tests.offline.evaluation.report.examples import (
    MODEL,
    bare,
    evaluation_of,
    object_evaluation,
    odd,
    usual,
)

HEADS = "Segmentation AUROC | F1 | AP | PRO | Classification AUROC | F1 | AP |"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_papers_protocol_comes_first_in_the_papers_order() -> None:
    lines = metrics_markdown(usual()).splitlines()
    titles = [line for line in lines if line.startswith("## ")]
    assert titles[0] == "## The paper's protocol"
    assert len(titles) == 2
    start = lines.index(f"| Method | Size/Model | Train | {HEADS}")
    figures = ["82.5", "35.9", "30.4", "75.3", "86.9", "91.9", "95.8"]
    assert cells(lines[start + 2]) == ["SDP", "240²/ViT-B-16-plus-240", "✗", *figures]
    assert cells(lines[start + 4])[:4] == ["SDP+ \N{MINUS SIGN} SDP", "", "", "+7.5"]


def test_objects_and_their_mean_as_in_tables_9_to_12() -> None:
    lines = metrics_markdown(usual()).splitlines()
    start = lines.index(f"| Objects | {HEADS}")
    assert [cells(line)[0] for line in lines[start + 2 : start + 5]] == [
        "bottle",
        "metal_nut",
        "mean",
    ]
    assert cells(lines[start + 2])[5] == "91.9"


def test_heads_count_as_training() -> None:
    one = evaluation_of(("sdp_plus", [object_evaluation()]), model=MODEL | {"heads_sha256": "a"})
    assert "| SDP+ | 240²/ViT-B-16-plus-240 | ✓ |" in metrics_markdown(one)


def test_absent_figures_are_dashes() -> None:
    text = metrics_markdown(evaluation_of(("sdp", [bare("x")])))
    assert "| x |" + " \N{EN DASH} |" * 7 in text
    assert "nan" not in text.lower()


def test_a_hostile_name_stays_one_cell_of_text() -> None:
    lines = metrics_markdown(odd()).splitlines()
    (line, *_) = [line for line in lines if "script" in line]
    assert len(cells(line)) == 8
    assert "<" not in line
    assert r"\[b\]" in line
