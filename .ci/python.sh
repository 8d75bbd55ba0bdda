#!/usr/bin/env bash
# python.sh: a virtual environment with what the Python package needs, in the cache folder.
# python.sh wheel DIR: the wheel of the package, with the library in it, in a folder.
# python.sh test: its tests, on the wheel, on the reference and llvmpipe.
# python.sh transformers: those with transformers, which takes 6 GB of packages.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=drivers.sh
. .ci/drivers.sh
venv="$CACHE/python"

packages() {
	[[ -x "$venv/bin/python" ]] || python3 -m venv "$venv"
	cmp -s python/requirements.txt "$venv/requirements.txt" && return
	"$venv/bin/pip" install -q --disable-pip-version-check -r python/requirements.txt
	cp python/requirements.txt "$venv/requirements.txt"
}

wheel() {
	local out work
	mkdir -p "$1"
	out=$(cd "$1" && pwd)
	work=$(mktemp -d)
	cp -rL python/. "$work"
	.ci/lib.sh "$work/lib"
	cp "$work"/lib/libqaqvk.so.* "$work/qaqvk/"
	rm -rf "$work/lib" "$out"/qaqvk-*.whl
	"$venv/bin/pip" wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$out" "$work"
	rm -rf "$work"
}

# installed DIR: the wheel as pip installs it, in a folder of its own
installed() {
	wheel "$1/wheel"
	"$venv/bin/pip" install -q --disable-pip-version-check --no-deps --target "$1/site" "$1"/wheel/qaqvk-*.whl
}

packages
case "${1:-}" in
wheel) wheel "$2" ;;
test)
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	installed "$dir"
	VK_ICD_FILENAMES=$(llvmpipe_icd) PYTHONPATH="$dir/site" PYTHONDONTWRITEBYTECODE=1 \
		"$venv/bin/python" -W error -m unittest discover -s python/tests -p 'test_*.py'
	;;
transformers)
	heavy="$CACHE/transformers"
	[[ -x "$heavy/bin/python" ]] || python3 -m venv "$heavy"
	"$heavy/bin/pip" install -q --disable-pip-version-check -r python/requirements.txt transformers==5.24.0 torch
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	installed "$dir"
	PYTHONPATH="$dir/site" "$heavy/bin/python" -m unittest discover -v -s python/tests -p 'transformers_*.py'
	;;
esac
