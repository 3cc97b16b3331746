# Ochre as a service: docs/docker.md says how to run it, docs/why/0014-closed-by-default.md why it is as it is.

# Any image of Python 3.11 or newer on glibc, with the module venv.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /tools && python3 -m venv --without-pip /opt/ochre
COPY requirements.lock pyproject.toml ./
COPY docker/locked.py docker/
# Layers that are made anew only when the lock changes.
RUN /tools/bin/python docker/locked.py hatchling > /tools/locked.txt \
 && /tools/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement /tools/locked.txt
RUN /tools/bin/python docker/locked.py > /opt/ochre/locked.txt \
 && /tools/bin/python -m pip --python /opt/ochre/bin/python install \
    --no-cache-dir --no-deps --require-hashes --only-binary :all: --requirement /opt/ochre/locked.txt
COPY LICENSE README.md ./
COPY src src
RUN /tools/bin/python -m hatchling build -t wheel -d /dist \
 && /tools/bin/python -m pip --python /opt/ochre/bin/python install --no-cache-dir --no-deps /dist/*.whl

FROM ${BASE}
RUN groupadd --gid 10001 ochre && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data ochre \
 && install --directory --owner ochre --group ochre /data \
 && mkdir --parents /opt/ochre/places/data /opt/ochre/places/chroma/chroma \
 && ln --symbolic /data /opt/ochre/places/data/chroma \
 && ln --symbolic /chroma/chroma /opt/ochre/places/chroma/chroma/chroma
COPY --from=build /opt/ochre /opt/ochre
COPY docker/start.py /opt/ochre/start.py
ENV PATH=/opt/ochre/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OCHRE_LISTEN_ADDRESS=0.0.0.0 \
    OCHRE_ALLOW_ANONYMOUS=true
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["ochre", "health"]
ENTRYPOINT ["/opt/ochre/bin/python", "/opt/ochre/start.py"]
CMD ["run"]
