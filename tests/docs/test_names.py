"""Names on the pages, in their text too: variables, metrics, headers, files, operations."""

import json
import re
import time

import pytest

from tests.docs.blocks import ADDRESS, ROOT, every, pages
from tests.docs.conftest import Reader
from tests.docs.test_commands import variables
from tests.docs.test_prometheus import families

# Read by the tests and the scripts' stand-ins alone, or by other programs.
FOLDERS = ("app", "deploy", "docs", "scripts", "tests", "model_weights", ".ci")
HEADERS = {
    "X-Request-ID",
    "X-Anomaly-Score",
    "X-Anomaly-Threshold",
    "X-Is-Anomalous",
}
# What the changelog says of earlier versions may be gone by now.
TODAY = [page for page in pages() if page != "CHANGELOG.md"]


@pytest.mark.parametrize("page", TODAY)
def test_variables_are_read_by_something(page: str) -> None:
    named = set(re.findall(r"\bCLIPAD_[A-Z0-9_]*[A-Z0-9]\b(?!\*)", pages()[page]))
    assert named <= variables()


@pytest.mark.parametrize("page", TODAY)
def test_files_are_there(page: str) -> None:
    told = re.findall(r"`(?:\./)?([\w.-]+/[\w./-]+\w)`", pages()[page])
    for name in told:
        if name.split("/")[0] in FOLDERS and not name.startswith("model_weights/NAME"):
            assert (ROOT / name).exists() or (ROOT / f"{name}.py").exists(), name


@pytest.mark.parametrize("page", TODAY)
def test_headers_are_the_services(page: str) -> None:
    assert set(re.findall(r"\bX-[A-Z][\w-]*\w", pages()[page])) <= HEADERS


@pytest.mark.slow
@pytest.mark.parametrize("page", TODAY)
def test_metrics_are_exposed(page: str, reader: Reader) -> None:
    known = families(reader)
    for name in re.findall(r"\bclipad_[a-z_]*[a-z]\b", pages()[page]):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in known, name


@pytest.mark.slow
def test_operations_are_those_of_the_service(reader: Reader) -> None:
    document = json.loads(reader.server.curl("/openapi.json"))
    offered = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method != "head"
    }
    pages_too = "GET /|GET /docs|GET /openapi\\.json"
    forms = [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(each)) for each in offered]
    known = re.compile(rf"(?:{'|'.join(forms)}|{pages_too})(?:\?.*)?")
    for page in TODAY:
        for told in re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]*)`", pages()[page]):
            assert known.fullmatch(told), f"{page}: {told}"
    table = re.findall(r"^\| `(\w+ /\S*)` \|", pages()["docs/http.md"], re.MULTILINE)
    assert set(table) == offered, "docs/http.md: its table of operations"


@pytest.mark.slow
def test_every_refusal_is_in_the_table(reader: Reader) -> None:
    document = json.loads(reader.server.curl("/openapi.json"))
    answered = {
        status
        for methods in document["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "400"
    }
    table = re.findall(r"^\| (\d{3}) \|", pages()["docs/http.md"], re.MULTILINE)
    assert answered <= set(table)


@pytest.mark.slow
def test_a_line_of_the_log_looks_as_shown(reader: Reader) -> None:
    shown = [
        line for block in every("text") for line in block.text.splitlines() if "request_id=" in line
    ]
    assert shown
    picture = "model_weights/demo/samples/wood-scratch.png"
    form = "-F category=wood -F station=line2 -F part_id=A-17"
    reader.types(f"curl -F image=@{picture} {form} http://{ADDRESS}/predict")
    wanted = {shape(line) for line in shown}
    end = time.monotonic() + 300  # the line comes after the answer
    while not wanted <= {shape(line) for line in reader.server.log.splitlines()}:
        assert time.monotonic() < end, wanted
        time.sleep(0.05)


@pytest.mark.slow
def test_what_a_controller_sends_is_answered_as_it_expects(reader: Reader) -> None:
    asked = [
        found[1]
        for block in every("text")
        for found in re.finditer(r"'http://127\.0\.0\.1:8000(\S+?)'", block.text)
    ]
    assert asked
    for path in asked:
        url = f"'http://{ADDRESS}{path}A-17'"
        answer = reader.types(f"curl --data-binary @part.jpg -H 'Content-Type: image/jpeg' {url}")
        assert answer.returncode == 0, answer.stdout
        assert '"is_anomalous":' in answer.stdout
        assert '"part_id":"A-17"' in answer.stdout


def shape(line: str) -> str:
    """A line without what differs from one request to the next."""
    line = re.sub(r"request_id=\w+", "request_id=", line)
    return re.sub(r"\d+", "0", line)
