"""What a script's arguments name, against what there is. Nothing is installed, fetched or trained.

A script that is not here is unknown: whoever writes of a new one adds it.
"""

import functools
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from open_clip import get_pretrained_cfg

from app.offline.choices import METHODS, Split
from app.offline.datasets import LAYOUTS
from app.offline.synthetic.on_disk import DiskRecipe, expand_kinds
from tests.docs.blocks import ROOT
from tests.forking import run

Words = Sequence[str]
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")
# The words that python is given for each program that may be asked for its options.
PROGRAMS = (
    ("-m", "app"),
    ("-m", "app.offline.demo"),
    *((f"scripts/lib/{name}.py",) for name in ("check_image", "detect", "evaluate")),
    *((f"scripts/lib/{name}.py",) for name in ("generate_dataset", "train_heads")),
    *(
        ("scripts/lib/bench", name)
        for name in ("batches", "calibration", "good-parts", "heads", "model")
    ),
)


def check_script(program: str, arguments: Words) -> None:
    """Fails unless the script takes such arguments."""
    assert os.access(ROOT / program, os.X_OK), program
    name = program.removeprefix("./scripts/")
    assert name in CHECKS, f"{program}: a script that tests/docs/scripts.py does not know"
    CHECKS[name](arguments)


def check_options(*program: str) -> Callable[[Words], None]:
    """A check that a Python program's help names all options given."""

    def check(arguments: Words) -> None:
        assert options_in(arguments) <= options_of(*program), (program, arguments)

    return check


def options_in(words: Words) -> set[str]:
    """`--option` of each word, without a value that is joined to it."""
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def options_of(*program: str) -> set[str]:
    """The options that a Python program names in its help."""
    said = _helps()[program]
    assert "Usage" in said, (program, said)
    return set(_OPTION.findall(said))


@functools.cache
def _helps() -> dict[tuple[str, ...], str]:
    """The help of every program that may be asked for."""
    programs = [
        program for program in PROGRAMS if program[0] == "-m" or (ROOT / program[0]).exists()
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.helps"],
        input=json.dumps([[*program, "--help"] for program in programs]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    texts = [text for _, text in json.loads(done.stdout)]
    return dict(zip(programs, texts, strict=True))


def _values(arguments: Words) -> dict[str, str]:
    return dict(itertools.pairwise(arguments))


def _bench(arguments: Words) -> None:
    """One of the commands in `scripts/bench`'s own list."""
    _one_of_its_own("bench", "scripts/lib/bench", arguments)


def _soak(arguments: Words) -> None:
    _one_of_its_own("soak", "scripts/lib/soak.py", arguments)


def _one_of_its_own(script: str, program: str, arguments: Words) -> None:
    (name, *options) = arguments
    listed = (ROOT / "scripts" / script).read_text(encoding="utf-8")
    assert name in re.findall(rf"\./scripts/{script} ([\w-]+)", listed)
    if options:  # the list itself takes no time
        assert options_in(options) <= options_of(program, name)


def _generate_dataset(arguments: Words) -> None:
    check_options("scripts/lib/generate_dataset.py")(arguments)
    values = _values(arguments)
    kinds = [value for option, value in itertools.pairwise(arguments) if option == "--kind"]
    split = Split(values.get("--split", "training"))
    assert DiskRecipe(expand_kinds(kinds), int(values["--pairs"]), split)


def _with_data_set(name: str) -> Callable[[Words], None]:
    def check(arguments: Words) -> None:
        layout, root, *words = arguments
        assert layout in LAYOUTS
        assert root.startswith(("/data/", "runs/data/"))
        check_options(f"scripts/lib/{name}.py")(words)
        values = _values(words)
        backbone = values.get("--backbone")
        if backbone is not None and not backbone.endswith(".json"):
            assert get_pretrained_cfg(backbone, values["--weights"])
        methods = [value for option, value in itertools.pairwise(words) if option == "--method"]
        assert set(methods) <= set(METHODS)
        assert ("sdp_plus" in methods) <= ("--heads" in words)

    return check


def _fetch_weights(arguments: Words) -> None:
    name, tag = arguments
    assert get_pretrained_cfg(name, tag)


def _detect(arguments: Words) -> None:
    check_options("scripts/lib/detect.py")(arguments)
    assert {"--category", "--out"} <= options_in(arguments)


def _parity(arguments: Words) -> None:
    assert not arguments
    done = run([ROOT / "scripts/lib/parity.py"], ROOT, os.environ, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "57 compared, 0 differ" in done.stdout


def _audit(arguments: Words) -> None:
    """Asks the network: only read here."""
    assert not arguments
    assert subprocess.run(["bash", "-n", "scripts/audit"], cwd=ROOT).returncode == 0


def _test(arguments: Words) -> None:
    paths = [word for word in arguments if word.startswith("tests/")]
    assert all((ROOT / path).exists() for path in paths), arguments
    rest = [word for word in arguments if word not in paths and word != "--nightly"]
    assert not rest or (rest[0] == "-k" and len(rest) == 2), arguments


CHECKS: Mapping[str, Callable[[Words], None]] = {
    "audit": _audit,
    "bench": _bench,
    "check_image": check_options("scripts/lib/check_image.py"),
    "detect": _detect,
    "evaluate": _with_data_set("evaluate"),
    "fetch_weights": _fetch_weights,
    "generate_dataset": _generate_dataset,
    "parity": _parity,
    "serve": check_options("-m", "app"),
    "soak": _soak,
    "test": _test,
    "train_demo_backbone": check_options("-m", "app.offline.demo"),
    "train_heads": _with_data_set("train_heads"),
}


def every_script() -> set[str]:
    """The names of all scripts."""
    return {path.name for path in Path(ROOT / "scripts").iterdir() if path.is_file()}
