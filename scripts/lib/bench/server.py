"""A real server with an injected detector of a model's shape, on random weights, for `bench serve`.

Only for measuring: its answers mean nothing, and it listens on the loopback alone.
"""

import argparse

import uvicorn

from app.clipad.build import resolve_device
from app.clipad.detector import AnomalyDetector
from app.main import configure_threads, create_app
from app.offline.bench.model import random_backbone
from app.runtime import choose_runtime
from app.settings import load_settings

parser = argparse.ArgumentParser()
parser.add_argument("--shape", required=True)
parser.add_argument("--port", type=int, required=True)
options = parser.parse_args()

settings = load_settings()
configure_threads(settings)
chosen = choose_runtime(settings)
backbone = random_backbone(options.shape, resolve_device(chosen.device))
app = create_app(settings, AnomalyDetector(backbone, runtime=chosen.runtime))
uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)
