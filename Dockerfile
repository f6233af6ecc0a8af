# The inspection service as an image; the demo backbone is inside.
#   docker build -t clip-ad .                                  CUDA (runs on a CPU too, but is large)
#   docker build -t clip-ad:cpu --build-arg VARIANT=cpu .      CPU alone
# docker-compose.yml builds and runs both.

ARG BASE=python:3.12-slim

# Dependencies change seldom: they are installed without the project's own files, into an
# environment that expects those in /app.
FROM ${BASE} AS environment
ARG VARIANT=gpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY pyproject.toml constraints.txt ./
RUN set -eu; \
    locked() { sed -n "s/^$1==//p" constraints.txt; }; \
    mkdir app; touch app/__init__.py README.md LICENSE; \
    python3 -m venv /opt/venv; \
    case "$VARIANT" in \
      gpu) extras= ;; \
      cpu) extras="[openvino]"; \
           /opt/venv/bin/pip install --no-deps --index-url "$TORCH_INDEX" \
             "torch==$(locked torch)+cpu" "torchvision==$(locked torchvision)+cpu" ;; \
      *) echo "VARIANT=$VARIANT is not one of: gpu, cpu" >&2; exit 1 ;; \
    esac; \
    /opt/venv/bin/pip install -c constraints.txt -e ".$extras"

FROM ${BASE}
COPY --from=environment /opt/venv /opt/venv
# /models and /app/data are meant to be volumes. A volume over /models hides nothing: the demo
# lies in /app/model_weights/demo.
RUN useradd --uid 1000 --create-home clipad \
    && mkdir -p /models /app/data \
    && chown clipad:clipad /models /app/data
WORKDIR /app
# Owned by the user who runs it: then it is readable whatever the modes in the working tree.
COPY --chown=clipad:clipad pyproject.toml README.md LICENSE ./
COPY --chown=clipad:clipad model_weights/README.md model_weights/
COPY --chown=clipad:clipad model_weights/demo model_weights/demo
COPY --chown=clipad:clipad app app
USER clipad
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    HF_HOME=/models/.hub \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CLIPAD_HOST=0.0.0.0 \
    CLIPAD_PORT=8000 \
    CLIPAD_MODEL_DIR=/models
VOLUME ["/models", "/app/data"]
EXPOSE 8000
# Ready means: weights are loaded and one real prediction has run. The first start of a real
# backbone may have to fetch its weights.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['CLIPAD_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "app"]
