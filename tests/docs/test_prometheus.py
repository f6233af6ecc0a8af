"""docs/operations.md and Prometheus: the table of metrics, the rules, what is scraped."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.blocks import Block, every, pages
from tests.docs.conftest import Reader

PAGE = "docs/operations.md"
OTHERS = {"up", "absent"}  # Prometheus' own
_NAME = re.compile(r"\b(?:clipad|process)_\w+")
_LABELS = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")


def families(reader: Reader) -> dict[str, str]:
    """Name and type of every metric that the service exposes, as its text names them."""
    said = reader.server.curl("/metrics").decode()
    found = dict(re.findall(r"^# TYPE (\S+) (\w+)$", said, re.MULTILINE))
    return {name: kind for name, kind in found.items() if not name.endswith("_created")}


def labels(reader: Reader) -> set[str]:
    return set(re.findall(r"[{,](\w+)=\"", reader.server.curl("/metrics").decode()))


def rules() -> list[tuple[Block, dict[str, Any]]]:
    read = [(block, yaml.safe_load(block.text)) for block in every("yaml")]
    return [
        (block, rule)
        for block, document in read
        if "groups" in document
        for group in document["groups"]
        for rule in group["rules"]
    ]


def test_every_yaml_is_one_that_is_checked() -> None:
    for block in every("yaml"):
        document = yaml.safe_load(block.text)
        assert document.keys() <= {"groups"} or document.keys() <= {
            "scrape_configs",
            "rule_files",
        }, block


@pytest.mark.slow
def test_the_table_has_every_metric(reader: Reader) -> None:
    table = re.findall(r"^\| `((?:clipad|process)_\w+)` \| (\w+) \|", pages()[PAGE], re.MULTILINE)
    assert dict(table) == families(reader)


@pytest.mark.slow
def test_rules_ask_for_metrics_that_there_are(reader: Reader) -> None:
    known = families(reader)
    counted = known.keys() | {
        name + end
        for name, kind in known.items()
        if kind == "histogram"
        for end in ("_bucket", "_sum", "_count")
    }
    reader.types(f"curl -F image=@part.png -F category=wood http://{'127.0.0.1:8000'}/predict")
    named = labels(reader) | {"job", "instance", "category", "method", "le"}
    assert rules()
    for block, rule in rules():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations", "keep_firing_for"}
        asked = set(_NAME.findall(rule["expr"]))
        assert asked or "up" in rule["expr"], (block, rule)
        assert asked <= counted, (block, rule)
        assert set(_LABELS.findall(rule["expr"])) <= named, (block, rule)
        assert rule["annotations"]["summary"], (block, rule)


def test_every_rule_has_its_way_out() -> None:
    table = re.findall(r"^\| `(ClipAd\w+)` \|", pages()[PAGE], re.MULTILINE)
    assert table == [rule["alert"] for _, rule in rules()]


def test_prometheus_itself_reads_the_rules(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("NOT READ by Prometheus: no promtool here (Debian's package `prometheus`)")
    for block in every("yaml"):
        kind = "rules" if "groups" in yaml.safe_load(block.text) else "config"
        file = tmp_path / "clip-ad.yml"
        file.write_text(block.text, encoding="utf-8")
        command = [promtool, "check", kind, *(["--syntax-only"] if kind == "config" else []), file]
        said = subprocess.run(command, text=True, capture_output=True)
        assert said.returncode == 0, f"{block}: {said.stdout}{said.stderr}"
