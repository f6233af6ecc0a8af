"""The Dockerfile's promises that can be told from its words; scripts/check_image builds it."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    re.sub(r"\s+", " ", line)
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()
    if line
]


def stages() -> list[list[str]]:
    """The instructions of each stage, its FROM first."""
    found: list[list[str]] = []
    for instruction in INSTRUCTIONS:
        if instruction.startswith("FROM "):
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def argument(word: str) -> str:
    """What follows the last instruction that begins so."""
    return [each for each in stages()[-1] if each.startswith(f"{word} ")][-1].partition(" ")[2]


def test_every_stage_stands_on_the_one_base() -> None:
    assert [stage[0] for stage in stages()] == [
        "FROM ${BASE} AS environment",
        "FROM ${BASE} AS project",
        "FROM ${BASE}",
    ]


def test_dependencies_are_installed_before_the_application_is_there() -> None:
    environment, *others = stages()
    copied = [each for each in environment if each.startswith("COPY ")]
    assert copied == ["COPY pyproject.toml constraints.txt ./"]
    assert any("pip install -c constraints.txt" in each for each in environment)
    assert not any("pip install" in each for stage in others for each in stage)
    final = [each for each in stages()[-1] if each.startswith("COPY ")]
    assert ["--from=environment" in each for each in final] == [True, False]


def test_a_configuration_of_pip_is_a_secret_that_no_layer_keeps() -> None:
    (install,) = (each for each in INSTRUCTIONS if "pip install" in each)
    assert install.startswith("RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf ")
    assert "--no-cache-dir" in install
    assert not any(re.match(r"(ARG|ENV) .*PIP_", each) for each in INSTRUCTIONS)


def test_it_installs_extras_that_exist() -> None:
    extras = re.findall(r"extras=([a-z,]+)", TEXT)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert len(extras) == 2
    for extra in {name for each in extras for name in each.split(",")}:
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
    assert all("postgres" in each for each in extras)


def test_it_runs_as_a_user_told_by_number() -> None:
    assert argument("USER") == "1000:1000"


def test_it_listens_where_it_says() -> None:
    environment = argument("ENV")
    assert f"CLIPAD_PORT={argument('EXPOSE')} " in environment
    assert "CLIPAD_HOST=0.0.0.0" in environment


def test_health_is_readiness_asked_past_any_proxy() -> None:
    options, _, command = argument("HEALTHCHECK").partition(" CMD ")
    python, _, program = json.loads(command)
    assert python == "python"
    compile(program, "HEALTHCHECK", "exec")
    assert "/readyz" in program
    assert "urllib" not in program
    assert "--start-period=10m" in options


def test_only_what_the_image_needs_is_given_to_its_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    # The last rule that fits a path counts.
    assert rules[-2:] == ["**/__pycache__", "**/.*"]
    admitted = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        word
        for each in INSTRUCTIONS
        if each.startswith("COPY ") and "--from" not in each
        for word in each.split()[1:-1]
    }
    assert admitted == copied | {"model_weights/README.md", "model_weights/demo"}
    assert rules.index("!model_weights") < rules.index("model_weights/*")
