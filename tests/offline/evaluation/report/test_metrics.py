"""The files for programs: strict JSON, whole rows, full precision, nothing in place of nothing."""

import csv
import io
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from app.offline.evaluation.figures import ImageScore
from app.offline.evaluation.report.metrics import metrics_csv, metrics_json, scores_csv
from tests.offline.evaluation.report.examples import (
    HOSTILE,
    MODEL,
    evaluation_of,
    object_evaluation,
    odd,
    score,
    usual,
)


def strict(text: str) -> dict:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    text.encode("utf-8")
    return json.loads(text, parse_constant=refuse)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_json_has_figures_bounds_settings_fingerprint_and_counts() -> None:
    content = strict(metrics_json(usual()))
    assert content["dataset"]["digest"] == "d" * 64
    assert content["asked"] == {"methods": ["sdp", "sdp_plus"], "batch": 8, "limit": None}
    first = content["methods"][0]
    assert first["model"]["fingerprint"] == MODEL["fingerprint"]
    assert first["model"]["stages"] == [3, 6, 9, 12]
    assert (first["images"], first["anomalous"], first["seconds"]) == (166, 126, 4.0)
    assert first["mean"]["pixel"]["auroc"] == pytest.approx(0.825)
    bottle = first["objects"][0]
    assert bottle["object"] == "bottle"
    assert bottle["pixel"]["ap_error"] == 3e-5
    assert bottle["image"]["raw"]["auroc"] == 0.909
    assert bottle["image"]["paper"]["auroc"] == 0.909 + 0.01


def test_json_says_null_where_there_is_no_figure() -> None:
    content = strict(metrics_json(odd()))
    named, bare = content["methods"][0]["objects"]
    assert named["object"] == HOSTILE
    assert (bare["pixel"], bare["image"]) == (None, None)


def test_json_is_strict_whatever_the_settings_hold() -> None:
    asked = {
        "nan": float("nan"),
        "infinite": np.float32("inf"),
        "numpy": np.int64(3),
        "flag": np.bool_(True),
        "path": Path("a/b"),
        "name": "caf\udce9",
    }
    content = strict(metrics_json(replace(usual(), asked=asked)))
    assert content["asked"] == {
        "nan": None,
        "infinite": None,
        "numpy": 3,
        "flag": True,
        "path": str(Path("a/b")),
        "name": r"caf\udce9",
    }


def test_csv_has_a_row_per_method_and_object_and_the_means() -> None:
    found = rows(metrics_csv(usual()))
    assert [(row["method"], row["row"], row["object"]) for row in found] == [
        ("sdp", "object", "bottle"),
        ("sdp", "object", "metal_nut"),
        ("sdp", "mean", ""),
        ("sdp_plus", "object", "bottle"),
        ("sdp_plus", "object", "metal_nut"),
        ("sdp_plus", "mean", ""),
    ]
    assert float(found[0]["image_paper_auroc"]) == 0.909 + 0.01
    assert float(found[0]["pixel_pro_error"]) == 4e-5
    assert found[2]["images"] == "166"


def test_csv_leaves_absent_figures_empty_and_keeps_names() -> None:
    named, bare, _ = rows(metrics_csv(odd()))
    assert named["object"] == HOSTILE
    assert {value for name, value in bare.items() if name.startswith(("pixel", "image_"))} == {""}


def test_scores_have_a_row_per_method_and_image() -> None:
    third = 1 / 3
    precise = score("ü/1.png", text=third, anomalous=True, map_auroc=0.1)
    one = replace(object_evaluation(), scores=(precise, score()))
    found = rows(scores_csv(evaluation_of(("sdp", [one]), ("direct", [one]))))
    assert [row["method"] for row in found] == ["sdp", "sdp", "direct", "direct"]
    assert list(found[0]) == ["method", *(field.name for field in fields(ImageScore))]
    assert (found[0]["path"], float(found[0]["text"])) == ("ü/1.png", third)
    assert [row["anomalous"] for row in found[:2]] == ["1", "0"]
    assert [row["map_auroc"] for row in found[:2]] == ["0.1", ""]
    assert found[0]["multi_crop"] == ""
