"""Generated data sets on disk: whole or not there, the same twice, and as `open_dataset` reads."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import FieldError
from app.offline.datasets import check_dataset, load_mask, open_dataset
from app.offline.synthetic import DEFECTS, GROUPS, TRAINED, Split, generate_pair
from app.offline.synthetic import on_disk as module
from app.offline.synthetic.on_disk import DiskRecipe, expand_kinds, write_dataset

ROOT = Path(__file__).parent.parent.parent


def quiet(done: int, total: int) -> None:
    """Tells nobody."""


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_lies_there_is_what_the_generator_draws(tmp_path: Path) -> None:
    recipe = DiskRecipe(("bottle cap", "nut"), 11, Split.BENCHMARK, 500)
    seen: list[tuple[int, int]] = []
    assert write_dataset(tmp_path / "made", recipe, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 22) for done in range(1, 23)]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    dataset = open_dataset("mvtec", tmp_path / "made")
    check_dataset(dataset)
    assert dataset.objects == ("bottle_cap", "nut")
    assert dataset.has_masks
    assert len(dataset.samples) == 44
    defects = {sample.kind for sample in dataset.of("nut")} - {"good"}
    assert defects == {name.replace(" ", "_") for name in DEFECTS}
    pair = generate_pair("bottle cap", 506, Split.BENCHMARK, "missing piece")
    (sample,) = (s for s in dataset.of("bottle_cap") if s.kind == "missing_piece")
    assert sample.image.name == "006.png"
    assert np.array_equal(np.asarray(Image.open(sample.image)), pair.defective)
    assert np.array_equal(load_mask(sample, 240), pair.mask)
    good = tmp_path / "made" / "bottle_cap" / "test" / "good" / "006.png"
    assert np.array_equal(np.asarray(Image.open(good)), pair.good)


def test_equal_recipes_give_equal_files_and_are_not_made_twice(tmp_path: Path) -> None:
    recipe = DiskRecipe(("coin",), 2)
    (tmp_path / "first").mkdir()
    for name in ("first", "second"):
        assert write_dataset(tmp_path / name, recipe, quiet)
    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "second")
    assert len(first) == 7
    assert not write_dataset(tmp_path / "first", recipe, quiet)
    assert contents(tmp_path / "first") == first


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FieldError, match="already holds something else"):
        write_dataset(tmp_path, DiskRecipe(("coin",), 1), quiet)
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}
    write_dataset(tmp_path / "made", DiskRecipe(("coin",), 1), quiet)
    with pytest.raises(FieldError, match="already holds something else"):
        write_dataset(tmp_path / "made", DiskRecipe(("coin",), 1, first_seed=1), quiet)


def test_what_is_stopped_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_write_pair", stop)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "made", DiskRecipe(("coin",), 1), quiet)
    assert list(tmp_path.iterdir()) == []


def test_kinds_may_be_named_by_group() -> None:
    assert expand_kinds(["held_out", "bottle_cap", "nut"]) == (*GROUPS["held_out"], "nut")
    assert set(expand_kinds(["textures", "panels"])) == set(TRAINED)
    with pytest.raises(FieldError, match=r"'velvet'.*carpet.*groups: textures"):
        expand_kinds(["velvet"])


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"kinds": ("gear",), "pairs": 1}, "'gear' is for the benchmark only"),
        ({"kinds": ("rust",), "pairs": 1}, "'rust' is unknown"),
        ({"kinds": (), "pairs": 1}, "no kind"),
        ({"kinds": ("nut",), "pairs": 0}, "pairs 0"),
        ({"kinds": ("nut",), "pairs": 1, "first_seed": -1}, "first seed -1"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(recipe: dict[str, object], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        DiskRecipe(**recipe)  # type: ignore[arg-type]


def test_the_command_line(tmp_path: Path) -> None:
    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "lib" / "generate_dataset.py", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
        )

    out = tmp_path / "made"
    options = ("--kind", "nut", "--pairs", "2", "--split", "validation", "--first-seed", "7")
    done = command(str(out), *options)
    assert done.returncode == 0, done.stderr
    assert f"made mvtec {out}: 1 object, 4 images, 2 anomalous, 2 masks" in done.stdout
    notes = json.loads((out / "dataset.json").read_text())
    assert (notes["kinds"], notes["split"], notes["first_seed"]) == (["nut"], "validation", 7)
    refused = command(str(out), "--kind", "coin")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "Traceback" not in refused.stderr
