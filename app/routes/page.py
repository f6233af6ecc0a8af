"""The web page: files of our own, which ask the public API like anybody else."""

from functools import lru_cache
from pathlib import Path
from string import Template

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

from app.http.security import PAGE_POLICY
from app.images.formats import FORMATS, NAMES

_FILES = Path(__file__).parent.parent / "static"
_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> HTMLResponse:
    """The page; it needs no key itself."""
    return HTMLResponse(_index(), headers=_HEADERS)


@router.get("/real-backbone")
async def real_backbone() -> FileResponse:
    """What the banner about the demo leads to."""
    return FileResponse(_FILES / "real-backbone.html", headers=_HEADERS)


def install(app: FastAPI, samples: Path) -> None:
    """Routes, the page's files and a folder of pictures to try it with."""
    app.include_router(router)
    app.mount("/static/samples", StaticFiles(directory=samples, check_dir=False))
    app.mount("/static", StaticFiles(directory=_FILES))


@lru_cache(maxsize=1)
def _index() -> str:
    """The page with the formats it may be given: names to read, and what a file dialog shows."""
    accept = [text for form in FORMATS for text in (form.media_type, *form.suffixes)]
    formats = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
    template = Template((_FILES / "index.html").read_text(encoding="utf-8"))
    return template.substitute(accept=",".join(accept), formats=formats)
