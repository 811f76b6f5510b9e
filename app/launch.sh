#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing, builds and runs Tonewright: sh app/launch.sh [ARGUMENTS of tonewright]
# Without a display and without arguments it does the main job in the terminal (tonewright demo).
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/app/setup.sh"
build="${TONEWRIGHT_BUILD:-$here/build}"
if [ ! -x "$build/tonewright" ] || [ -n "$(find "$here/app" "$here/core" "$here/nodes" "$here/presets" "$here/ui" "$here/CMakeLists.txt" -newer "$build/tonewright" -type f \( -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt \) 2>/dev/null | head -n 1)" ]; then
  # shellcheck disable=SC2086
  install_missing $build_packages
  echo "Building Tonewright (some minutes the first time) ..."
  configure_and_build "$here" "$build" -DTONEWRIGHT_TESTS=OFF -- tonewright
  touch "$build/tonewright"
fi
if [ $# -eq 0 ] && [ -z "${DISPLAY:-}" ] && [ -z "${WAYLAND_DISPLAY:-}" ]; then
  # shellcheck disable=SC2086
  install_missing sonic-pi-samples
  exec "$build/tonewright" demo
fi
exec "$build/tonewright" "$@"
