# The workers of a live venue: `docker build -t rhodian .`, then any `rhodian` command. Small, and not root.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements-live.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-live.lock
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY engine engine
COPY streams streams
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . && /venv/bin/pip uninstall -q -y setuptools pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/rhodian rhodian
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER rhodian
WORKDIR /var/lib/rhodian
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import sys, urllib.request as u; sys.exit(u.urlopen('http://127.0.0.1:8080/healthz').status != 200)"]
ENTRYPOINT ["rhodian"]
CMD ["--help"]
