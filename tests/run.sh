#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs, builds and runs every test: sh tests/run.sh
#   TONEWRIGHT_SANITIZERS=1  also runs the sanitizer builds, the longest stages
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/app/setup.sh"
build="${TONEWRIGHT_TEST_BUILD:-$here/build-tests}"
# shellcheck disable=SC2086
install_missing $build_packages jackd2 clang-format clang-tidy git locales
began=$(date +%s)
cd "$here"

echo "== format"
git ls-files '*.cpp' '*.h' 2>/dev/null | xargs -r clang-format --dry-run --Werror

echo "== include walls"
sh tests/walls.sh

echo "== build"
configure_and_build "$here" "$build" -DTONEWRIGHT_TESTS=ON
echo "== tests"
locale="$build-locale"  # one with a decimal comma, for the suites that try it
[ -d "$locale/de_DE.UTF-8" ] || { mkdir -p "$locale" && localedef -i de_DE -f UTF-8 "$locale/de_DE.UTF-8"; }
LOCPATH="$locale" ctest --test-dir "$build" --output-on-failure

# sanitized KIND SUITE...: builds and runs suites under sanitizers; a failing one shows its end
sanitized() {
  kind=$1
  shift
  folder="$build-$(echo "$kind" | cut -d, -f1)"
  configure_and_build "$here" "$folder" -DTONEWRIGHT_TESTS=ON -DTONEWRIGHT_SANITIZE="$kind" -DCMAKE_BUILD_TYPE=Debug -- "$@"
  for suite in "$@"; do
    QT_QPA_PLATFORM=offscreen "$folder/tests/$suite" -silent -maxwarnings 0 >"$folder/$suite.log" 2>&1 || {
      tail -n 60 "$folder/$suite.log"
      exit 1
    }
    tail -n 1 "$folder/$suite.log"
  done
}
echo "== clang-tidy on what changed"
sh tests/tidy.sh "$build"
if [ "${TONEWRIGHT_SANITIZERS:-0}" = 1 ]; then
  echo "== engine and files under AddressSanitizer and UBSan"
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  export LSAN_OPTIONS="suppressions=$here/tests/lsan.supp"
  sanitized address,undefined tst_nodes tst_live tst_patch_file tst_files tst_fuzz
  echo "== engine under ThreadSanitizer"
  export TSAN_OPTIONS="suppressions=$here/tests/tsan.supp"
  sanitized thread tst_live
fi
echo "All checks passed in $(($(date +%s) - began)) s."
