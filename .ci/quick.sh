#!/usr/bin/env bash
# What a change should pass before all else, in under two minutes: gofmt, vet, the
# unit tests but those that need the validation layer (their names say Vulkan, VK
# or llvmpipe), all conformance cases on the reference, and on llvmpipe those of
# the usual shapes. make test is the whole.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=drivers.sh
. .ci/drivers.sh
# shellcheck source=steps.sh
. .ci/steps.sh

formatted_and_vetted

step unit tests
mapfile -t packages < <(go list ./... | grep -v '/vk$') # vk's tests are all of drivers
go test -skip 'VK|Vulkan|/llvmpipe' "${packages[@]}"

step conformance
go build -o bin/qaqvk ./cmd/qaqvk
bin/qaqvk conformance --device cpu
icd=$(llvmpipe_icd)
VK_ICD_FILENAMES="$icd" bin/qaqvk conformance --device llvmpipe \
	--filter '^[a-z_]+/((h|n|layer|token)|(f16/)?(to-f16/)?d(64|128)/)'
step done
