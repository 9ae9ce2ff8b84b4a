#!/bin/sh
# Builds every image that the manifests name, with the builder that is there (docker, podman or buildah).
#   REGISTRY=registry.example.com/lab sh deploy/build.sh    also pushes them there (then set it in the overlay, see docs/real-cluster.md)
#   sh deploy/build.sh --network host --build-arg HTTPS_PROXY=http://proxy:3128    options are the builder's own
set -eu
cd "$(dirname "$0")/.."
if [ -z "${BUILDER:-}" ]; then
    for BUILDER in docker podman buildah none; do command -v "$BUILDER" >/dev/null 2>&1 && break; done
fi
if [ "$BUILDER" = none ]; then
    echo "No docker, podman or buildah was found. Install one, or name a builder in BUILDER." >&2
    exit 1
fi
for image in $(grep -rhoE 'drillyard/[a-z-]+:[a-zA-Z0-9._-]+' src/drillyard/yard/manifests deploy/base | sort -u); do
    name=${image#drillyard/}
    target=${name%%:*}
    tag=${REGISTRY:+$REGISTRY/}$image
    if [ "$BUILDER" = buildah ]; then
        buildah build -f deploy/Containerfile --target "$target" -t "$tag" "$@" .
    else
        "$BUILDER" build -f deploy/Containerfile --target "$target" -t "$tag" "$@" .
    fi
    if [ -n "${REGISTRY:-}" ]; then "$BUILDER" push "$tag"; fi
done
