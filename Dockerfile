# syntax=docker/dockerfile:1
# Run it with a read-only root file system: it writes to its data directory and to the sinks you configure, and nowhere else.
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v ./leasekeeper.yaml:/etc/leasekeeper/leasekeeper.yaml:ro -v leasekeeper-data:/var/lib/leasekeeper -v secrets:/secrets leasekeeper

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY build.mjs build-page.mjs tsconfig.json ./
COPY src src
RUN npm run --silent build

FROM node:24-bookworm-slim
# redis-server holds the schedule; tini reaps what reload steps leave behind.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates redis-server tini \
  && rm -rf /var/lib/apt/lists/* /etc/redis /var/log/redis \
  && groupadd --gid 65532 leasekeeper \
  && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin leasekeeper \
  && install -d -o 65532 -g 65532 -m 0700 /var/lib/leasekeeper
COPY --from=build /build/dist/leasekeeper.js /build/dist/leasekeeper.js.map /opt/leasekeeper/
# The bundle is an ES module; this says so.
RUN echo '{"type":"module"}' > /opt/leasekeeper/package.json
# Node works on files in four threads, unless told otherwise: as many files on a disk that hangs (NFS) would hold up all others.
ENV UV_THREADPOOL_SIZE=64
USER 65532:65532
VOLUME /var/lib/leasekeeper
EXPOSE 9464
# A core dump would hold every value in memory: prlimit forbids them, also to all children.
ENTRYPOINT ["tini", "--", "prlimit", "--core=0:0", "--", "node", "--enable-source-maps", "--disallow-code-generation-from-strings", "/opt/leasekeeper/leasekeeper.js"]
CMD ["run", "-c", "/etc/leasekeeper/leasekeeper.yaml"]
# Alive means that the event loop turns; it never depends on a provider. Where `http.listen` has another port, set LEASEKEEPER_HEALTH_PORT.
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LEASEKEEPER_HEALTH_PORT ?? 9464}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
