"""Which operation may follow an answer, in OpenAPI's words."""

from typing import Any


def _link(operation: str, description: str, **parameters: str) -> dict[str, Any]:
    return {"operationId": operation, "description": description, "parameters": parameters}


_ID, _CATEGORY = {"id": "$response.body#/id"}, {"id": "$response.body#/category"}

CATEGORY_LINKS: dict[int | str, dict[str, Any]] = {
    200: {
        "links": {
            "look": _link("get_category", "Where it stands.", **_ID),
            "calibrate": _link("calibrate", "Good images for it.", **_ID),
            "export": _link("export_category", "The same as a file.", **_ID),
            "forget": _link("delete_category", "With its calibration.", **_ID),
        }
    }
}

CALIBRATION_LINKS: dict[int | str, dict[str, Any]] = {
    200: {
        "links": {
            "samples": _link("list_samples", "What was kept.", **_CATEGORY),
            "remove": _link(
                "remove",
                "Takes the first image's sample out.",
                **_CATEGORY,
                sample="$response.body#/entries/0/sample",
            ),
            "clear": _link("clear", "Takes all samples out.", **_CATEGORY),
        }
    }
}

SAMPLES_LINKS: dict[int | str, dict[str, Any]] = {
    200: {
        "links": {
            "remove": _link(
                "remove",
                "Takes the first sample out.",
                **_CATEGORY,
                sample="$response.body#/samples/0/id",
            )
        }
    }
}
