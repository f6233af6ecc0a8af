"""Which extras the settings need: the service's own reader of `.env`, in every form it takes."""

import runpy
import subprocess
from pathlib import Path

import pytest

from app.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
needed = runpy.run_path(str(ROOT / "scripts" / "lib" / "needed_extras.py"))["needed"]
# Each says openvino.
FORMS = [
    b"CLIPAD_RUNTIME=openvino",
    b"CLIPAD_RUNTIME=openvino\n",
    b"CLIPAD_RUNTIME=openvino\r\n",
    b"CLIPAD_RUNTIME=openvino\rCLIPAD_PORT=1\r",
    b"\xef\xbb\xbfCLIPAD_RUNTIME=openvino\n",
    b"\xef\xbb\xbfexport CLIPAD_RUNTIME=openvino\r\n",
    b"export CLIPAD_RUNTIME=openvino\n",
    b"  export\tCLIPAD_RUNTIME=openvino\n",
    b" CLIPAD_RUNTIME = openvino \n",
    b"\tCLIPAD_RUNTIME\t=\topenvino\t\n",
    b"CLIPAD_RUNTIME='openvino'\n",
    b'CLIPAD_RUNTIME="openvino"\r\n',
    b'export CLIPAD_RUNTIME = "openvino"  # faster\n',
    b"CLIPAD_RUNTIME=openvino # faster\n",
    b"'CLIPAD_RUNTIME'=openvino\n",
    b"clipad_runtime=openvino\n",
    b"ClipAd_Runtime=openvino\n",
    b"# torch\n\nCLIPAD_RUNTIME=torch\nCLIPAD_RUNTIME=openvino\n",
    b"WHICH=openvino\nCLIPAD_RUNTIME=${WHICH}\n",
    b"CLIPAD_RUNTIME=${UNSET_HERE:-openvino}\n",
    b"CLIPAD_DEFAULT_CATEGORY=Pr\xc3\xbcfling\nCLIPAD_RUNTIME=openvino\n",
    b"NOTE='two\nlines'\nCLIPAD_RUNTIME=openvino\n",
    b"not a setting\nCLIPAD_RUNTIME=openvino\n",
]
# None of these does.
OTHERS = [
    b"",
    b"CLIPAD_RUNTIME=\n",
    b"CLIPAD_RUNTIME\n",
    b"CLIPAD_RUNTIME=torch\n",
    b"#CLIPAD_RUNTIME=openvino\n",
    b" # export CLIPAD_RUNTIME=openvino\n",
    b"CLIPAD_RUNTIME=openvino\nCLIPAD_RUNTIME=torch\n",
    b"MY_CLIPAD_RUNTIME=openvino\n",
    b"CLIPAD_RUNTIME=torch # or openvino\n",
    b"CLIPAD_RUNTIME=torch\nNOTE='\nCLIPAD_RUNTIME=openvino\n'\n",
]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CLIPAD_{name.upper()}", raising=False)


@pytest.mark.parametrize("written", FORMS, ids=repr)
def test_what_the_service_reads_the_set_up_installs(tmp_path: Path, written: bytes) -> None:
    (tmp_path / ".env").write_bytes(written)
    assert load_settings().runtime == "openvino"
    assert needed([]) == ["openvino"]


@pytest.mark.parametrize("written", OTHERS, ids=repr)
def test_what_the_service_does_not_read_is_not_installed(tmp_path: Path, written: bytes) -> None:
    (tmp_path / ".env").write_bytes(written)
    assert load_settings().runtime == "torch"
    assert needed([]) == []


def test_no_form_is_passed_over_before_the_settings_are_read(tmp_path: Path) -> None:
    for number, written in enumerate(FORMS):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ".env").write_bytes(written)
    asked = f"""
        source '{ROOT}/scripts/lib/venv.sh'
        for folder in */; do (cd "$folder" && _may_need_more || echo "$folder"); done
    """
    done = subprocess.run(["bash", "-uc", asked], cwd=tmp_path, text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["CLIPAD_RUNTIME", "clipad_runtime"])
def test_the_environment_counts_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".env").write_text("CLIPAD_RUNTIME=openvino\n")
    monkeypatch.setenv(name, "torch")
    assert needed([]) == []


def test_a_database_elsewhere_needs_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    for url, extras in (
        ("postgresql://u@h/d", ["postgres"]),
        ("postgres://u@h/d", ["postgres"]),
        ("sqlite:///postgres.db", []),
    ):
        monkeypatch.setenv("CLIPAD_DATABASE_URL", url)
        assert needed([]) == extras


def test_options_of_the_program_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPAD_RUNTIME", "openvino")
    assert needed(["mvtec", "/data", "--runtime", "torch", "--batch", "4"]) == []
    assert needed(["--run", "x", "--runtime"]) == ["openvino"]
