# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by app/launch.sh and tests/run.sh: installs what is missing and builds.
# Debian 12, as root or with sudo.

# libjack-jackd2-dev stands beside librtaudio-dev on purpose: alone, the latter pulls jackd1 in.
build_packages="g++ cmake ninja-build pkg-config ccache
  qt6-base-dev qt6-svg-dev libgl-dev
  libasound2-dev libjack-jackd2-dev librtaudio-dev librtmidi-dev
  libxtensor-dev xtl-dev libxsimd-dev libxtensor-blas-dev libopenblas-pthread-dev
  libdnnl-dev libsndfile1-dev libsoxr-dev libsamplerate0-dev libfftw3-dev libebur128-dev
  nlohmann-json3-dev libcli11-dev libreaderwriterqueue-dev
  fonts-dejavu-core sonic-pi-samples"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "tonewright: packages are missing; run this as root, or install sudo." >&2
    return 1
  fi
}

# install_missing PACKAGE...: asks apt only for what is not there, so that a second start is quick.
install_missing() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  echo "Installing:$missing"
  as_root apt-get update -qq || true
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    $missing >/dev/null || {
    echo "tonewright: these packages could not be installed:$missing. Is this Debian 12 with a network?" >&2
    return 1
  }
}

# configure_and_build SOURCE BUILD CMAKE_ARGS... -- TARGET...
configure_and_build() {
  source_dir=$1
  build_dir=$2
  shift 2
  arguments=""
  while [ $# -gt 0 ] && [ "$1" != "--" ]; do arguments="$arguments $1"; shift; done
  [ $# -gt 0 ] && shift
  export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$source_dir"
  # shellcheck disable=SC2086
  cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache $arguments >"$build_dir.log" 2>&1 || {
    cat "$build_dir.log" >&2
    return 1
  }
  ninja -C "$build_dir" --quiet "$@"
}
