# One image for every part: web, workers, watcher. docker-compose.yml says which part a container runs.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY locks/product.txt locks/product.txt
RUN pip install --require-hashes -r locks/product.txt
COPY . .
RUN pip install --no-deps --no-build-isolation -e . && useradd --uid 1000 easel && mkdir /data && chown easel /data
USER easel
ENV EASEL_ENV=production EASEL_DATA=/data EASEL_HOST=0.0.0.0
VOLUME /data
ENTRYPOINT ["easel"]
CMD ["web"]
