"""GET /inspections: the log of what was inspected, as JSON or CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.http.inspection_schemas import InspectionOptions, InspectionPage, InspectionRow
from app.http.problems import documented
from app.routes.access import ServiceDep, require_key
from app.routes.openapi import operation_id
from app.routes.predict import choose_media_type
from app.routes.strict import StrictRoute
from app.spreadsheet import MARK, guarded
from app.store.query import InspectionQuery

JSON, CSV = "application/json", "text/csv"
_DESCRIPTION = """\
The newest first, at most `limit` of them. For the next page pass `next`, in CSV the last row's
`id`, as `before`:

```sh
curl "http://127.0.0.1:8000/inspections?station=line-2&is_anomalous=true&since=2025-03-01"
curl -H "Accept: text/csv" -o inspections.csv "http://127.0.0.1:8000/inspections?limit=10000"
```

The header `Link` names the next page, of CSV too, where there may be one.

Times without a zone are UTC; in a query string `+` is written `%2B`. An inspection appears here
shortly after its answer; one that could not be written is missing.

CSV is for spreadsheets: it begins with the mark that tells them UTF-8 (`utf-8-sig` in Python;
pandas takes it away by itself). They run a cell as a formula by its first character: a text that
begins with `=`, `+`, `-`, `@`, one of their full-width forms, a tab or a line end is preceded by
`'` there, and so is one that begins with `'` before these. JSON has it unchanged.
"""
router = APIRouter(
    tags=["inspections"],
    dependencies=[Depends(require_key)],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)


@router.get(
    "/inspections",
    response_model=InspectionPage,
    responses={
        200: {
            "description": "Inspections, newest first; `Accept` chooses the form.",
            "content": {
                CSV: {
                    "schema": {
                        "type": "string",
                        "description": "The columns of a row of the JSON under a header line; "
                        "empty for null.",
                    }
                }
            },
        },
        **documented(401, 406, 422, 503),
    },
    summary="The inspection log",
    description=_DESCRIPTION,
)
async def inspections(
    request: Request, options: Annotated[InspectionOptions, Query()], service: ServiceDep
) -> Response:
    media_type = choose_media_type(request, (JSON, CSV))
    query = InspectionQuery(**options.model_dump())
    store = service.store

    def answer() -> Response:
        # Ten thousand rows take a while to write down too: all of it beside the event loop.
        rows = [
            InspectionRow(id=number, **vars(record)) for number, record in store.inspections(query)
        ]
        after = rows[-1].id if len(rows) == options.limit else None
        answered = _as_csv(rows) if media_type == CSV else _as_json(rows, after)
        if after is not None:
            following = request.url.include_query_params(before=after)
            answered.headers["Link"] = f'<?{following.query}>; rel="next"'
        return answered

    return await run_in_threadpool(answer)


def _as_json(rows: Sequence[InspectionRow], after: int | None) -> Response:
    page = InspectionPage(inspections=list(rows), next=after)
    return Response(page.model_dump_json(), media_type=JSON, headers={"Vary": "Accept"})


def _as_csv(rows: Iterable[InspectionRow]) -> Response:
    """RFC 4180 behind a mark, floats in full precision."""
    buffer = io.StringIO(newline="")
    buffer.write(MARK)
    writer = csv.writer(buffer)
    writer.writerow(InspectionRow.model_fields)
    writer.writerows(_cells(row.model_dump(mode="json")) for row in rows)
    return Response(
        buffer.getvalue(),
        media_type=CSV,
        headers={
            "Vary": "Accept",
            "Content-Disposition": 'attachment; filename="inspections.csv"',
        },
    )


def _cells(row: dict[str, Any]) -> list[Any]:
    return [_cell(value) for value in row.values()]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()  # as in JSON; the csv module would write True and False
    return guarded(value) if isinstance(value, str) else value
