# The inspection service as an image; the demo backbone is inside.
#   docker build -t clip-ad .                                  CUDA (runs on a CPU too, but is large)
#   docker build -t clip-ad:cpu --build-arg VARIANT=cpu .      CPU alone
# A package index of your own: --secret id=pip.conf,src=FILE, of which no layer keeps anything.
# docker-compose.yml builds and runs both; scripts/check_image builds and tries one without Docker.

ARG BASE=python:3.12-slim

# Dependencies change seldom: they are installed without the project's own files, into an
# environment that expects those in /app. What served to install them, pip, does not stay.
FROM ${BASE} AS environment
ARG VARIANT=gpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /app
COPY pyproject.toml constraints.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    set -eu; \
    locked() { sed -n "s/^$1==//p" constraints.txt; }; \
    pip() { /opt/venv/bin/pip --no-cache-dir --disable-pip-version-check "$@"; }; \
    mkdir app; touch app/__init__.py README.md LICENSE; \
    python3 -m venv /opt/venv; \
    case "$VARIANT" in \
      gpu) extras=postgres ;; \
      cpu) extras=postgres,openvino; \
           pip install --no-deps --index-url "$TORCH_INDEX" \
             "torch==$(locked torch)+cpu" "torchvision==$(locked torchvision)+cpu" ;; \
      *) echo "VARIANT=$VARIANT is not one of: gpu, cpu" >&2; exit 1 ;; \
    esac; \
    pip install -c constraints.txt -e ".[$extras]"; \
    pip uninstall --yes pip

# The project: anybody may read it and nobody but root change it, whatever the modes in the
# working tree. Compiled here, as a container that cannot write would compile it at every start.
FROM ${BASE} AS project
WORKDIR /app
COPY LICENSE README.md ./
COPY model_weights model_weights
COPY app app
RUN chmod -R u=rwX,go=rX . && python3 -m compileall -q --invalidation-mode checked-hash app

FROM ${BASE}
LABEL org.opencontainers.image.title="clip-ad" \
      org.opencontainers.image.description="Zero-shot visual inspection from words alone" \
      org.opencontainers.image.licenses="Apache-2.0"
# /models and /app/data are meant to be volumes, and with a tmpfs on /tmp all that is written to. A
# volume over /models hides nothing: the demo lies in /app/model_weights/demo.
RUN groupadd --gid 1000 clipad \
    && useradd --uid 1000 --gid 1000 --no-create-home --no-log-init clipad \
    && mkdir -p /models /app/data \
    && chown clipad:clipad /models /app/data
COPY --from=environment /opt/venv /opt/venv
COPY --from=project /app /app
WORKDIR /app
# As a number: only then an orchestrator that refuses root knows that this is not root.
USER 1000:1000
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/models/.hub \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CLIPAD_HOST=0.0.0.0 \
    CLIPAD_PORT=8000 \
    CLIPAD_MODEL_DIR=/models
VOLUME ["/models", "/app/data"]
EXPOSE 8000
# Ready means: weights are loaded and one real prediction has run. The first start of a real
# backbone may have to fetch its weights. Not urllib: it would ask a proxy of the environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
  CMD ["python", "-c", "import http.client, os; ask = http.client.HTTPConnection('127.0.0.1:' + os.environ['CLIPAD_PORT'], timeout=4); ask.request('GET', '/readyz'); raise SystemExit(ask.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "app"]
