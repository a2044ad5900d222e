# One image for each service:
#   docker build --build-arg SERVICE=gateway --tag safelight-gateway .
# SERVICE is gateway, text_moderation, image_moderation or generator.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS dependencies
ARG SERVICE
COPY requirements/${SERVICE}.txt /requirements.txt
# pip goes again at the end: nothing is installed in a running container.
RUN python -m venv /venv \
 && /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements.txt \
 && /venv/bin/python -m pip uninstall --yes pip setuptools >/dev/null 2>&1 || test -x /venv/bin/python

FROM ${BASE}
ARG SERVICE
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin safelight
COPY --from=dependencies /venv /venv
WORKDIR /app
COPY safelight safelight
COPY services/__init__.py services/__main__.py services/
COPY services/common services/common
COPY services/${SERVICE} services/${SERVICE}
RUN /venv/bin/python -m compileall -q safelight services
USER 10001
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SAFELIGHT_SERVICE=${SERVICE} \
    SAFELIGHT_HOST=0.0.0.0
HEALTHCHECK --interval=10s --timeout=20s --start-period=60s --retries=3 CMD python -m services health "$SAFELIGHT_SERVICE"
# exec, so that SIGTERM reaches Python and the service stops in order.
CMD ["sh", "-c", "exec python -m services.$SAFELIGHT_SERVICE"]
