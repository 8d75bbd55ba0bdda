#!/usr/bin/env bash
# Unpacks a second, newer Mesa from Debian's backports beside the system's, into
# the user's cache folder. The sources of the system's apt stay untouched.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=drivers.sh
. ./drivers.sh

opens() { # opens ICD: a Vulkan device answers through it
	VK_ICD_FILENAMES="$1" vulkaninfo --summary 2>/dev/null | grep -q llvmpipe
}

[[ -f "$MESA2_ICD" ]] && opens "$MESA2_ICD" && exit 0

# The mirror is the one that the system uses itself.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Codename: $suite" | head -n 1)
if [[ "$suite" != bookworm || -z "$mirror" ]]; then
	echo "setup: no second Mesa for '$suite': make test fails without it; set QAQVK_MESA2_ICD to the path of another llvmpipe's ICD file"
	exit 0
fi

work="$MESA2_DIR.part"
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
trap 'rm -rf "$work"' EXIT
printf 'deb %s bookworm main\ndeb %s bookworm-backports main\n' "$mirror" "$mirror" >"$work/sources.list"
options=(
	-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
	-o "Dir::State::lists=$work/lists" -o "Dir::Cache::archives=$work/archives"
	-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o "APT::Sandbox::User=$(id -un)"
)
echo "setup: unpacking Mesa of bookworm-backports into $MESA2_DIR"
apt-get "${options[@]}" -qq update
(cd "$work" && apt-get "${options[@]}" -qq download mesa-vulkan-drivers/bookworm-backports)
dpkg -x "$work"/mesa-vulkan-drivers_*.deb "$work/root"
library=$(cd "$work" && find root -name libvulkan_lvp.so)
printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
	"$MESA2_DIR/$library" >"$work/lvp_icd.json"
# The library it needs beside those of the system's Mesa: none, or it would not open.
rm -rf "$work"/{lists,archives,sources.list} "$work"/*.deb "$MESA2_DIR"
mv "$work" "$MESA2_DIR"
opens "$MESA2_ICD" || { echo "setup: the second Mesa in $MESA2_DIR does not open" >&2; exit 1; }
