"""What of `scripts/check_image` needs no buildah: what it reads, and what it objects to.

The image itself is built and tried by the script alone.
"""

import base64
import copy
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "scripts" / "lib"))

from check_image_parts.buildah import Step, parse_steps, plain  # noqa: E402
from check_image_parts.commands import CheckError, run  # noqa: E402
from check_image_parts.context import (  # noqa: E402
    BAIT,
    BAITS,
    change_application,
    copy_project,
)
from check_image_parts.objections import of_answer, of_config, of_files, of_steps  # noqa: E402
from check_image_parts.pip_config import gather, parse  # noqa: E402

LOG = """\
[3/3] STEP 1/3: FROM base
[3/3] STEP 2/3: COPY --from=environment /opt/venv /opt/venv
[1/3] STEP 4/5: COPY pyproject.toml constraints.txt ./
--> Using cache 2c1f55
--> 2c1f
[1/3] STEP 5/5: RUN set -eu; pip install -e .
--> Using cache 99aa55
--> 99aa
--> Using cache 71c055
--> 71c0
[3/3] STEP 3/3: COPY --from=project /app /app
[2/3] STEP 3/3: COPY app app
--> 0f11
--> 88d1
"""


def test_steps_are_read_from_a_log() -> None:
    assert parse_steps(LOG) == [
        Step("FROM base", cached=False),
        Step("COPY --from=environment /opt/venv /opt/venv", cached=True),
        Step("COPY pyproject.toml constraints.txt ./", cached=True),
        Step("RUN set -eu; pip install -e .", cached=True),
        Step("COPY --from=project /app /app", cached=False),
        Step("COPY app app", cached=False),
    ]


def test_the_history_is_told_without_digests() -> None:
    digest = 64 * "a"
    assert plain(f"/bin/sh -c #(nop) COPY dir:{digest} in /opt/venv ") == "COPY ... /opt/venv"
    assert plain("/bin/sh -c groupadd --gid 1000 clipad") == "groupadd --gid 1000 clipad"


def test_a_second_build_may_only_build_the_application() -> None:
    steps = parse_steps(LOG)
    assert list(of_steps(steps)) == []
    for at, word in ((1, "built again"), (3, "built again"), (5, "came from the cache")):
        other = list(steps)
        other[at] = Step(other[at].instruction, cached=not other[at].cached)
        (objection,) = of_steps(other)
        assert word in objection
    assert "no steps" in next(of_steps([]))


DESCRIBED: dict[str, Any] = {
    "config": {
        "User": "1000:1000",
        "WorkingDir": "/app",
        "Entrypoint": ["python", "-m", "app"],
        "ExposedPorts": {"8000/tcp": {}},
        "Volumes": {"/models": {}, "/app/data": {}},
        "Healthcheck": {"Test": ["CMD", "python", "-c", "ask('/readyz')"]},
        "Env": ["PATH=/opt/venv/bin", "GPG_KEY=A035C8C1"],
    },
    "history": [{"created_by": "/bin/sh -c groupadd --gid 1000 clipad"}],
}


def test_a_configuration_as_it_must_be() -> None:
    assert list(of_config(DESCRIBED)) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("User", "", "User is ''"),
        ("User", "clipad", "expected '1000:1000'"),
        ("Entrypoint", None, "Entrypoint is None"),
        ("ExposedPorts", {}, "ExposedPorts"),
        ("Volumes", {"/models": {}}, "Volumes"),
        ("Healthcheck", None, "Healthcheck"),
        ("Healthcheck", {"Test": ["CMD", "true"]}, "/readyz"),
        ("Env", ["CLIPAD_API_KEYS=x"], "variable CLIPAD_API_KEYS"),
        ("Env", ["PIP_INDEX_URL=x"], "variable PIP_INDEX_URL"),
        ("Env", ["https_proxy=x"], "variable https_proxy"),
    ],
)
def test_a_configuration_that_must_not_be(name: str, value: object, words: str) -> None:
    described = copy.deepcopy(DESCRIBED)
    described["config"][name] = value
    (objection,) = of_config(described)
    assert words in objection


