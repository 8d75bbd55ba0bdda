# Debian packages; sourced.
# shellcheck shell=bash

installed() { [[ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" == "install ok installed" ]]; }

root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

install_missing() {
	local missing=() p
	for p in "$@"; do installed "$p" || missing+=("$p"); done
	[[ ${#missing[@]} -eq 0 ]] && return
	if ! command -v apt-get >/dev/null; then
		echo "setup: no apt-get here: install what matches ${missing[*]}" >&2
		exit 1
	fi
	echo "setup: installing ${missing[*]}"
	root apt-get -qq update || echo "setup: apt-get update was not clean; going on with the lists there are"
	root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"
}
