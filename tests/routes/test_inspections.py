"""GET /inspections: what is asked of the store, and its rows as JSON and CSV."""

import csv
import io
import threading
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from app.errors import NotReadyError
from app.http import problems
from app.http.telemetry import Metrics, TelemetryMiddleware
from app.keyring import Keyring
from app.routes import inspections
from app.store.query import InspectionQuery
from app.store.records import InspectionRecord

RECORD = InspectionRecord(
    time=datetime(2025, 3, 1, 12, 30, 0, 250_000, UTC),
    request_id="r-1",
    part_id="p-7",
    station="line-2",
    category="metal nut",
    method="sdp",
    score=0.1 + 0.2,
    threshold=0.7,
    p_value=1 / 3,
    is_anomalous=False,
    fingerprint="f" * 64,
    image_sha256="0" * 64,
)
UNDECIDED = replace(
    RECORD, part_id=None, station=None, threshold=None, p_value=None, is_anomalous=None
)
COLUMNS = [
    "id",
    "time",
    "request_id",
    "part_id",
    "station",
    "category",
    "method",
    "score",
    "threshold",
    "p_value",
    "is_anomalous",
    "fingerprint",
    "image_sha256",
]


class FakeStore:
    """Answers with its rows whatever is asked, and keeps the question and who asked it."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, InspectionRecord]] = []
        self.asked: InspectionQuery | None = None
        self.thread: int | None = None
        self.error: Exception | None = None

    def inspections(self, query: InspectionQuery) -> list[tuple[int, InspectionRecord]]:
        self.asked, self.thread = query, threading.get_ident()
        if self.error is not None:
            raise self.error
        return self.rows[: query.limit]


def application(store: FakeStore, *keys: str) -> FastAPI:
    app = FastAPI()
    app.state.service = SimpleNamespace(
        policy=SimpleNamespace(keys=Keyring(frozenset(keys))), store=store
    )
    app.add_middleware(TelemetryMiddleware, metrics=Metrics())
    problems.install(app)
    app.include_router(inspections.router)
    return app


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def client(store: FakeStore) -> TestClient:
    return TestClient(application(store))


def table(client: TestClient, **query: Any) -> list[list[str]]:
    answer = client.get("/inspections", params=query, headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    text = answer.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_rows_as_json(client: TestClient, store: FakeStore) -> None:
    store.rows = [(9, RECORD), (4, UNDECIDED)]
    answer = client.get("/inspections")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept"
    page = answer.json()
    first, second = page["inspections"]
    assert list(first) == COLUMNS
    assert list(first.values()) == [
        9,
        "2025-03-01T12:30:00.250000Z",
        "r-1",
        "p-7",
        "line-2",
        "metal nut",
        "sdp",
        0.1 + 0.2,
        0.7,
        1 / 3,
        False,
        "f" * 64,
        "0" * 64,
    ]
    absent = ("part_id", "station", "threshold", "p_value", "is_anomalous")
    assert [second[name] for name in absent] == [None] * 5
    assert page["next"] is None


def test_without_a_query_the_newest_hundred_are_asked_for(
    client: TestClient, store: FakeStore
) -> None:
    assert client.get("/inspections").json() == {"inspections": [], "next": None}
    assert store.asked == InspectionQuery(limit=100)


def test_every_condition_reaches_the_store(client: TestClient, store: FakeStore) -> None:
    query = {
        "since": "2025-03-01T00:00:00Z",
        "until": "2025-03-02",
        "category": "metal nut",
        "part_id": "p-7",
        "station": "line-2",
        "method": "sdp_plus",
        "request_id": "r-1",
        "is_anomalous": "true",
        "before": "17",
        "limit": "10000",
    }
    assert client.get("/inspections", params=query).status_code == 200
    assert store.asked == InspectionQuery(
        since=datetime(2025, 3, 1, tzinfo=UTC),
        until=datetime(2025, 3, 2, tzinfo=UTC),
        category="metal nut",
        part_id="p-7",
        station="line-2",
        method="sdp_plus",
        request_id="r-1",
        is_anomalous=True,
        before=17,
        limit=10_000,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01T10:00:00", datetime(2025, 3, 1, 10, tzinfo=UTC)),
        ("2025-03-01 10:00", datetime(2025, 3, 1, 10, tzinfo=UTC)),
        ("2025-03-01", datetime(2025, 3, 1, tzinfo=UTC)),
        ("2025-03-01T10:00:00.5Z", datetime(2025, 3, 1, 10, 0, 0, 500_000, UTC)),
        ("2025-03-01T10:00:00%2B02:00", datetime(2025, 3, 1, 8, tzinfo=UTC)),
        ("2025-03-01T10:00:00+02:00", datetime(2025, 3, 1, 8, tzinfo=UTC)),
        ("2025-03-01T10:00:00.25+0200", datetime(2025, 3, 1, 8, 0, 0, 250_000, UTC)),
        ("2025-03-01T10:00-03:00", datetime(2025, 3, 1, 13, tzinfo=UTC)),
        ("", None),
    ],
)
def test_times(client: TestClient, store: FakeStore, text: str, expected: datetime | None) -> None:
    assert client.get(f"/inspections?since={text}").status_code == 200
    assert store.asked is not None
    assert store.asked.since == expected
    assert expected is None or store.asked.since.tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2025",
        "since=1740823200",
        "until=-1.5",
        "until=0001-01-01T00:00:00%2B01:00",
        "until=9999-12-31T23:59:59-01:00",
        "since=2025-02-30",
        "is_anomalous=perhaps",
        "method=sdq",
        "before=0",
        "before=9223372036854775808",
        "limit=0",
        "limit=10001",
        "limit=many",
        "part_id=%00",
        f"station={'x' * 129}",
        "stations=line-2",
    ],
)
def test_what_cannot_be_meant_is_refused(client: TestClient, store: FakeStore, query: str) -> None:
    answer = client.get(f"/inspections?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["loc"] == ["query", query.split("=")[0]]
    assert store.asked is None


def test_a_full_page_names_the_next(client: TestClient, store: FakeStore) -> None:
    store.rows = [(number, RECORD) for number in (9, 7, 4)]
    assert client.get("/inspections?limit=2").json()["next"] == 7
    assert client.get("/inspections?limit=4").json()["next"] is None


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_a_link_leads_to_the_next_page(client: TestClient, store: FakeStore, accept: str) -> None:
    store.rows = [(number, RECORD) for number in (9, 7, 4)]
    headers = {"Accept": accept}
    link = client.get("/inspections?station=S%201&limit=2", headers=headers).headers["Link"]
    assert link == '<?station=S+1&limit=2&before=7>; rel="next"'
    assert "Link" not in client.get("/inspections?limit=4", headers=headers).headers


def test_rows_as_csv(client: TestClient, store: FakeStore) -> None:
    store.rows = [(9, RECORD), (4, UNDECIDED)]
    answer = client.get("/inspections", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="inspections.csv"'
    assert answer.headers["vary"] == "Accept"
    assert answer.text.endswith("\r\n")
    header, first, second = table(client)
    assert header == COLUMNS
    assert first[:2] == ["9", "2025-03-01T12:30:00.250000Z"]
    assert first[7:11] == ["0.30000000000000004", "0.7", repr(1 / 3), "false"]
    assert [second[COLUMNS.index(name)] for name in ("part_id", "p_value")] == ["", ""]
    assert second[COLUMNS.index("is_anomalous")] == ""


def test_csv_tells_spreadsheets_that_it_is_unicode(client: TestClient, store: FakeStore) -> None:
    store.rows = [(1, replace(RECORD, part_id="Träger", station="Süd"))]
    answer = client.get("/inspections", headers={"Accept": "text/csv"})
    assert answer.content.startswith(b"\xef\xbb\xbfid,")
    assert answer.content.count(b"\xef\xbb\xbf") == 1
    assert "Träger,Süd" in answer.content.decode("utf-8-sig")


def test_an_empty_log_is_a_header_alone(client: TestClient) -> None:
    assert table(client) == [COLUMNS]


def test_json_and_csv_say_the_same(client: TestClient, store: FakeStore) -> None:
    tiny = replace(RECORD, score=1e-17, is_anomalous=True, time=RECORD.time.replace(microsecond=0))
    store.rows = [(9, RECORD), (8, tiny)]
    rows = client.get("/inspections").json()["inspections"]
    for row, cells in zip(rows, table(client)[1:], strict=True):
        for value, cell in zip(row.values(), cells, strict=True):
            if isinstance(value, bool):
                assert cell == str(value).lower()
            else:
                assert type(value)(cell) == value


@pytest.mark.parametrize("text", ['a "b", c', "zwölf\u2028Ü", "a;b", "'", " =1", "\u00df"])
def test_texts_survive_csv(client: TestClient, store: FakeStore, text: str) -> None:
    store.rows = [(1, replace(RECORD, part_id=text))]
    assert table(client)[1][COLUMNS.index("part_id")] == text


@pytest.mark.parametrize(
    "begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'="]
)
@pytest.mark.parametrize("name", ["part_id", "station", "category", "request_id"])
def test_csv_runs_no_formulas(client: TestClient, store: FakeStore, name: str, begin: str) -> None:
    text = begin + "HYPERLINK(1)"
    store.rows = [(1, replace(RECORD, **{name: text}))]
    assert table(client)[1][COLUMNS.index(name)] == "'" + text
    assert client.get("/inspections").json()["inspections"][0][name] == text


def test_numbers_are_never_taken_for_formulas(client: TestClient, store: FakeStore) -> None:
    store.rows = [(1, replace(RECORD, score=-0.5))]
    assert table(client)[1][COLUMNS.index("score")] == "-0.5"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/html, text/csv;q=0.9, */*;q=0.8", "text/csv; charset=utf-8"),
    ],
)
def test_accept_chooses(client: TestClient, accept: str, expected: str) -> None:
    answer = client.get("/inspections", headers={"Accept": accept})
    assert answer.headers["content-type"] == expected


def test_nothing_acceptable(client: TestClient, store: FakeStore) -> None:
    answer = client.get("/inspections", headers={"Accept": "text/html"})
    assert answer.status_code == 406
    assert "application/json, text/csv" in answer.json()["detail"]
    assert store.asked is None


def test_a_key_is_needed_where_there_are_keys(store: FakeStore) -> None:
    client = TestClient(application(store, "secret"))
    assert client.get("/inspections").status_code == 401
    assert store.asked is None
    answer = client.get("/inspections", headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 200


def test_the_store_is_asked_beside_the_event_loop(store: FakeStore) -> None:
    app = application(store)
    loop_threads: list[int] = []

    @app.get("/loop")
    async def loop() -> None:
        loop_threads.append(threading.get_ident())

    with TestClient(app) as client:  # entered: one event loop for both
        client.get("/loop")
        client.get("/inspections")
    assert store.thread is not None
    assert store.thread not in loop_threads


def test_a_database_that_fails_is_a_503(client: TestClient, store: FakeStore) -> None:
    store.error = NotReadyError("the database failed: it is locked")
    answer = client.get("/inspections")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "locked" in answer.json()["detail"]


def test_the_published_schema(client: TestClient, store: FakeStore) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/inspections"]["get"]
    assert set(operation["responses"]) == {"200", "401", "406", "422", "503"}
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/csv"}
    assert {parameter["name"] for parameter in operation["parameters"]} == set(
        InspectionQuery.__dataclass_fields__
    )
    store.rows = [(9, RECORD), (4, UNDECIDED)]
    schema = {
        "$ref": "#/components/schemas/InspectionPage",
        "components": document["components"],
    }
    Draft202012Validator(schema).validate(client.get("/inspections").json())
