"""The scripts' own set-up: what they ask of Python and pip, told by a stand-in for both.

The real thing, minutes long, is what a fresh clone runs first; here every branch is short.
"""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = (
    "awk bash cat chmod cp cut date df dirname env flock grep head mkdir mv rm rmdir sed sha256sum "
    "sleep sort tail tr uname"
)
PROCESSES = "--numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder"


class Project:
    """A copy of what set-up needs, in a folder with a space, and a PATH of few tools."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a project"
        self.bin = folder / "bin"
        self.log = folder / "calls.log"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root / name)
        self.bin.mkdir()
        for tool in TOOLS.split():
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.python = self.bin / "python3"
        shutil.copy(ROOT / "tests" / "fake_python", self.python)
        # Settings are read by the real Python: that is what is tried.
        real = {"REAL_PYTHON": sys.executable, "REAL_ROOT": str(ROOT)}
        self.environment = {"PATH": str(self.bin), "FAKE_LOG": str(self.log), **real}

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "scripts" / script, *arguments],
            cwd=self.bin,
            env=self.environment | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, script: str, *arguments: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(script, *arguments, **variables)
        out, err = process.communicate(timeout=600)
        return process.returncode, out, err

    def calls(self, what: str) -> list[str]:
        """The calls that begin with `what`, since the last time they were asked for."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [call for call in calls if call.startswith(what)]

    def set_up(self, script: str = "serve", **variables: str) -> None:
        code, _, err = self.run(script, **variables)
        assert code == 0, err
        self.calls("")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# The words that python is given by each script; of the others, which ask a program of others, the
# shell tells by itself.
PROGRAMS = {
    "serve": ("-m", "app"),
    "train_demo_backbone": ("-m", "app.offline.demo"),
    "bench": ("scripts/lib/bench",),
    **{
        name: (f"scripts/lib/{name}.py",)
        for name in (
            *("check_image", "detect", "evaluate", "fetch_weights", "generate_dataset"),
            *("parity", "soak", "train_heads"),
        )
    },
}
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").iterdir() if path.is_file())


def usage(script: str) -> str:
    """What a script says of itself at its top."""
    _, *lines = (ROOT / "scripts" / script).read_text(encoding="utf-8").splitlines()
    said = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in said)


