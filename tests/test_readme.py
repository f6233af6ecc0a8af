"""The README's words against the project: its commands run, its names exist, its table is true.

Requests and Python run against `./scripts/serve`. Commands that install, fetch, build or start
something are not run here: each of their words is checked against what it names.
"""

import json
import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from app.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ADDRESS = "127.0.0.1:8000"
SET_UP = {"CLIPAD_TORCH", "CLIPAD_TORCH_INDEX", "CLIPAD_PYTHON", "CLIPAD_MIN_FREE_GIB"}


def commands() -> list[str]:
    """Every shell command of the README, continued lines joined."""
    blocks = [text.replace("\\\n", " ") for language, text in BLOCKS if language == "sh"]
    return [line for block in blocks for line in block.splitlines() if line]


REQUESTS = [command for command in commands() if command.startswith("curl ")]
OTHERS = [command for command in commands() if not command.startswith("curl ")]
PROGRAMS = [text for language, text in BLOCKS if language == "python"]


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python", "json"}
    assert len(REQUESTS) >= 10
    assert PROGRAMS


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(PREFIX)}
    environment[f"{PREFIX}DATA_DIR"] = str(tmp_path_factory.mktemp("data"))
    process = subprocess.Popen(
        [ROOT / "scripts" / "serve", "--port", address.rpartition(":")[2]],
        env=environment,
        start_new_session=True,
    )
    try:
        wait_until_ready(process, f"http://{address}/readyz")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"./scripts/serve ended with {process.returncode} before it was ready")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader may stand: the project's samples and two pictures of their own."""
    samples = ROOT / "model_weights" / "demo" / "samples"
    shutil.copytree(samples, tmp_path / samples.relative_to(ROOT))
    shade = np.linspace(40, 200, 320, dtype=np.uint8)
    picture = Image.fromarray(np.broadcast_to(shade, (240, 320)).copy()).convert("RGB")
    for name in ("part.png", "other.png"):
        picture.save(tmp_path / name)
    inside = np.zeros((240, 320), bool)
    inside[60:180, 80:240] = True
    Image.fromarray(inside).save(tmp_path / "mask.png")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", REQUESTS)
def test_requests_are_answered(command: str, address: str, folder: Path) -> None:
    assert ADDRESS in command
    if "@line2-nut.json" in command:
        (export,) = (other for other in REQUESTS if "-o line2-nut.json" in other)
        run(export, address, folder)
    done = run(command, address, folder)
    path = urllib.parse.urlsplit(re.findall(r"http://[^\s\"]+", command)[0]).path
    if "heatmap.png" in command:
        with Image.open(folder / "heatmap.png") as heatmap:
            assert heatmap.size == (320, 240)
    elif "map.npy" in command:
        anomaly = np.load(folder / "map.npy")
        assert anomaly.dtype == np.float32
        assert anomaly.shape == (240, 240)
    elif path == "/predict":
        check_prediction(json.loads(done.stdout))
    elif path == "/predict/batch":
        entries = json.loads(done.stdout)
        assert [entry["filename"] for entry in entries] == ["part.png", "other.png"]
        for entry in entries:
            check_prediction(entry["prediction"])
    elif path.endswith("/export"):
        assert json.loads((folder / "line2-nut.json").read_text())["samples"] == []
    else:
        assert done.stdout


