"""Health, the model, metrics, the docs: what an operator sees."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from app.main import create_app
from app.settings import Settings
from tests.fakes import FakeDetector
from tests.pictures import PNG
from tests.routes.conftest import Serve

STATUSES = {"200", "400", "401", "404", "406", "413", "415", "422", "429", "500", "503", "504"}


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_before_the_start_it_is_alive_and_not_ready() -> None:
    client = TestClient(create_app(Settings(), FakeDetector()))  # not entered: nothing has started
    assert client.get("/healthz").status_code == 200
    for answer in (
        client.get("/readyz"),
        client.get("/model"),
        client.post("/predict?category=nut", content=PNG),
        client.post("/predict/batch?category=nut", files={"image": PNG}),
    ):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert "starting" in answer.json()["detail"]


def test_ready_means_that_a_prediction_has_run(serve: Serve) -> None:
    detector = FakeDetector()
    serve(detector)
    assert detector.batches == [1]


def test_while_draining_it_is_not_ready(client: TestClient) -> None:
    client.app.state.service.lifecycle.drain()  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    answer = client.post("/predict?category=nut", content=PNG)
    assert (answer.status_code, "draining" in answer.json()["detail"]) == (503, True)


def test_the_model(serve: Serve) -> None:
    card = serve(FakeDetector(("sdp", "sdp_plus"), demo=True), method="sdp_plus").get("/model")
    answer = card.json()
    assert (answer["backbone"], answer["demo"], answer["side"]) == ("fake", True, 16)
    assert (answer["methods"], answer["default_method"]) == (["sdp", "sdp_plus"], "sdp_plus")


def test_request_ids(client: TestClient) -> None:
    for path in ("/healthz", "/nowhere", "/docs", "/predict"):
        kept = client.get(path, headers={"X-Request-ID": "line-2:part.7_b"})
        assert kept.headers["X-Request-ID"] == "line-2:part.7_b"
        for offered in ("", " ", "a b", "x" * 129, 'quo"te', "-dash", "späße"):
            given = client.get(path, headers={"X-Request-ID": offered.encode("latin-1")})
            assert re.fullmatch("[0-9a-f]{32}", given.headers["X-Request-ID"])


def test_metrics(client: TestClient) -> None:
    client.post("/predict?category=nut", content=PNG)
    client.post("/predict?category=nut", content=b"x")
    client.get("/a/path/nobody/has")
    text = client.get("/metrics").text
    for line in (
        'clipad_requests_total{method="POST",route="/predict",status="200"} 1.0',
        'clipad_requests_total{method="POST",route="/predict",status="415"} 1.0',
        'clipad_requests_total{method="any",route="unmatched",status="404"} 1.0',
        'clipad_stage_seconds_count{stage="model"} 1.0',
        "clipad_ready 1.0",
        "clipad_queue_images 0.0",
    ):
        assert line in text
    assert "nobody" not in text


def counted(client: TestClient) -> set[tuple[str, str, str]]:
    """Route, method and status of each line that counts requests."""
    pattern = r'clipad_requests_total\{method="([^"]*)",route="([^"]*)",status="(\d+)"\}'
    found = re.findall(pattern, client.get("/metrics").text)
    return {(route, method, status) for method, route, status in found}


def test_made_up_methods_are_one_in_the_metrics(client: TestClient) -> None:
    for number in range(50):
        for path in ("/predict", "/healthz", "/static/js/main.js", "/openapi.json", "/nowhere"):
            assert client.request(f"FOO{number}", path).status_code in (404, 405)
    client.request("post", "/healthz")
    assert client.request("PUT", "/predict").status_code == 405
    assert counted(client) == {
        ("/predict", "other", "405"),
        ("/healthz", "other", "405"),
        ("/healthz", "POST", "405"),
        ("/static/{file}", "other", "405"),
        ("/openapi.json", "other", "405"),
        ("unmatched", "any", "404"),
        ("/predict", "PUT", "405"),
    }


def test_the_service_s_own_files_have_routes_in_the_metrics(client: TestClient) -> None:
    paths = {
        "/": "/",
        "/docs": "/docs",
        "/real-backbone": "/real-backbone",
        "/openapi.json": "/openapi.json",
        "/static/js/main.js": "/static/{file}",
        "/static/css/frame.css": "/static/{file}",
        "/static/samples/wood-good.png": "/static/samples/{file}",
        "/docs/assets/favicon.png": "/docs/assets/{file}",
    }
    for path in paths:
        client.get(path)
    for number in range(20):
        for folder in ("/static", "/static/samples", "/docs/assets"):
            client.get(f"{folder}/no-{number}")
    found = counted(client)
    assert {route for route, _, status in found if status == "200"} == set(paths.values())
    assert {route for route, _, status in found if status == "404"} == {
        "/static/{file}",
        "/static/samples/{file}",
        "/docs/assets/{file}",
    }
    assert len(found) <= 2 * len(paths)


def test_one_log_line_per_request_without_pictures_or_keys(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(api_keys="secret")
    caplog.set_level("INFO", "app.http.telemetry")
    client.post(
        "/predict?category=nut&part_id=7&station=S%E2%80%9D1",
        content=PNG,
        headers={"Authorization": "Bearer secret", "X-Request-ID": "r1"},
    )
    client.get("/x%0Ay")
    first, second = (r.getMessage() for r in caplog.records if r.name == "app.http.telemetry")
    assert re.fullmatch(
        r"POST /predict 200 [\d.]+ms client=testclient request_id=r1 category='nut' part_id='7' "
        r"station='S”1' score=0\.\d+",
        first,
    )
    assert second.startswith("GET /x\\ny 404 ")
    assert second.endswith(" problem='about:blank' detail='Not Found'")
    assert "secret" not in caplog.text


def test_the_demo_is_announced_once(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(FakeDetector(demo=True))
    client.post("/predict?category=nut", content=PNG)
    lines = [r.getMessage() for r in caplog.records if "demo" in r.getMessage()]
    assert len(lines) == 1
    for words in (
        "scripts/fetch_weights ViT-B-16-plus-240 laion400m_e31",
        "CLIPAD_BACKBONE",
        "CLIPAD_WEIGHTS",
    ):
        assert words in lines[0]


def test_the_docs_need_no_internet(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 3
    for address in addresses:
        assert not re.match(r"(https?:)?//", address)
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        assert len(answer.content) > 500
    assert re.search(r"url: '([^']+)'", page.text)[1] == "openapi.json"  # type: ignore[index]


def test_the_root_leads_to_the_docs(client: TestClient) -> None:
    page = client.get("/")
    assert "<h1>clip-ad</h1>" in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert client.get("/static/js/main.js").status_code == 200
    assert client.get("/static/samples/wood-good.png").headers["content-type"] == "image/png"


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def test_the_document_begins_with_what_one_came_for(document: dict[str, Any]) -> None:
    paths = list(document["paths"])
    assert paths[:4] == ["/predict", "/predict/batch", "/categories", "/categories/{id}"]
    assert paths[-5:] == ["/inspections", "/healthz", "/readyz", "/metrics", "/model"]
    tags = [
        operation["tags"][0]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert list(dict.fromkeys(tags)) == [tag["name"] for tag in document["tags"]]
    assert tags == sorted(tags, key=[tag["name"] for tag in document["tags"]].index)


def test_openapi_names_every_body_and_answer(document: dict[str, Any]) -> None:
    predict = document["paths"]["/predict"]["post"]
    bodies = predict["requestBody"]["content"]
    assert {"multipart/form-data", "image/png", "application/octet-stream"} <= set(bodies)
    form = bodies["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {
        "image",
        "category",
        "method",
        "heatmap",
        "size",
        "part_id",
        "station",
    }
    assert form["additionalProperties"] is False
    assert {p["name"] for p in predict["parameters"]} == {
        "category",
        "method",
        "heatmap",
        "size",
        "part_id",
        "station",
    }
    assert set(predict["responses"]) == STATUSES
    assert set(predict["responses"]["200"]["content"]) == {
        "application/json",
        "image/png",
        "application/x-npy",
    }
    for operation in (predict, document["paths"]["/predict/batch"]["post"]):
        errors = {s: r for s, r in operation["responses"].items() if s != "200"}
        for answer in errors.values():
            assert set(answer["content"]) == {"application/problem+json"}
        assert operation["security"]


def test_openapi_says_what_every_answer_carries(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                wanted = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
                assert {"X-Request-ID", wanted.get(status, "X-Request-ID")} <= set(
                    answer["headers"]
                )


def test_openapi_links_lead_to_operations(document: dict[str, Any]) -> None:
    operations = {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    links = [
        link
        for operation in operations.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 10
    for link in links:
        named = {p["name"] for p in operations[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= named


def test_openapi_says_how_many_images(serve: Serve) -> None:
    document = serve(max_images=7, max_calibration_images=9).get("/openapi.json").json()
    for path, most in (("/predict/batch", 7), ("/categories/{id}/calibration", 9)):
        form = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]
        image = form["schema"]["properties"]["image"]
        assert (image["minItems"], image["maxItems"]) == (1, most)


def test_openapi_has_no_null_where_there_are_only_texts(document: dict[str, Any]) -> None:
    parameters = [
        parameter
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
    ]
    assert len(parameters) > 20
    assert "null" not in str([parameter["schema"] for parameter in parameters])


def patterns(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [found for each in part for found in patterns(each)]
    if not isinstance(part, dict):
        return []
    own = [part] if isinstance(part.get("pattern"), str) else []
    return own + [found for each in part.values() for found in patterns(each)]


def test_openapi_has_patterns_that_every_dialect_reads_alike(document: dict[str, Any]) -> None:
    found = patterns(document)
    assert len(found) > 10
    for schema in found:
        # In JavaScript without its flag `u` these are the letters themselves, unknown in Python.
        assert not re.search(r"\\[pPuXk]|\(\?", schema["pattern"]), schema
        for example in schema.get("examples", ()):
            assert re.search(schema["pattern"], example), schema


@pytest.mark.parametrize("name", ["metal nut", "metal_nut", " Schraube-Nr. 4 ", "ネジ", "é"])
def test_openapi_takes_the_names_that_are_taken(document: dict[str, Any], name: str) -> None:
    path = document["paths"]["/categories/{id}"]["get"]["parameters"]
    (rules,) = [parameter["schema"] for parameter in path if parameter["name"] == "id"]
    assert re.search(rules["pattern"], name)
    assert not any(re.search(rules["pattern"], name + wrong) for wrong in "/{\0!")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_ask_without_a_body(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, client.get(path).status_code) == (200, 200)


def test_the_log_says_why_a_request_was_refused(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.http.telemetry")
    client.post("/predict?category=a/b", content=PNG)
    (record,) = (r for r in caplog.records if r.name == "app.http.telemetry")
    assert (record.fields["problem"], record.fields["client"]) == ("object-name", "testclient")  # type: ignore[attr-defined]
    assert "'/'" in record.fields["detail"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD"),
        ("/predict", "POST"),
        ("/categories/nut", "GET, PUT, DELETE"),
        ("/categories/nut/calibration", "GET, POST, DELETE"),
        ("/openapi.json", "GET, HEAD"),
        ("/docs/assets/favicon.png", "GET, HEAD"),
    ],
)
def test_what_a_path_allows_is_named_in_full(client: TestClient, path: str, allowed: str) -> None:
    answer = client.request("PATCH", path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"


def test_openapi_refers_to_nothing_that_is_not_there(document: dict[str, Any]) -> None:
    text = str(document)
    names = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert "Problem" in names
    assert names <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in text


def test_answers_are_as_documented(client: TestClient, document: dict[str, Any]) -> None:
    def validator(name: str) -> Draft202012Validator:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        return Draft202012Validator(schema)

    validator("Prediction").validate(client.post("/predict?category=nut", content=PNG).json())
    validator("Problem").validate(client.post("/predict?heatmap=x").json())
    validator("ModelCard").validate(client.get("/model").json())
    files = [("image", PNG), ("image", b"x")]
    for entry in client.post("/predict/batch?category=nut", files=files).json():
        validator("BatchEntry").validate(entry)
