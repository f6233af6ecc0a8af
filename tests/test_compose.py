"""docker-compose.yml: against the compose specification, the image it runs, and the settings.

Docker itself is not asked: there is none where this runs. Variables and merges are resolved here as
compose does, and what comes out is looked at.
"""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from app.http.uploads import UploadLimits
from app.routes.strict import MAX_JSON_BYTES
from app.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PROXY = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
PROFILES = {
    "gpu": {"gpu"},
    "cpu": {"cpu"},
    "demo": {"demo"},
    "scale": {"replica", "proxy", "database"},
    "scale-gpu": {"replica-gpu", "proxy", "database"},
}
# What the image's entry point and the programs in it read beside our settings.
OTHERS = {
    *("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN", "HTTPS_PROXY"),
    *("PGPASSWORD", "FORWARDED_ALLOW_IPS"),
}
UNITS = {"s": 1, "m": 60}
BYTES = {"m": 1024**2, "g": 1024**3}


def interpolated(text: str, variables: dict[str, str]) -> str:
    """`${NAME:-default}` as compose reads it; any other form of a variable is an error here."""

    def value(found: re.Match[str]) -> str:
        name, default = found.groups()
        return variables.get(name) or default

    done = re.sub(r"\$\{(\w+):-([^}]*)\}", value, text)
    assert "$" not in done, (
        "a variable without a default: compose would warn of it in every profile"
    )
    return done


def resolved(**variables: str) -> dict[str, Any]:
    """The file as compose sees it once variables, anchors and merges are resolved."""
    found: dict[str, Any] = yaml.safe_load(interpolated(TEXT, variables))
    return found


COMPOSE = resolved()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


@cache
def specification() -> Validator:
    """The specification's schema, as check-jsonschema carries it."""
    carried = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(carried.read_text("utf-8"))
    validator: Validator = validator_for(schema)(schema)
    return validator


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def directive(name: str, text: str = PROXY) -> str:
    """The value of a directive that nginx.conf has once."""
    (found,) = re.findall(rf"^\s*{name} ([^;]+);", text, re.MULTILINE)
    return str(found)


def location(path: str) -> str:
    block = rf"^ +location {re.escape(path)} {{\n(.*?)^ +}}$"
    (found,) = re.findall(block, PROXY, re.MULTILINE | re.DOTALL)
    return str(found)


def holds(name: str, where: str) -> str:
    """The value of a directive in a location: its own, or the server's."""
    inside = location(where)
    said = inside if re.search(rf"^\s*{name} ", inside, re.M) else PROXY.partition("location")[0]
    return directive(name, said)


def default(name: str) -> Any:
    return Settings.model_fields[name].default


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "CLIP_AD_REPLICAS": "5",
            "CLIP_AD_ADDRESS": "0.0.0.0:80",
            "CLIP_AD_DATABASE_PASSWORD": "x",
        },
    ],
)
def test_it_follows_the_compose_specification(variables: dict[str, str]) -> None:
    errors = specification().iter_errors(resolved(**variables))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restrat: unless-stopped"),
        ("stop_grace_period: 45s", "stop_grace_period: {seconds: 45}"),
        ("condition: service_healthy", "condition: healthy"),
        ("cap_drop: [ALL]", "cap_drop: ALL"),
    ],
)
def test_the_specification_would_tell(right: str, wrong: str) -> None:
    assert right in TEXT
    broken = yaml.safe_load(interpolated(TEXT.replace(right, wrong), {}))
    assert not specification().is_valid(broken)


def test_every_profile_has_its_services() -> None:
    found = {
        profile: {name for name, service in SERVICES.items() if profile in service["profiles"]}
        for profile in {one for service in SERVICES.values() for one in service["profiles"]}
    }
    assert found == PROFILES


def test_the_chosen_profile_is_one_of_them() -> None:
    said = (ROOT / ".env").read_text("utf-8")
    assert re.findall(r"^COMPOSE_PROFILES=(.*)$", said, re.MULTILINE) == ["gpu"]
    (listed,) = re.findall(r"runs: ([\w ,-]+)\.$", said, re.MULTILINE)
    assert set(re.split(", | or ", listed)) == PROFILES.keys()
    assert set(re.findall(r"CLIP_AD_\w+", said)) == set(re.findall(r"CLIP_AD_\w+", TEXT))


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_the_images(name: str) -> None:
    service = OURS[name]
    (declared,) = re.findall(r"^VOLUME (.*)$", DOCKERFILE, re.MULTILINE)
    assert [volume.split(":")[1] for volume in service["volumes"]] == json.loads(declared)
    variant = service["build"]["args"]["VARIANT"]
    assert service["image"] == f"clip-ad:{variant}"
    assert re.search(rf"^ +{variant}\) ", DOCKERFILE, re.MULTILINE)
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert service["environment"][f"{PREFIX}PORT"] == port
    if "ports" in service:
        assert [mapped.rpartition(":")[2] for mapped in service["ports"]] == [port]
    else:
        assert f"server replica:{port} " in PROXY


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_told_what_they_read(name: str) -> None:
    told = OURS[name]["environment"].keys()
    assert told <= {*(PREFIX + field.upper() for field in Settings.model_fields), *OTHERS}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_guarded_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    (ours,) = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    # Others' images begin as root.
    user = service.get("user", ours if name in OURS else "root")
    assert user.split(":")[0] not in ("root", "0")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_whether_it_is_well(name: str) -> None:
    inherited = name in OURS and re.search(r"^HEALTHCHECK (?!NONE)", DOCKERFILE, re.MULTILINE)
    assert inherited or SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_stopped_may_finish(name: str) -> None:
    longest = default("request_timeout_s")
    if name == "proxy":  # which may have begun at another replica
        longest += seconds(directive("proxy_next_upstream_timeout"))
    assert seconds(SERVICES[name]["stop_grace_period"]) > longest