def run(command: str, address: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        ["bash", "-c", command.replace(ADDRESS, address).replace("curl", "curl -sS --fail", 1)],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def check_prediction(answer: dict[str, object]) -> None:
    parts = answer["score_parts"]
    assert isinstance(parts, dict)
    assert answer["anomaly_score"] == pytest.approx(parts["text"] + parts["map"], abs=1e-6)
    assert 0 <= parts["text"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_run(program: str, address: str, folder: Path) -> None:
    assert ADDRESS in program
    done = subprocess.run(
        [sys.executable, "-c", program.replace(ADDRESS, address)],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) >= -1


@pytest.mark.slow
def test_the_shown_answer_has_only_real_fields(address: str, folder: Path) -> None:
    (shown,) = (json.loads(text) for language, text in BLOCKS if language == "json")
    done = subprocess.run(
        ["bash", "-c", REQUESTS[0].replace(ADDRESS, address)],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )
    answer = json.loads(done.stdout)
    assert shown.pop("...") == "..."
    for name, value in shown.items():
        if isinstance(value, dict):
            assert value.keys() <= answer[name].keys()
        elif isinstance(value, float):
            # Two digits are shown, and another build of torch may move the last of them.
            assert answer[name] == pytest.approx(value, abs=0.02), "the README's answer is outdated"
        else:
            assert answer[name] == value


@pytest.mark.parametrize("command", OTHERS)
def test_other_commands_name_what_exists(command: str) -> None:
    words = shlex.split(command)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        assert name in SET_UP or name.removeprefix(PREFIX).lower() in Settings.model_fields
        assert value
    program, *arguments = words
    if program.startswith("./scripts/"):
        assert os.access(ROOT / program, os.X_OK)
        check_script(program, arguments)
    elif program == "docker":
        check_docker(arguments)
    else:
        assert words == ["git", "clone", "REPOSITORY", "clip-ad", "&&", "cd", "clip-ad"]


def check_script(program: str, arguments: list[str]) -> None:
    from open_clip import get_pretrained_cfg

    from app.clipad.hub import fetch
    from app.offline.datasets import LAYOUTS
    from app.offline.synthetic import Split
    from app.offline.synthetic.on_disk import DiskRecipe, expand_kinds

    match program:
        case "./scripts/serve":
            assert options_in(arguments) <= options_of("-m", "app")
        case "./scripts/bench":
            (name, *options) = arguments
            assert options_in(options) <= options_of("scripts/lib/bench", name)
        case "./scripts/generate_dataset":
            assert options_in(arguments) <= options_of("scripts/lib/generate_dataset.py")
            values = dict(zip(arguments[1::2], arguments[2::2], strict=True))
            split = Split(values.get("--split", "training"))
            kinds = [arguments[n + 1] for n, word in enumerate(arguments) if word == "--kind"]
            assert DiskRecipe(expand_kinds(kinds), int(values["--pairs"]), split)
        case "./scripts/train_heads" | "./scripts/evaluate":
            assert arguments[0] in LAYOUTS
            assert options_in(arguments) <= options_of(f"scripts/lib/{Path(program).name}.py")
        case "./scripts/train_demo_backbone":
            assert options_in(arguments) <= options_of("-m", "app.offline.demo")
        case "./scripts/parity":
            assert arguments == []
            compared = [sys.executable, "scripts/lib/parity.py"]
            done = subprocess.run(compared, capture_output=True, text=True, cwd=ROOT, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "57 compared, 0 differ" in done.stdout
        case "./scripts/fetch_weights":
            assert callable(fetch)
            assert get_pretrained_cfg(*arguments)
        case "./scripts/detect":
            assert options_in(arguments) <= options_of("scripts/lib/detect.py")
        case "./scripts/audit":  # asks the network
            assert arguments == []
            assert subprocess.run(["bash", "-n", program], cwd=ROOT).returncode == 0
        case "./scripts/test":
            files = [word for word in arguments if word.endswith(".py")]
            assert all((ROOT / file).is_file() for file in files)
            assert set(arguments) - set(files) <= {"--nightly", "-k", "jpeg"}
        case _:
            pytest.fail(f"{program}: a script this test does not know")


def options_in(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


def options_of(*program: str) -> set[str]:
    """The options that a Python program names in its help."""
    described = subprocess.run(
        [sys.executable, *program, "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "TERMINAL_WIDTH": "200"},
        timeout=120,
    )
    assert described.returncode == 0, described.stderr
    return set(re.findall(r"--[a-z-]+", described.stdout))


def check_docker(arguments: list[str]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    if arguments[0] == "compose":
        assert arguments[1:] == ["up", "--build"]
    elif arguments[0] == "build":
        name, _, value = arguments[arguments.index("--build-arg") + 1].partition("=")
        assert f"ARG {name}=" in dockerfile
        assert re.search(rf"^ +{value}\) ", dockerfile, re.MULTILINE)
    else:
        assert arguments[0] == "run"
        assert "EXPOSE 8000" in dockerfile


def test_the_table_of_settings_is_the_settings() -> None:
    shown = re.search(r"<!-- settings: \S+ -->\n(.*?)\n<!-- settings end -->", README, re.DOTALL)
    assert shown
    table = runpy.run_path(str(ROOT / "scripts" / "lib" / "settings_table.py"))["table"]
    assert shown[1] == table(), "run scripts/lib/settings_table.py and put its output there"


def test_variables_of_the_set_up_are_the_ones_it_reads() -> None:
    script = (ROOT / "scripts" / "lib" / "venv.sh").read_text(encoding="utf-8")
    section = README.partition("## Set-up")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == SET_UP
    assert (
        set(re.findall(r"\$\{?(CLIPAD_\w+)", script)) - {"CLIPAD_ROOT", "CLIPAD_RUNTIME"} == SET_UP
    )


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    for link in links:
        path, _, heading = link.partition("#")
        assert link.startswith("https://arxiv.org/") or (ROOT / path).exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
            assert heading in {name.lower().replace(" ", "-") for name in headings}, link


def test_compose_has_a_service_for_every_profile() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {name: service["profiles"] for name, service in services.items()} == {
        name: [name] for name in ("gpu", "cpu", "demo")
    }
    chosen = re.search(r"^COMPOSE_PROFILES=(\w+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    assert chosen
    assert chosen[1] == "gpu"
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    declared = re.search(r"^VOLUME (.*)$", dockerfile, re.MULTILINE)
    assert declared
    for service in services.values():
        targets = [volume.split(":")[1] for volume in service["volumes"]]
        assert targets == json.loads(declared[1])
        assert service["environment"].keys() <= {
            *(PREFIX + name.upper() for name in Settings.model_fields),
            "HF_ENDPOINT",
        }
        variant = service["build"]["args"]["VARIANT"]
        assert re.search(rf"^ +{variant}\) ", dockerfile, re.MULTILINE)