@pytest.mark.parametrize("script", SCRIPTS)
def test_who_asks_for_help_gets_it_and_nothing_is_set_up(project: Project, script: str) -> None:
    assert len(usage(script).splitlines()) >= 2
    code, out, err = project.run(script, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(usage(script))
    assert project.calls("") == []
    assert not (project.root / ".venv").exists()
    project.set_up("serve")
    with (project.root / "constraints.txt").open("a") as changed:
        changed.write("# changed\n")
    (project.bin / ".env").write_text("CLIPAD_RUNTIME=openvino\n")
    for option in ("--help", "-h"):
        code, out, err = project.run(script, option)
        assert (code, err) == (0, "")
        calls = [call.replace(f"{project.root}/", "") for call in project.calls("")]
        if script in PROGRAMS:
            assert calls == [" ".join((*PROGRAMS[script], option))]
        else:
            assert (calls, out) == ([], usage(script))


def test_help_after_two_dashes_is_no_help(project: Project) -> None:
    project.set_up()
    assert project.run("serve", "--", "--help", CLIPAD_RUNTIME="openvino")[0] == 0
    assert project.calls("-m pip")


def test_a_half_done_environment_is_not_asked_for_help(project: Project) -> None:
    fail(project, FAKE_PIP_ERROR="no network")
    code, out, _ = project.run("serve", "--help")
    assert code == 0
    assert out.startswith(usage("serve"))
    assert project.calls("") == []


def test_help_and_mistyped_options_need_neither_torch_nor_an_extra() -> None:
    programs = list(PROGRAMS.values())
    for script in ("bench", "soak"):
        names = re.findall(rf"^ *\./scripts/{script} ([\w-]+)", usage(script), re.MULTILINE)
        assert len(names) >= 4
        programs += [(*PROGRAMS[script], name) for name in names]
    asked = [[*program, option] for program in programs for option in ("--help", "-h", "--no-such")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.helps"],
        input=json.dumps(asked),
        text=True,
        capture_output=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for words, (code, text) in zip(asked, json.loads(done.stdout), strict=True):
        assert "Usage: " in text, words
        if words[-1] == "--no-such":
            assert (code, "No such option" in text) == (2, True), words
        else:
            assert (code, "--help" in text) == (0, True), words
            assert "--install-completion" not in text, words


def test_serve_sets_up_once_and_passes_arguments_on(project: Project) -> None:
    code, out, err = project.run("serve", "--port", "80 81")
    assert code == 0, err
    assert out == f"app in {project.bin} with --port 80 81 torch=unset\n"
    assert "pip chatter" not in err
    venv = project.root / ".venv"
    assert project.calls("-m ") == [
        f"-m venv {venv}",
        f"-m pip install -c {project.root}/constraints.txt -e {project.root}",
        "-m app --port 80 81",
    ]
    code, out, err = project.run("serve")
    assert (code, err) == (0, "")
    assert project.calls("-m ") == ["-m app"]


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_changed_dependencies_are_installed_over_the_old_ones(project: Project, file: str) -> None:
    project.set_up()
    with (project.root / file).open("a") as changed:
        changed.write("# changed\n")
    assert project.run("serve")[0] == 0
    assert [call.split()[1] for call in project.calls("-m ")] == ["pip", "app"]
    assert project.run("serve")[0] == 0
    assert [call.split()[1] for call in project.calls("-m ")] == ["app"]


def test_another_python_or_place_needs_a_new_environment(project: Project) -> None:
    project.set_up()
    assert project.run("serve", FAKE_VERSION="3.12.0")[0] == 0
    assert project.calls("-m venv")
    moved = project.root.with_name("moved here")
    project.root = project.root.rename(moved)
    assert project.run("serve", FAKE_VERSION="3.12.0")[0] == 0
    assert project.calls("-m venv") == [f"-m venv {moved}/.venv"]


def test_extras_add_up(project: Project) -> None:
    project.set_up("serve")
    project.set_up("test")
    assert project.run("serve")[0] == 0
    assert project.calls("-m pip") == []
    with (project.root / "constraints.txt").open("a") as changed:
        changed.write("# changed\n")
    assert project.run("serve")[0] == 0
    assert project.calls("-m pip")[0].endswith(f"-e {project.root}[test]")


def test_cpu_build_is_asked_for_and_remembered(project: Project) -> None:
    locked = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("torch")
    )
    suffix = "+cpu" if sys.platform == "linux" else ""
    code, out, err = project.run("serve", CLIPAD_TORCH="cpu")
    assert code == 0, err
    assert out.endswith("torch=unset\n")
    assert project.calls("-m pip")[0] == (
        "-m pip install --no-deps --index-url https://download.pytorch.org/whl/cpu "
        f"torch=={locked['torch']}{suffix} torchvision=={locked['torchvision']}{suffix}"
    )
    assert project.run("serve")[0] == 0
    assert project.calls("-m pip") == []
    with (project.root / "constraints.txt").open("a") as changed:
        changed.write("# changed\n")
    assert project.run("serve")[0] == 0
    assert ["--index-url" in call for call in project.calls("-m pip")] == [True, False]
    code, _, err = project.run("serve", CLIPAD_TORCH="default")
    assert code == 0, err
    assert len(project.calls("-m pip")) == 1
    code, _, err = project.run("serve", CLIPAD_TORCH="cpu", CLIPAD_TORCH_INDEX="http://127.0.0.1/x")
    assert code == 0, err
    assert "--index-url http://127.0.0.1/x " in project.calls("-m pip")[0]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CLIPAD_TORCH": "rocm"}, "CLIPAD_TORCH=rocm is not one of: default, cpu"),
        ({"FAKE_TOO_OLD": "1"}, "no Python 3.11 or newer"),
        ({"CLIPAD_PYTHON": "no-such-python"}, "CLIPAD_PYTHON=no-such-python is not a Python 3.11"),
        ({"CLIPAD_MIN_FREE_GIB": "9999999"}, "a new environment needs 9999999 GiB"),
        ({"CLIPAD_MIN_FREE_GIB": "1.5"}, "CLIPAD_MIN_FREE_GIB=1.5 is not a whole number"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    project: Project, variables: dict[str, str], expected: str
) -> None:
    code, out, err = project.run("serve", **variables)
    assert (code, out) == (1, "")
    assert err.startswith("clip-ad: error: ")
    assert expected in err
    assert err.count("\n") == 1
    assert not (project.root / ".venv").exists()


def test_a_full_disk_is_seen_before_anything_is_made(project: Project) -> None:
    (project.bin / "df").unlink()
    (project.bin / "df").write_text(
        "#!/bin/bash\nprintf 'Filesystem 1024-blocks Used Available\\ndisk 9 9 4194304\\n'\n"
    )
    (project.bin / "df").chmod(0o755)
    code, _, err = project.run("serve")
    assert code == 1
    assert "only 4 GiB free" in err
    assert not (project.root / ".venv").exists()
    assert project.run("serve", CLIPAD_TORCH="cpu")[0] == 0


def test_a_failing_installation_names_its_log_and_is_begun_again(project: Project) -> None:
    code, out, err = project.run("serve", FAKE_PIP_ERROR="no such wheel", CLIPAD_TORCH="cpu")
    assert (code, out) == (1, "")
    line = err.splitlines()[-1]
    log = project.root / ".venv" / "clip-ad-setup.log"
    assert "clip-ad: error: installing the CPU build of torch failed: ERROR: no such wheel" in line
    assert str(log) in line
    assert "pip chatter" in log.read_text()
    project.calls("")
    assert project.run("serve")[0] == 0
    # The environment itself was whole; and the choice of torch is remembered.
    calls = project.calls("-m ")
    assert [call.split()[1] for call in calls] == ["pip", "pip", "app"]
    assert "--index-url" in calls[0]


def test_a_missing_network_is_told_from_the_conflict_that_pip_makes_of_it(project: Project) -> None:
    retry = (
        "WARNING: Retrying (Retry(total={})) after connection broken by 'NewConnectionError("
        "'<pip.HTTPSConnection object at 0x7f>: Temporary failure in name resolution')': /{}"
    )
    _, _, err = project.run(
        "serve",
        FAKE_PIP_SAYS=retry.format(4, "torch/") + "\n" + retry.format(3, "scipy/"),
        FAKE_PIP_ERROR="ResolutionImpossible",
    )
    assert err.splitlines()[-1] == (
        "clip-ad: error: installing the dependencies failed: connection broken by "
        "'NewConnectionError('Temporary failure in name resolution')': /torch/; "
        f"then ERROR: ResolutionImpossible (all of it: {project.root}/.venv/clip-ad-setup.log)"
    )


# How pip ends: by itself or killed, before the first package is exchanged or at one.
UNTOUCHED = [{"FAKE_PIP_ERROR": "no network"}, {"FAKE_SLOW": "60"}]
HALFWAY = [ending | {"FAKE_HALF": "1"} for ending in UNTOUCHED]


def fail(project: Project, **variables: str) -> None:
    """A start of the service whose pip ends as `variables` say."""
    project.calls("")
    process = project.start("serve", **variables)
    if "FAKE_SLOW" in variables:
        while not (project.log.exists() and "-m pip" in project.log.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        while "FAKE_HALF" in variables and not list(project.root.glob(".venv/**/half-2.*")):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=600)
    assert process.returncode != 0
    project.calls("")


@pytest.mark.parametrize("ending", UNTOUCHED + HALFWAY)
def test_an_extra_that_fails_leaves_what_was_there(
    project: Project, ending: dict[str, str]
) -> None:
    project.set_up(CLIPAD_TORCH="cpu", CLIPAD_DATABASE_URL="postgres://")
    fail(project, CLIPAD_RUNTIME="openvino", **ending)
    for settings in ({}, {"CLIPAD_DATABASE_URL": "postgres://"}):
        code, _, err = project.run("serve", **settings)
        assert (code, err) == (0, "")
    assert project.calls("-m ") == ["-m app", "-m app"]
    assert project.run("serve", CLIPAD_RUNTIME="openvino")[0] == 0
    [pip, _] = project.calls("-m ")
    assert pip.endswith(f"-e {project.root}[openvino,postgres]")
    # pip would take the half of a package for a whole one.
    assert not list(project.root.glob(".venv/**/half-2.*"))


def test_a_project_that_pip_was_killed_at_is_installed_again(project: Project) -> None:
    project.set_up()
    [installer] = project.root.glob(".venv/**/clip_ad-*/INSTALLER")
    installer.unlink()
    assert project.run("serve")[0] == 0
    assert [call.split()[1] for call in project.calls("-m ")] == ["pip", "app"]
    assert installer.exists()


@pytest.mark.parametrize("ending", UNTOUCHED)
def test_an_update_that_exchanged_nothing_is_begun_again(
    project: Project, ending: dict[str, str]
) -> None:
    constraints = project.root / "constraints.txt"
    before = constraints.read_text()
    project.set_up(CLIPAD_TORCH="cpu")
    constraints.write_text(before + "# changed\n")
    fail(project, **ending)
    constraints.write_text(before)
    assert project.run("serve")[0] == 0
    assert project.calls("-m ") == ["-m app"]
    constraints.write_text(before + "# changed\n")
    assert project.run("serve")[0] == 0
    calls = project.calls("-m ")
    assert [call.split()[1] for call in calls] == ["pip", "pip", "app"]
    assert "--index-url" in calls[0]


@pytest.mark.parametrize("ending", HALFWAY)
def test_a_half_done_update_is_not_trusted(project: Project, ending: dict[str, str]) -> None:
    constraints = project.root / "constraints.txt"
    before = constraints.read_text()
    project.set_up(CLIPAD_TORCH="cpu")
    constraints.write_text(before + "# changed\n")
    fail(project, **ending)
    constraints.write_text(before)
    for _ in range(2):  # not even after a failure of what is to replace it
        fail(project, FAKE_PIP_ERROR="no network")
    assert project.run("serve")[0] == 0
    calls = project.calls("-m ")
    assert [call.split()[1] for call in calls] == ["venv", "pip", "pip", "app"]
    assert "--index-url" in calls[1]
    assert not list(project.root.glob(".venv*/**/half-2.*"))


@pytest.mark.parametrize("ending", [*UNTOUCHED, *HALFWAY, {"FAKE_VENV_FAILS": "1"}])
def test_another_kind_replaces_the_old_one_once_it_is_there(
    project: Project, ending: dict[str, str]
) -> None:
    project.set_up()
    fail(project, CLIPAD_TORCH="cpu", **ending)
    if "FAKE_PIP_ERROR" in ending:
        assert "no network" in (project.root / ".venv" / "clip-ad-setup.log").read_text()
        assert not (project.root / ".venv.before").exists()
    code, out, _ = project.run("serve")
    assert (code, out[:7]) == (0, "app in ")
    assert project.calls("-m ") == ["-m app"]
    assert project.run("serve", CLIPAD_TORCH="cpu")[0] == 0
    assert [call.split()[1] for call in project.calls("-m ")] == ["venv", "pip", "pip", "app"]
    assert not (project.root / ".venv.before").exists()


@pytest.mark.parametrize("ending", [*UNTOUCHED, *HALFWAY, {"FAKE_VENV_FAILS": "1"}])
def test_a_first_installation_is_begun_again(project: Project, ending: dict[str, str]) -> None:
    fail(project, CLIPAD_TORCH="cpu", **ending)
    assert project.run("serve")[0] == 0
    calls = [call for call in project.calls("-m ") if "-m venv" not in call]
    assert [call.split()[1] for call in calls] == ["pip", "pip", "app"]
    assert "--index-url" in calls[0]
    assert not list(project.root.glob(".venv*/**/half-2.*"))


def test_who_waits_for_a_set_up_takes_its_choice_of_torch(project: Project) -> None:
    first = project.start("serve", FAKE_SLOW="0.5", CLIPAD_TORCH="cpu")
    while not (project.log.exists() and "-m pip" in project.log.read_text()):
        assert first.poll() is None
        time.sleep(0.02)
    assert project.run("serve")[0] == 0
    assert first.communicate(timeout=600)[0].startswith("app in ")
    assert len(project.calls("-m pip")) == 2


def test_two_at_once_set_up_once(project: Project) -> None:
    processes = [project.start("serve", FAKE_SLOW="0.5") for _ in range(3)]
    results = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert all(out.startswith("app in ") for out, _ in results)
    assert [call.split()[1] for call in project.calls("-m ")] == [
        "venv",
        "pip",
        "app",
        "app",
        "app",
    ]


@pytest.mark.parametrize(
    ("script", "arguments", "extra"),
    [
        ("serve", (), "openvino"),
        ("detect", (), "detect,openvino"),
        ("evaluate", (), "openvino,train"),
    ],
)
def test_what_the_env_file_asks_for_is_installed(
    project: Project, script: str, arguments: tuple[str, ...], extra: str
) -> None:
    file = project.bin / ".env"
    file.write_bytes(b"\xef\xbb\xbfexport CLIPAD_RUNTIME = 'openvino' # faster\r\n")
    assert project.run(script, *arguments)[0] == 0
    assert project.calls("-m pip")[-1].endswith(f"[{extra}]")
    assert project.run(script, *arguments)[0] == 0
    assert project.calls("-m pip") == []


@pytest.mark.parametrize(
    ("script", "arguments", "extra"),
    [
        ("evaluate", ("mvtec", "/x", "--runtime", "openvino"), "openvino,train"),
        ("evaluate", ("mvtec", "/x", "--runtime=openvino"), "openvino,train"),
        ("serve", ("--env-file", "line 2.env"), "openvino,postgres"),
        ("serve", ("--env-file=line 2.env",), "openvino,postgres"),
    ],
)
def test_what_an_option_asks_for_is_installed(
    project: Project, script: str, arguments: tuple[str, ...], extra: str
) -> None:
    lines = "CLIPAD_RUNTIME=openvino\nCLIPAD_DATABASE_URL=postgresql://u@h/d\n"
    (project.bin / "line 2.env").write_text(lines, encoding="utf-8-sig")
    assert project.run(script, *arguments)[0] == 0
    assert project.calls("-m pip")[-1].endswith(f"[{extra}]")


def test_what_is_wrong_with_the_settings_is_left_to_the_service(project: Project) -> None:
    project.set_up()
    for port in ("x", "1"):
        code, _, err = project.run("serve", CLIPAD_PORT=port, CLIPAD_RUNTIME="openvino")
        assert (code, "error" in err) == (0, False)
    assert len(project.calls("-m pip")) == 1


def test_without_flock_it_works_all_the_same(project: Project) -> None:
    (project.bin / "flock").unlink()
    assert project.run("serve")[0] == 0
    assert len(project.calls("-m pip")) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [f"-m pytest {PROCESSES} -m not nightly"]),
        (("--nightly",), [f"-m pytest {PROCESSES}"]),
        (("tests/test_x.py", "-k", "a b"), ["-m pytest -m not nightly tests/test_x.py -k a b"]),
    ],
)
def test_test_checks_style_types_and_tests(
    project: Project, arguments: tuple[str, ...], expected: list[str]
) -> None:
    project.set_up("test")
    code, _, err = project.run("test", *arguments)
    assert code == 0, err
    checks = [
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "-m bandit --quiet --recursive --severity-level medium app scripts",
    ]
    assert [call.strip() for call in project.calls("-m ")] == checks + expected


