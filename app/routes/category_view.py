"""A category's standing in the words of an answer. Knows nothing of requests or the database."""

import asyncio
from typing import Any

from app.calibration import expected_rate, needed, rate_95
from app.categories import Category
from app.http.category_schemas import CalibrationState, CategoryView, Resolution
from app.inspection import Inspector
from app.standing import MethodStanding, Standing


async def view(
    inspector: Inspector, standing: Standing, width: int | None = None, height: int | None = None
) -> CategoryView:
    """A standing as it goes over the wire; sizes in pixels."""
    category, info = standing.category, inspector.detector.info
    cells = max(1, info.side // info.patch)
    return CategoryView(
        id=category.id,
        registered=standing.registered,
        **settings(category),
        cached=await asyncio.to_thread(inspector.knows, category),
        fingerprint=standing.fingerprint,
        calibrations=calibrations(standing),
        resolution=Resolution(
            cells=cells,
            cell_share=1 / cells,
            cell_width_px=None if width is None else width / cells,
            cell_height_px=None if height is None else height / cells,
        ),
    )


def settings(category: Category) -> dict[str, Any]:
    """What a `CategoryChange` may say of a category, as it stands; None for a default."""
    wording = category.wording
    return {
        "object": wording.object,
        "domain": wording.domain,
        "normal_states": list(wording.normal_states) or None,
        "abnormal_states": list(wording.abnormal_states) or None,
        "rvs": category.rvs,
        "alpha": category.alpha,
        "roi": None if category.roi is None else category.roi.as_json(),
    }


def calibrations(standing: Standing) -> list[CalibrationState]:
    """Every method's calibration as it goes over the wire."""
    return [_state(method, found) for method, found in standing.methods.items()]


def _state(method: str, found: MethodStanding) -> CalibrationState:
    calibration = found.calibration
    n, alpha = calibration.n, calibration.alpha
    return CalibrationState(
        method=method,
        state=found.state,
        reason=_reason(found),
        n=n,
        repeated=found.repeated,
        outdated=found.outdated,
        needed=needed(alpha),
        calibrated=calibration.decides,
        expected_rate=expected_rate(n, alpha),
        rate_95=rate_95(n, alpha),
        anomaly_threshold=calibration.threshold,
        map_threshold=calibration.map_threshold,
    )


def _reason(found: MethodStanding) -> str:
    calibration, repeated, outdated = found.calibration, found.repeated, found.outdated
    good = f"{calibration.n} good image{'' if calibration.n == 1 else 's'}"
    if calibration.decides:
        said = [f"decides by {good}"]
    else:
        wanted = needed(calibration.alpha)
        said = [f"{good}, {wanted} {'is' if wanted == 1 else 'are'} needed"]
    if repeated:
        said.append(
            f"{repeated} of them repeat{'s' if repeated == 1 else ''} the file of an earlier one, "
            "while the stated rates hold for as many different parts as images"
        )
    if outdated:
        was, does = ("was", "does") if outdated == 1 else ("were", "do")
        said.append(
            f"{outdated} more {was} measured with another model, other words or another region "
            f"and {does} not count"
        )
    return "; ".join(said)
