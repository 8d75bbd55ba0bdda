#!/usr/bin/env bash
# Every kernel compiled for AMD chips by the system's RADV: no spills, no scratch.
set -euo pipefail
cd "$(dirname "$0")/.."
env -u VK_ICD_FILENAMES -u VK_DRIVER_FILES bin/qaqvk bench --compile-only