@pytest.mark.parametrize("check", ["RUFF", "BANDIT"])
def test_test_fails_when_a_check_fails(project: Project, check: str) -> None:
    project.set_up("test")
    assert project.run("test", **{f"FAKE_{check}_FAILS": "1"})[0] == 1
    assert project.calls("-m pytest") == []


def test_continuous_integration_runs_the_tests(project: Project) -> None:
    shutil.copytree(ROOT / ".ci", project.root / ".ci")
    assert project.run("../.ci/run")[0] == 0
    assert project.calls("-m pytest") == [f"-m pytest {PROCESSES} -m not nightly"]


@pytest.mark.slow
def test_fetch_weights_without_a_network_fails_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/lib/fetch_weights.py"), "RN50", "openai"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CLIPAD_MODEL_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=600)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: weights 'openai' of RN50: not in {tmp_path}")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="nothing is installed but as root")
def test_programs_that_tests_use_are_installed_where_they_are_missing(project: Project) -> None:
    project.set_up("test")
    assert project.run("test")[0] == 0  # no apt-get: nothing to do
    apt = project.bin / "apt-get"
    apt.write_text('#!/bin/bash\necho "apt $*" >>"$FAKE_LOG"; [[ -z "${FAKE_APT_FAILS:-}" ]]\n')
    apt.chmod(0o755)
    (project.bin / "chromium").symlink_to("/bin/true")
    code, _, err = project.run("test", FAKE_APT_FAILS="1")
    assert code == 0
    assert "the tests that need them are skipped" in err
    assert [call.split()[3] for call in project.calls("apt ")] == ["install", "update"]
    code, _, err = project.run("test")
    (call,) = project.calls("apt ")
    assert call.startswith("apt --yes --no-install-recommends install nginx")
    assert "chromium" not in call
    assert "installing Debian's nginx" in err
    project.run("test", CLIPAD_SYSTEM_PACKAGES="no")
    assert project.calls("apt ") == []
