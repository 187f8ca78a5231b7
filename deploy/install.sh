#!/bin/sh
# Install the checkout with one of its extras into a virtual environment:  deploy/install.sh .venv demo
# With the lowest versions that pyproject.toml allows, which needs uv:     deploy/install.sh FOLDER dev lowest
#
# uv does it, which takes a quarter of pip's time; pip where there is no uv. Without a GPU torch comes in its
# build for CPUs where an index has one. Where none has, the CUDA libraries that the other build is linked
# with come too; what it can be imported without does not.
set -eu
cd "$(dirname "$0")/.."
venv=$1 extra=$2 versions="--constraint constraints.txt"
torch=$(grep '^torch==' constraints.txt)
if [ "${3:-}" = lowest ]; then
    versions="--resolution lowest-direct" torch=$(sed -n 's/.*"torch>=\(.*\)".*/torch==\1/p' pyproject.toml)
fi
without="triton cuda-bindings nvidia-cusolver nvidia-nvtx"

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
uv=$(command -v uv || echo "$venv/bin/uv")
[ -x "$uv" ] || pip install --quiet --constraint constraints.txt uv || uv=
# uv reads no configuration of pip's: tell it of an index that stands in for the public one.
index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
try_uv() { [ -n "$uv" ] && VIRTUAL_ENV="$venv" "$uv" pip install $versions "$@"; }

if ls -d "$venv"/lib/python*/site-packages/torch >/dev/null 2>&1; then
    build="beside the torch that is there" size="at most 0.2 GB to download, 0.5 GB on disk"
elif command -v nvidia-smi >/dev/null; then
    build="torch with CUDA" size="about 2.8 GB to download, 5 GB on disk" without=
elif UV_HTTP_RETRIES=0 try_uv --quiet --no-deps --torch-backend cpu "$torch" 2>/dev/null ||
    pip install --quiet --no-deps "$torch+cpu" 2>/dev/null; then
    build="torch for CPUs" size="about 0.5 GB to download, 1.5 GB on disk"
else
    build="torch with CUDA, as no index here has one for CPUs" size="about 2.4 GB to download, 4.1 GB on disk"
fi
echo "ithaca[$extra] into $venv, $build: $size, some minutes."

printf '%s\n' $without | try_uv --excludes - --editable ".[$extra]" ||
    { [ -z "${3:-}" ] && pip install --constraint constraints.txt --editable ".[$extra]"; }
