"""One run of the image's server: how it starts, answers, is confined, and ends."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from check_image_parts.commands import CheckError
from check_image_parts.container import TEMPORARY, VOLUMES, Container
from check_image_parts.objections import of_answer

_PICTURE = Path(__file__).parents[3] / "model_weights/demo/samples/wood-scratch.png"
_KIBIBYTE = 1024
_POST = """
import os, sys, urllib.request as r
url = "http://127.0.0.1:" + os.environ["CLIPAD_PORT"] + "/predict?category=wood"
ask = r.Request(url, sys.stdin.buffer.read(), {"Content-Type": "image/png"})
sys.stdout.buffer.write(r.urlopen(ask, timeout=60).read())
"""
# Everywhere but the two volumes and /tmp, whatever the modes say.
_FORBIDDEN = ("/", "/app", "/app/app", "/opt/venv", "/etc", "/var", "/home", "/root")
_PERMITTED = (*VOLUMES, TEMPORARY)
_TRY = """
import os, sys
for folder in sys.argv[1:]:
    try:
        open(os.path.join(folder, ".try"), "w").close()
        os.remove(os.path.join(folder, ".try"))
    except OSError as error:
        print(folder, error.errno)
"""


@dataclass
class Trial:
    """What was measured, and the objections."""

    ready_s: float
    resident_mib: float
    peak_mib: float
    stop_s: float
    score: float
    written: list[str]
    wrong: list[str] = field(default_factory=list)


def try_image(config: Mapping[str, Any], root: Path, place: Path) -> Trial:
    """Run the server below `root`, its volumes and log in `place`, and ask it once."""
    volumes = (_volume(root, VOLUMES[0], place), _volume(root, VOLUMES[1], place))
    with Container(config, root, volumes, place / "server.log") as container:
        ready_s = container.wait_until_healthy()
        wrong = _confinement(container)
        done = container.run(["python", "-c", _POST], _PICTURE.read_bytes())
        if done.returncode != 0:
            raise CheckError(f"the picture was not answered: {done.stderr.decode()[-2000:]}")
        answer = json.loads(done.stdout)
        wrong += of_answer(answer, _PICTURE)
        if container.run(["python", "-c", "import psycopg"]).returncode != 0:
            wrong.append("psycopg cannot be imported: no PostgreSQL with this image")
        resident, peak = (
            int(container.status(name).split()[0]) / _KIBIBYTE for name in ("VmRSS", "VmHWM")
        )
        temporary = container.run(["find", TEMPORARY, "-mindepth", "1"])
        code, stop_s = container.stop()
    if code != 0:
        wrong.append(f"exit code {code} after SIGTERM; expected 0")
    written = temporary.stdout.decode().split()
    for volume in volumes:
        written += [str(path.relative_to(place)) for path in volume.rglob("*") if path.is_file()]
    return Trial(ready_s, resident, peak, stop_s, answer["anomaly_score"], sorted(written), wrong)


def _volume(root: Path, name: str, place: Path) -> Path:
    """A new volume; like Docker's it belongs to whom the image's folder belongs to."""
    volume = place / Path(name).name
    volume.mkdir()
    owner = (root / name.lstrip("/")).stat()
    os.chown(volume, owner.st_uid, owner.st_gid)
    return volume


def _confinement(container: Container) -> list[str]:
    """What the server's process could do that it must not be able to, and the reverse."""
    wrong = []
    for name, expected in (
        ("Uid", "1000 1000 1000 1000"),
        ("Gid", "1000 1000 1000 1000"),
        ("Groups", ""),
        ("CapEff", "0" * 16),
        ("NoNewPrivs", "1"),
    ):
        if (found := " ".join(container.status(name).split())) != expected:
            wrong.append(f"the server's {name} is {found!r}; expected {expected!r}")
    tried = container.run(["python", "-c", _TRY, *_FORBIDDEN, *_PERMITTED])
    refused = {line.split()[0] for line in tried.stdout.decode().splitlines()}
    wrong += [f"{folder} can be written" for folder in _FORBIDDEN if folder not in refused]
    wrong += [f"{folder} cannot be written" for folder in _PERMITTED if folder in refused]
    return wrong
