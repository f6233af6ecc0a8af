"""Which module may import which: the floors of the house, read from the imports themselves."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"

# From the ground up; a module imports only what stands on lower floors.
FLOORS: Sequence[set[str]] = (
    {
        "calibration",
        "cpus",
        "drift",
        "errors",
        "ids",
        "logs",
        "memory",
        "png",
        "regions",
        "rounding",
        "spreadsheet",
    },
    {"address", "images", "keyring", "serving"},
    {"clipad", "folders", "heatmap", "store"},
    {"categories", "inspection_log", "pictures", "settings", "vocabulary"},
    {"finding", "presentation"},
    {"http", "inspection", "runtime", "standing"},
    {"registry", "startup"},
    {"ledger"},
    {"service"},
    {"parts", "routes"},
    {"main"},
    {"__main__"},
)
HTTP_FLOORS: Sequence[set[str]] = (
    {"farewell", "names", "negotiation", "origin_form", "schemas", "security", "spool"},
    {"category_schemas", "inspection_schemas", "json_text", "problems", "uploads"},
    {"telemetry"},
    {"protocol"},
)
IMAGES_FLOORS: Sequence[set[str]] = (
    {"bmp_runs", "headers", "png_rows", "tensors"},
    {"bmp", "formats", "png", "rgb", "tiff"},
    {"reading"},
    {"mask"},
    {"region"},
)
SERVING_FLOORS: Sequence[set[str]] = (
    {"ending", "lifecycle", "pace", "worker"},
    {"admission", "batching", "watchdog"},
    {"signals"},
)
CLIPAD_FLOORS: Sequence[set[str]] = (
    {"choices"},
    {
        "attention",
        "checkpoint",
        "download",
        "heads",
        "maps",
        "model_config",
        "multicrop",
        "prompts",
        "rvs",
        "text_files",
        "transfer",
    },
    {"hub", "sdp", "text"},
    {"backbone", "resnet"},
    {"dual_path", "encoder"},
    {"heads_file", "runtimes"},
    {"model_info"},
    {"detector"},
    {"build"},
)
OFFLINE_STANDS_ON = {
    "calibration",
    "clipad",
    "errors",
    "folders",
    "heatmap",
    "ids",
    "images",
    "offline",
    "pictures",
    "png",
    "rounding",
    "spreadsheet",
}
SETTINGS_READERS = {"__main__", "main", "parts"}
# The method knows neither HTTP nor where its parameters come from, the batcher no tensors.
STRANGERS = {
    "clipad": {"fastapi", "pydantic", "pydantic_settings", "starlette", "uvicorn"},
    "offline": {"fastapi", "pydantic_settings", "starlette", "uvicorn"},
    "calibration": {"PIL", "fastapi", "starlette", "torch"},
    "serving": {"PIL", "fastapi", "numpy", "starlette", "torch", "uvicorn"},
    "store": {"PIL", "fastapi", "numpy", "starlette", "torch"},
    "errors": {"fastapi", "starlette"},
    "heatmap": {"fastapi", "starlette", "torch"},
    "images": {"fastapi", "starlette"},
}


def modules(folder: Path) -> dict[str, list[Path]]:
    """The modules and packages directly in a folder, with their files."""
    found = {path.stem: [path] for path in folder.glob("*.py") if path.stem != "__init__"}
    packages = (path.parent for path in folder.glob("*/__init__.py"))
    return found | {package.name: sorted(package.rglob("*.py")) for package in packages}


def imported(source: str) -> Iterator[str]:
    """Full names of all that a source imports, wherever in it: `a.b` for `from a import b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imports_of(paths: Iterable[Path]) -> set[str]:
    return {name for path in paths for name in imported(path.read_text(encoding="utf-8"))}


def below(names: Iterable[str], package: str) -> set[str]:
    """Of full names, the parts right under a package: `app.clipad.maps` gives `clipad`."""
    prefix = package + "."
    return {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}


def climbing(floors: Sequence[set[str]], imports: dict[str, set[str]]) -> list[str]:
    """Every import of something that does not stand on a lower floor."""
    height = {name: number for number, floor in enumerate(floors) for name in floor}
    return [
        f"{name} (floor {height[name]}) imports {other} (floor {height.get(other, 'none')})"
        for name, others in sorted(imports.items())
        for other in sorted(others - {name})
        if height.get(other, len(floors)) >= height[name]
    ]


def internal(folder: Path, package: str) -> dict[str, set[str]]:
    return {name: below(imports_of(paths), package) for name, paths in modules(folder).items()}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import app.store", ["images (floor 0) imports store (floor 1)"]),
        ("def f():\n    from app.store import x", ["images (floor 0) imports store (floor 1)"]),
        ("from app import unplaced", ["images (floor 0) imports unplaced (floor none)"]),
        ("import os, numpy", []),
    ],
)
def test_a_climbing_import_is_found(source: str, expected: list[str]) -> None:
    assert climbing([{"images"}, {"store"}], {"images": below(imported(source), "app")}) == expected


def test_every_module_has_a_floor() -> None:
    assert set().union(*FLOORS) == set(modules(APP)) - {"offline"}
    assert set().union(*CLIPAD_FLOORS) == set(modules(APP / "clipad"))
    assert set().union(*SERVING_FLOORS) == set(modules(APP / "serving"))
    assert set().union(*IMAGES_FLOORS) == set(modules(APP / "images"))
    assert set().union(*HTTP_FLOORS) == set(modules(APP / "http"))


def test_modules_import_only_lower_floors() -> None:
    imports = internal(APP, "app")
    del imports["offline"]
    assert climbing(FLOORS, imports) == []


def test_the_method_imports_only_its_lower_floors() -> None:
    assert climbing(CLIPAD_FLOORS, internal(APP / "clipad", "app.clipad")) == []


def test_the_flow_of_work_imports_only_its_lower_floors() -> None:
    assert climbing(SERVING_FLOORS, internal(APP / "serving", "app.serving")) == []


def test_pictures_import_only_their_lower_floors() -> None:
    assert climbing(IMAGES_FLOORS, internal(APP / "images", "app.images")) == []


def test_what_is_particular_to_http_imports_only_its_lower_floors() -> None:
    assert climbing(HTTP_FLOORS, internal(APP / "http", "app.http")) == []


def test_offline_stands_on_the_method_alone_and_nothing_stands_on_it() -> None:
    imports = internal(APP, "app")
    assert imports.pop("offline") <= OFFLINE_STANDS_ON
    assert [name for name, others in imports.items() if "offline" in others] == []


def test_settings_are_read_at_the_top_alone() -> None:
    imports = internal(APP, "app").items()
    readers = {name for name, others in imports if "settings" in others} - {"settings"}
    assert readers == SETTINGS_READERS


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_stay_outside(name: str) -> None:
    packages = {module.split(".")[0] for module in imports_of(modules(APP)[name])}
    assert packages & STRANGERS[name] == set()