def test_nor_may_the_history_tell_of_pip_s_configuration() -> None:
    described = copy.deepcopy(DESCRIBED)
    described["history"].append({"created_by": "COPY pip.conf /etc/pip.conf"})
    (objection,) = of_config(described)
    assert "history" in objection


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The files of an image with nothing to object to."""
    for folder in ("app/app", "app/data", "app/model_weights/demo", "mnt", "tmp", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "opt/venv").mkdir(parents=True)
    for file in (
        "app/LICENSE",
        "app/README.md",
        "app/model_weights/README.md",
        "usr/bin/ccrypt",
        "usr/bin/ld.so",
    ):
        (tmp_path / file).write_text("text")
    return tmp_path


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of an image are root's")


@needs_root
def test_files_as_they_must_be(image: Path) -> None:
    assert list(of_files(image)) == []


@needs_root
@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("app/app/.env", "", "no file of this name"),
        ("app/app/notes", BAIT, "came through .dockerignore"),
        ("app/secrets.txt", "", "/app holds"),
        ("app/model_weights/fetched.safetensors", "", "/app/model_weights holds"),
        ("etc/pip.conf", "", "no file of this name"),
        ("root/.ssh/config", "", "no file of this name"),
        ("etc/server.pem", "-----BEGIN PRIVATE KEY-----", "private key"),
        ("usr/bin/x86_64-linux-gnu-gcc-12", "", "no compiler"),
        ("usr/bin/c++", "", "no compiler"),
        ("usr/bin/ld.gold", "", "no compiler"),
        ("opt/venv/bin/ninja", "", "no compiler"),
        ("mnt/0", "", "/mnt is not empty"),
    ],
)
def test_files_that_must_not_be(image: Path, file: str, text: str, words: str) -> None:
    (image / file).parent.mkdir(parents=True, exist_ok=True)
    (image / file).write_text(text)
    objections = list(of_files(image))
    assert len(objections) == 1
    assert words in objections[0]


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o646])
def test_the_application_is_readable_and_fixed(image: Path, mode: int) -> None:
    (image / "app/LICENSE").chmod(mode)
    (objection,) = of_files(image)
    assert "/app/LICENSE: user 0" in objection


def answer(score: float = 0.99, side: int = 8, kind: str = "PNG") -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, kind)
    data = base64.b64encode(file.getvalue()).decode()
    parts = {"text": 0.98, "map": 0.01}
    return {"anomaly_score": score, "score_parts": parts, "heatmap": {"data": data}}


def test_an_answer_is_judged(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (8, 8)).save(picture)
    assert list(of_answer(answer(), picture)) == []
    low = answer(0.2) | {"score_parts": {"text": 0.2, "map": 0.0}}
    for wrong, words in (
        (low, "more than 0.9"),
        (answer(0.95), "expected the sum"),
        (answer(side=9), "expected PNG (8, 8)"),
        (answer(kind="BMP"), "the heatmap is BMP"),
    ):
        (objection,) = of_answer(wrong, picture)
        assert words in objection


def test_pip_s_settings_count_as_pip_counts_them() -> None:
    listed = (
        ":env:.find-links='/b'\nglobal.find-links='/a'\nglobal.cert='/c'\n"
        "install.cert='/d'\ndownload.cert='/e'\nglobal.extra-index-url='x\\ny'\n"
    )
    assert parse(listed) == {"find-links": "/b", "cert": "/d", "extra-index-url": "x\ny"}


def test_what_pip_s_settings_name_is_brought_along(tmp_path: Path) -> None:
    wheels, simple, file = tmp_path / "wheels", tmp_path / "pypi" / "simple", tmp_path / "ca.crt"
    wheels.mkdir()
    simple.mkdir(parents=True)
    file.write_text("a certificate")
    config = {
        "find-links": f"{wheels} {tmp_path / 'absent'}",
        "extra-index-url": f"file://{simple}\nhttps://example.org/simple",
        "cert": str(file),
        "timeout": "180",
    }
    mounted = []
    text = gather(config, tmp_path / "places", lambda *pair: mounted.append(pair))
    assert text == (
        "[global]\n"
        f"find-links = /mnt/0 {tmp_path / 'absent'}\n"
        "extra-index-url = file:///mnt/1/simple https://example.org/simple\n"
        "cert = /mnt/2/ca.crt\n"
        "timeout = 180\n"
    )
    assert mounted == [(wheels, tmp_path / "places/0"), (simple.parent, tmp_path / "places/1")]
    assert (tmp_path / "places/2/ca.crt").read_text() == "a certificate"


def test_a_build_is_given_the_project_and_baits(tmp_path: Path) -> None:
    project, context = tmp_path / "project", tmp_path / "context"
    run(["git", "init", "--quiet", project])
    (project / "app").mkdir()
    (project / "app/__init__.py").write_text("")
    (project / "app/new.py").write_text("")
    (project / ".gitignore").write_text("ignored\n")
    (project / "ignored").write_text("")
    copy_project(project, context)
    change_application(context)
    assert (context / "app/__init__.py").read_text() == "# changed\n"
    assert (project / "app/__init__.py").read_text() == ""
    found = {str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()}
    assert found == {".gitignore", "app/__init__.py", "app/new.py", *BAITS}


def test_tools_that_are_missing_are_told_in_one_line(tmp_path: Path) -> None:
    program = str(ROOT / "scripts/lib/check_image.py")
    done = subprocess.run(
        [sys.executable, program, "--place", str(tmp_path)],
        env={"PATH": str(tmp_path)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: missing: buildah, debootstrap, ")
    assert "apt-get install buildah debootstrap" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_command_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"exit code 3, expected 0:\nno such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 3"])
    log = tmp_path / "log"
    assert run(["sh", "-c", "echo out; echo err >&2"], log) == log.read_text() == "out\nerr\n"