def test_others_images_name_their_release() -> None:
    images = {SERVICES[name]["image"] for name in SERVICES.keys() - OURS.keys()}
    assert len(images) == 2
    for image in images:
        assert re.fullmatch(r"(nginx:\d+\.\d+|postgres:\d+)-\w+", image), image


def test_what_is_mounted_is_there() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            there = (ROOT / source).exists() if source.startswith(".") else False
            assert there or source in COMPOSE["volumes"], volume
    used = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]
    }
    assert COMPOSE["volumes"].keys() <= used


def test_the_replicas_are_found_by_their_name() -> None:
    assert len(re.findall(r"server replica:", PROXY)) == 2
    assert SERVICES["replica"]["networks"].keys() == {"default", "store"}
    assert SERVICES["replica-gpu"]["networks"]["default"]["aliases"] == ["replica"]
    assert SERVICES["replica"]["deploy"]["replicas"] == 2
    assert resolved(CLIP_AD_REPLICAS="3")["services"]["replica"]["deploy"]["replicas"] == 3


def test_the_database_is_reached_by_replicas_alone() -> None:
    database = SERVICES["database"]
    assert "ports" not in database
    assert COMPOSE["networks"]["store"]["internal"] is True
    inside = {name for name, service in SERVICES.items() if "store" in service.get("networks", {})}
    assert inside == {"replica", "replica-gpu", "database"}
    told = database["environment"]
    for name in ("replica", "replica-gpu"):
        url = SERVICES[name]["environment"]["CLIPAD_DATABASE_URL"]
        assert url == f"postgresql://{told['POSTGRES_USER']}@database/{told['POSTGRES_DB']}"
    assert re.search(r"^ +cpu\) extras=.*\bpostgres\b", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^ +gpu\) extras=.*\bpostgres\b", DOCKERFILE, re.MULTILINE)


def test_the_password_is_the_operators() -> None:
    # Left empty, it is refused by the image: it never becomes one that others know.
    assert "CLIP_AD_DATABASE_PASSWORD:-}" in TEXT
    services = resolved(**{"CLIP_AD_DATABASE_PASSWORD": "chosen"})["services"]
    told = {services[name]["environment"]["PGPASSWORD"] for name in ("replica", "replica-gpu")}
    assert told | {services["database"]["environment"]["POSTGRES_PASSWORD"]} == {"chosen"}


CALIBRATION = r"~ ^/categories/[^/]+/calibration$"
MOST, MOST_GOOD = default("max_images"), default("max_calibration_images")
PLACES = [("/", 1), ("= /predict/batch", MOST), ("/categories", 1), (CALIBRATION, MOST_GOOD)]


@pytest.mark.parametrize(("where", "images"), PLACES)
def test_the_proxy_lets_through_what_the_service_takes(where: str, images: int) -> None:
    limit = holds("client_max_body_size", where)
    largest = UploadLimits(default("max_upload_bytes"), images).max_body
    assert int(limit[:-1]) * BYTES[limit[-1]] >= max(largest, MAX_JSON_BYTES)


@pytest.mark.parametrize(("where", "images"), PLACES)
def test_the_proxy_waits_longer_than_the_service_takes(where: str, images: int) -> None:
    longest = default("request_timeout_s")
    if where == CALIBRATION:  # each picture has that time, before them words and the first file
        longest *= images + 2
    assert seconds(holds("proxy_read_timeout", where)) > longest


def test_what_the_proxy_takes_in_whole_fits_its_memory() -> None:
    (room,) = re.findall(r":size=(\d+)g$", SERVICES["proxy"]["tmpfs"])
    for where, _ in PLACES:
        if holds("proxy_request_buffering", where) == "on":
            limit = holds("client_max_body_size", where)
            assert int(limit[:-1]) * BYTES[limit[-1]] < int(room) * BYTES["g"]
    assert holds("proxy_request_buffering", CALIBRATION) == "off"
