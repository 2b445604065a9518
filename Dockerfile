# Stage 1: the locked dependencies in a virtual environment.
FROM python:3.11-slim-bookworm AS build
# With PostgreSQL: docker build --build-arg LOCK=requirements-postgresql.lock .
ARG LOCK=requirements.lock
COPY requirements*.lock /build/
RUN python -m venv /venv && \
    /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r "/build/${LOCK}"

# Stage 2: the program's tree beside that environment, run by a user who owns nothing but /data.
FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 duban && \
    useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin duban && \
    install --directory --owner=10001 --group=10001 /data
COPY --from=build /venv /venv
WORKDIR /app
# .dockerignore lists what belongs in the image. Never put a volume over /app/config: it is code.
COPY . /app
RUN python -m compileall -q /app
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    DUBAN_DATA=/data
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["python", "-P", "-m", "cli"]
CMD ["serve", "--host", "0.0.0.0"]
