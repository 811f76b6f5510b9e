#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# clang-tidy (.clang-tidy) on what changed: sh tests/tidy.sh BUILD [all]
# Changed is what differs from main, or on main itself what the last commit touched. A header is checked
# through one source that includes it. At most 16 sources, so that the time is bounded; `all` takes all.
# Not warned of: & and | between comparisons, which are bools in one lane and vectors in several.
set -eu
cd "$(dirname "$0")/.."
build=$1
changed() {
  head=$(git rev-parse HEAD)
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo "$head")
  [ "$base" = "$head" ] && base=$(git rev-parse HEAD~1 2>/dev/null || echo "$head")
  git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h'
}
sources() {
  while read -r file; do
    case $file in
      *.cpp) echo "$file" ;;
      *.h) git grep -lF "#include \"$file\"" -- '*.cpp' | head -n 1 ;;
    esac
  done | sort -u
}
if [ "${2:-}" = all ]; then files=$(git ls-files '*.cpp'); else files=$(changed | sources); fi
count=$(echo "$files" | grep -c . || true)
if [ "${2:-}" != all ] && [ "$count" -gt 16 ]; then
  echo "$count sources changed; the first 16 are checked (all: sh tests/tidy.sh BUILD all)."
  files=$(echo "$files" | head -n 16)
fi
[ "$count" -eq 0 ] && exit 0
echo "$files" | xargs -P "$(nproc)" -n 1 timeout 300 clang-tidy -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-unused-command-line-argument \
  --extra-arg=-Wno-bitwise-instead-of-logical --extra-arg=-Wno-bitwise-conditional-parentheses 2>/dev/null
