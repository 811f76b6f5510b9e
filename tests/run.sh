#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs, builds and runs every test: sh tests/run.sh
#   TONEWRIGHT_SANITIZERS=0  without the sanitizer builds
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/app/setup.sh"
build="${TONEWRIGHT_TEST_BUILD:-$here/build-tests}"
# shellcheck disable=SC2086
install_missing $build_packages jackd2 clang-format git xvfb xauth
began=$(date +%s)
cd "$here"

echo "== format"
git ls-files '*.cpp' '*.h' 2>/dev/null | xargs -r clang-format --dry-run --Werror

echo "== include walls"
sh tests/walls.sh

echo "== build"
configure_and_build "$here" "$build" -DTONEWRIGHT_TESTS=ON
echo "== tests"
ctest --test-dir "$build" --output-on-failure

if [ "${TONEWRIGHT_SANITIZERS:-1}" = 1 ]; then
  echo "== engine under AddressSanitizer and UBSan"
  suites="tst_nodes tst_live tst_patch_file tst_files"
  configure_and_build "$here" "$build-asan" -DTONEWRIGHT_TESTS=ON -DTONEWRIGHT_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug -- $suites
  for suite in $suites; do QT_QPA_PLATFORM=offscreen "$build-asan/tests/$suite" -silent -maxwarnings 0 >"$build-asan/$suite.log" 2>&1 || { tail -n 40 "$build-asan/$suite.log"; exit 1; }; done
fi
echo "All checks passed in $(($(date +%s) - began)) s."
