"""Settings: defaults, the environment, and one line that says what is wrong."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.parts import load_detector, open_store
from app.settings import (
    DEMO_BACKBONE,
    DEMO_HEADS,
    DEMO_WEIGHTS,
    SAMPLES,
    Settings,
    keyring,
    load_settings,
    load_variables,
    settings_with,
    unknown_variables,
)
from app.settings.model import PATHS


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env here
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CLIPAD_{name.upper()}", raising=False)


def test_the_default_is_the_demo() -> None:
    settings = load_settings()
    assert settings.demo
    assert (settings.backbone, settings.weights) == (str(DEMO_BACKBONE), str(DEMO_WEIGHTS))


def test_every_setting_is_described() -> None:
    short = [n for n, f in Settings.model_fields.items() if len(f.description or "") < 15]
    assert short == []


def test_variables_and_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLIPAD_PORT=81\nCLIPAD_MAX_BATCH=3\nCOMPOSE_PROFILES=gpu\n")
    monkeypatch.setenv("CLIPAD_PORT", "82")
    monkeypatch.setenv("CLIPAD_RVS", "PCA")
    settings = load_settings()
    assert (settings.port, settings.max_batch, settings.rvs) == (82, 3, "pca")


def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BACKBONE", "TAPS", "PORT", "API_KEYS", "SMOOTHING_SIGMA"):
        monkeypatch.setenv(f"CLIPAD_{name}", "")
    assert load_settings() == Settings()


def test_unset_heads_are_the_demos_and_empty_ones_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().heads_in_use == str(DEMO_HEADS)
    monkeypatch.setenv("CLIPAD_HEADS", "")
    assert load_settings().heads_in_use is None
    monkeypatch.setenv("CLIPAD_HEADS", "mine.safetensors")
    assert load_settings().heads_in_use == "mine.safetensors"
    monkeypatch.delenv("CLIPAD_HEADS")
    monkeypatch.setenv("CLIPAD_BACKBONE", "RN50")
    monkeypatch.setenv("CLIPAD_WEIGHTS", "openai")
    assert load_settings().heads_in_use is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MAX_BATCH", "zwei", "CLIPAD_MAX_BATCH='zwei': expected a valid integer"),
        ("MAX_BATCH", "0", "CLIPAD_MAX_BATCH='0': expected greater than 0"),
        ("PORT", "70000", "CLIPAD_PORT='70000': expected less than or equal to 65535"),
        ("RVS", "median", "CLIPAD_RVS='median': expected 'mean', 'pca', 'kde'"),
        ("TAPS", "both", "CLIPAD_TAPS='both': expected 'equation' or 'released'"),
        ("METHOD", "clip", "CLIPAD_METHOD='clip': expected 'sdp' or 'sdp_plus'"),
        ("SMOOTHING_SIGMA", "nan", "CLIPAD_SMOOTHING_SIGMA='nan': expected a finite number"),
        ("SMOOTHING_SIGMA", "inf", "CLIPAD_SMOOTHING_SIGMA='inf': expected a finite number"),
        ("SMOOTHING_SIGMA", "1001", "CLIPAD_SMOOTHING_SIGMA='1001': expected less than"),
        ("MAX_PIXELS", "178956971", "CLIPAD_MAX_PIXELS='178956971': expected less than"),
        ("SMOOTHING_SIGMA", "-1", "CLIPAD_SMOOTHING_SIGMA='-1': expected greater than"),
        ("BACKBONE", "RN50", "CLIPAD_WEIGHTS: is not set, but CLIPAD_BACKBONE is"),
        ("WEIGHTS", "openai", "CLIPAD_BACKBONE: is not set, but CLIPAD_WEIGHTS is"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"CLIPAD_{name}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert str(refused.value).startswith(expected)
    assert "\n" not in str(refused.value)


def test_two_bad_settings_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPAD_PORT", "x")
    monkeypatch.setenv("CLIPAD_MAX_PIXELS", "y")
    with pytest.raises(ConfigurationError, match=r"CLIPAD_MAX_PIXELS='y'.*; CLIPAD_PORT='x'"):
        load_settings()


def test_both_of_backbone_and_weights_are_no_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPAD_BACKBONE", "RN50")
    monkeypatch.setenv("CLIPAD_WEIGHTS", "openai")
    assert not load_settings().demo


def test_the_demo_by_another_way_is_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(DEMO_BACKBONE.parent)
    monkeypatch.setenv("CLIPAD_BACKBONE", f"link/{DEMO_BACKBONE.name}")
    monkeypatch.setenv("CLIPAD_WEIGHTS", f"link/../{DEMO_WEIGHTS.parent.name}/{DEMO_WEIGHTS.name}")
    assert load_settings().demo
    monkeypatch.setenv("CLIPAD_WEIGHTS", "link/other.safetensors")
    assert not load_settings().demo


def test_an_env_file_in_another_encoding_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("CLIPAD_DEFAULT_CATEGORY=Prüfling\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"^\.env in .*: cannot be read \(Unicode.*UTF-8$"):
        load_settings()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_env_file_in_utf_16_is_told_in_one_line(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("CLIPAD_PORT=1\n", encoding=encoding)
    with pytest.raises(ConfigurationError, match=r"^\.env in .*: cannot be read \(.*UTF-8$"):
        load_settings()


def test_a_mark_of_the_encoding_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLIPAD_PORT=81\nCLIPAD_SIGMA=1\n", encoding="utf-8-sig")
    assert load_settings().port == 81
    (tmp_path / ".env").write_text("CLIPAD_SIGMA=1\n", encoding="utf-8-sig")
    assert any(warning.startswith("CLIPAD_SIGMA: ") for warning in unknown_variables())


def test_a_file_of_variables_is_read_as_env_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "line 2.env"
    file.write_bytes(b"\xef\xbb\xbfexport CLIPAD_PORT = '81'\r\nCLIPAD_MAX_BATCH=3\r\n")
    with monkeypatch.context() as patched:
        patched.setattr("os.environ", {**os.environ, "CLIPAD_MAX_BATCH": "4"})
        load_variables(file)
        assert (os.environ["CLIPAD_PORT"], os.environ["CLIPAD_MAX_BATCH"]) == ("81", "4")
    for other in ("utf-16", "utf-16-le"):
        file.write_text("CLIPAD_PORT=81", encoding=other)
        with pytest.raises(ConfigurationError, match=r"line 2\.env: cannot be read .*UTF-8$"):
            load_variables(file)


def test_an_env_file_that_cannot_be_opened_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Not by its mode: a superuser may read everything.
    (tmp_path / ".env").write_text("CLIPAD_PORT=1\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigurationError, match=r"^\.env in .*\(PermissionError\)"):
        load_settings()


def test_keys_from_both_places(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# line 2\nsecond\n\n  third  \n")
    settings = Settings(api_keys=" first , ,other", api_keys_file=file)
    keys = keyring(settings)
    assert all(keys.accepts(key) for key in ("first", "other", "second", "third"))
    assert not keys.accepts("fourth")
    assert "first" not in repr(settings)
    assert not keyring(Settings()).asks


def test_a_service_meant_to_be_protected_does_not_start_open(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    for settings, words in (
        (Settings(api_keys=" , "), "CLIPAD_API_KEYS: holds no key"),
        (Settings(api_keys_file=tmp_path / "empty"), "CLIPAD_API_KEYS_FILE='.*holds no key"),
        (Settings(api_keys_file=tmp_path / "absent"), "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            keyring(settings)


def test_unknown_variables_are_named_with_the_nearest() -> None:
    warnings = unknown_variables(
        {"CLIPAD_MAX_BACH": "3", "CLIPAD_PORT": "1", "HOME": "/", "CLIPAD_QQQ": None}
    )
    assert warnings == [
        "CLIPAD_MAX_BACH: no such setting, ignored; did you mean CLIPAD_MAX_BATCH?",
        "CLIPAD_QQQ: no such setting, ignored",
    ]


def test_unknown_variables_of_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLIPAD_SIGMA=3\nOTHER=1\n")
    assert any(warning.startswith("CLIPAD_SIGMA: ") for warning in unknown_variables())


def test_options_of_a_command_take_the_settings_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPAD_HEADS", "of-the-settings")
    monkeypatch.setenv("CLIPAD_DEVICE", "cpu")
    kept = settings_with({"device": None, "backbone": None})
    assert (kept.device, kept.heads, kept.demo) == ("cpu", "of-the-settings", True)
    other = settings_with({"backbone": "b", "weights": "w", "device": "cuda"})
    assert (other.backbone, other.device, other.heads_in_use) == ("b", "cuda", None)
    assert settings_with({"backbone": "b", "weights": "w", "heads": "h"}).heads_in_use == "h"
    with pytest.raises(ConfigurationError, match="both or neither"):
        settings_with({"backbone": "b"})


# Signs that mean something to a URL, a pattern, a shell or a configuration file.
NAMES = [
    *("a?b", "a#b", "a%20b", "50%", "%(here)s", "a b", " a ", "Prüfung", "Pru\u0308fung", "~x"),
    *("a?mode=ro", "file:a", ":memory:", "a&b=c", "a;b", "[a]*", "$HOME", "a'b", 'a"b', "a\\b"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("relative", [True, False])
def test_the_database_is_in_that_very_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, relative: bool
) -> None:
    written = f"./{name}" if relative else str(tmp_path / name)
    monkeypatch.setenv("CLIPAD_DATA_DIR", written)
    open_store(load_settings()).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "clip-ad.db").is_file()
    with sqlite3.connect(tmp_path / name / "clip-ad.db") as found:
        assert found.execute("SELECT count(*) FROM categories").fetchone() == (0,)
    found.close()


def test_keys_and_models_are_read_from_that_very_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "~a?b#c%20d 50% [e]* ü&$HOME;file:"
    folder.mkdir()
    (folder / "keys").write_text("sesame\n")
    for file in (DEMO_BACKBONE, DEMO_WEIGHTS, DEMO_HEADS):
        (folder / file.name).symlink_to(file)
    shutil.copy(SAMPLES / "wood-good.png", folder)
    for setting, value in {
        "API_KEYS_FILE": folder / "keys",
        "BACKBONE": folder / DEMO_BACKBONE.name,
        "WEIGHTS": folder / DEMO_WEIGHTS.name,
        "HEADS": folder / DEMO_HEADS.name,
        "MODEL_DIR": folder / "models",
        "INT8_PICTURES": folder,
    }.items():
        monkeypatch.setenv(f"CLIPAD_{setting}", str(value))
    settings = load_settings()
    assert keyring(settings).accepts("sesame")
    assert load_detector(settings).methods == ("sdp", "sdp_plus")
    assert (settings.model_dir, settings.int8_pictures) == (folder / "models", folder)


def test_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for name in PATHS:
        monkeypatch.setenv(f"CLIPAD_{name.upper()}", f"~/of {name}")
    settings = load_settings()
    for name in PATHS:
        assert str(getattr(settings, name)) == str(home / f"of {name}"), name
    monkeypatch.setenv("CLIPAD_DATA_DIR", "~")
    assert load_settings().data_dir == home
    given = settings_with({"model_dir": Path("~/m"), "heads": "~/h", "device": "~"})
    assert (given.model_dir, given.heads, given.device) == (home / "m", str(home / "h"), "~")


def test_every_path_is_one_of_those_that_know_the_home() -> None:
    kinds = {name: str(field.annotation) for name, field in Settings.model_fields.items()}
    assert {name for name, kind in kinds.items() if "Path" in kind} <= set(PATHS)


def test_a_home_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPAD_DATA_DIR", "~nobody-of-that-name/data")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert str(refused.value) == (
        "CLIPAD_DATA_DIR='~nobody-of-that-name/data': expected a user's home, or "
        "./~nobody-of-that-name/data for what is called so"
    )
    monkeypatch.delenv("CLIPAD_DATA_DIR")
    with pytest.raises(ConfigurationError, match=r"^--model-dir ~nobody.*: expected a user's home"):
        settings_with({"model_dir": Path("~nobody-of-that-name")})
