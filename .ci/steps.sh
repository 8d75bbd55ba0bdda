# What the scripts that test have in common; sourced by them.
# shellcheck shell=bash
step() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }
fail() { echo "test: $*" >&2; exit 1; }

formatted_and_vetted() {
	local unformatted
	step gofmt
	unformatted=$(git ls-files -co --exclude-standard -z '*.go' | xargs -0 gofmt -l)
	[[ -z "$unformatted" ]] || fail "not gofmt'd: $unformatted"
	step go vet
	go vet ./...
	if pkg-config --exists gl x11 xrandr xinerama xcursor xi xxf86vm; then
		go vet -tags glfw,chromium ./internal/window ./internal/htmlreport ./cmd/qaqvk
	fi
}
