# One image for simulate, ingest, detect and api: docker compose build
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /opt/jeonju
RUN python -m venv .venv
# What it needs changes less often than it does itself, so it has a layer of its own.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY scripts/requirements scripts/requirements
RUN scripts/requirements api broker cli ingest simulator | .venv/bin/pip install --no-cache-dir --constraint constraints.txt --requirement /dev/stdin
COPY . .
RUN .venv/bin/pip install --no-cache-dir --no-deps --editable . && .venv/bin/python -m compileall -q airquality api broker common contract detection evaluation ingest jeonju localization messages response rules simulator storage

FROM python:3.11.14-slim-bookworm
# Pango and a font with Korean set the reports of incidents.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-nanum libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 jeonju && useradd --uid 10001 --gid jeonju --home-dir /var/lib/jeonju --create-home jeonju \
    # New volumes of docker-compose.yml take the owner of the folder that they cover.
    && cd /var/lib/jeonju \
    && install -d -o jeonju -g jeonju /var/cache/jeonju backups mosquitto security security/broker \
        secrets secrets/admin secrets/api secrets/detect secrets/grafana secrets/ingest secrets/simulator
COPY --from=build /opt/jeonju /opt/jeonju
ENV PATH=/opt/jeonju/.venv/bin:$PATH NUMBA_CACHE_DIR=/var/cache/jeonju JEONJU_LOG_FORMAT=json PYTHONUNBUFFERED=1
WORKDIR /var/lib/jeonju
USER jeonju
ENTRYPOINT ["jeonju"]
CMD ["--help"]
