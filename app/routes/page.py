"""The web page: files of our own, which ask the public API like anybody else."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from app.http.security import PAGE_POLICY

_FILES = Path(__file__).parent.parent / "static"
_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> FileResponse:
    """The page; it needs no key itself."""
    return FileResponse(_FILES / "index.html", headers=_HEADERS)


@router.get("/real-backbone")
async def real_backbone() -> FileResponse:
    """What the banner about the demo leads to."""
    return FileResponse(_FILES / "real-backbone.html", headers=_HEADERS)


def install(app: FastAPI, samples: Path) -> None:
    """Routes, the page's files and a folder of pictures to try it with."""
    app.include_router(router)
    app.mount("/static/samples", StaticFiles(directory=samples, check_dir=False))
    app.mount("/static", StaticFiles(directory=_FILES))
