"""Every operation of the published document against a running server, with all of schemathesis'
checks, and with pictures that are some: what is accepted is tested as well as what is refused.

Of its checks these find something to look at here: not_a_server_error, status_code_conformance,
content_type_conformance, response_headers_conformance, response_schema_conformance,
negative_data_rejection, positive_data_acceptance, missing_required_header (of Authorization),
unsupported_method, allow_header_conformance, ignored_auth, and along the document's links
use_after_free and ensure_resource_availability. object_level_authorization is on, but has nothing
to compare: every key may do everything. What is excused from a check and why: `contract`.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.serving import Server
from tests.e2e.test_sdp_plus import with_heads
from tests.reliability.contract import Outcome, probe, take_a_sample_out

pytestmark = [
    pytest.mark.slow,
    # Hypothesis, of a request that it made itself.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
KEY = "a-key"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("contract")
    settings = with_heads(folder, "tiny-vit") | {
        "CLIPAD_API_KEYS": KEY,
        "CLIPAD_DEFAULT_CATEGORY": "metal nut",
        # Names are cheap here; what the limit answers is tested elsewhere.
        "CLIPAD_MAX_NEW_CATEGORIES_PER_MINUTE": "1000000",
    }
    with Server(folder, settings) as server:
        yield server
        assert "Traceback" not in server.log


def check(outcome: Outcome, cases: int, accepted: int) -> None:
    print(outcome.table())
    assert outcome.faults == [], "\n\n".join(outcome.faults[:20])
    assert outcome.answers.total() >= cases
    for operation in (
        "POST /predict",
        "POST /predict/batch",
        "POST /categories/{id}/calibration",
        "PUT /categories/{id}",
        "POST /categories/import",
    ):
        assert outcome.accepted(operation) >= accepted, operation
    assert outcome.answers["POST /predict", 400] + outcome.answers["POST /predict", 415] > 0


def test_the_document_is_kept(served: Server) -> None:
    check(probe(served.url, KEY, 15, repeatable=True), cases=1000, accepted=25)


def test_a_sample_that_is_there_is_taken_out_as_documented(served: Server) -> None:
    answer = take_a_sample_out(served.url, KEY)
    assert (answer.status_code, answer.json()) == (200, {"removed": 1})


@pytest.mark.nightly
def test_the_document_is_kept_in_thousands_of_cases(served: Server) -> None:
    check(probe(served.url, KEY, 300, repeatable=False), cases=2000, accepted=100)
