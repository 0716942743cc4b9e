# SPDX-License-Identifier: Apache-2.0
# Sourced by demo.sh, test.sh and lint.sh: installs what a build needs, then builds. What is done already is skipped.
#   VDD_VENV      the virtual environment; several clones may share one (default: .venv)
#   VDD_WERROR    ON: warnings are errors (default: OFF)
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${VDD_VENV:-$root/.venv}
build=$root/build/release
cd "$root"

tool_packages=(build-essential ccache git ninja-build python3 python3-venv strace)
library_packages=(
  libavcodec-dev libavformat-dev libavutil-dev libcli11-dev libdeflate-dev libgmock-dev libgtest-dev libhdf5-dev
  libjpeg62-turbo-dev libopencv-core-dev libopencv-imgproc-dev libopenexr-dev libpng-dev libspdlog-dev libssl-dev
  libswscale-dev libyaml-cpp-dev nlohmann-json3-dev zlib1g-dev)

say() { printf '== %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@"; }

install_debian_packages() {
  command -v dpkg-query > /dev/null || fail "no dpkg: these scripts know Debian 12; docs/quickstart.md lists what a build needs" 2
  local package missing=()
  for package in "${tool_packages[@]}" "${library_packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || fail "Debian packages are missing; run: sudo apt-get install -y ${missing[*]}" 2
  say "installing ${missing[*]}"
  apt_get update
  apt_get install -y --no-install-recommends "${missing[@]}"
}

# As root, once a day: Debian mends the libraries that read untrusted files (libpng, OpenSSL, FFmpeg, ...) in new versions
# of installed packages.
upgrade_libraries() {
  local stamp=/var/cache/vdd-upgraded libraries waiting
  ((EUID == 0)) || return 0
  [[ -z $(find "$stamp" -mtime -1 2> /dev/null) ]] || return 0
  if ! apt_get -o APT::Update::Error-Mode=any -o Acquire::Retries=0 -o Acquire::http::Timeout=20 update > /dev/null 2>&1; then
    say "warning: no package lists to be had; libraries are not brought up to date"
    return 0
  fi
  # What the -dev packages stand on, and FFmpeg's decoder of AV1.
  libraries=$(apt-cache depends --installed "${library_packages[@]}" | awk '$1 == "Depends:" && $2 !~ /^</ {print $2}' | sort -u)
  # shellcheck disable=SC2086  # a list of names
  set -- "${library_packages[@]}" $libraries libdav1d6
  waiting=$(apt_get -s --only-upgrade install "$@" | awk '$1 == "Inst" {print $2}')
  if [[ -n $waiting ]]; then
    say "upgrading ${waiting//$'\n'/ }"
    # shellcheck disable=SC2086  # a list of names
    if ! apt_get install -y --only-upgrade --no-install-recommends $waiting > /dev/null; then
      say "warning: libraries could not be brought up to date"
      return 0
    fi
  fi
  touch "$stamp"
}

# install_wheels <requirements file>: into the virtual environment, once for each content of the file.
install_wheels() {
  local stamp
  stamp=$venv/.vdd-$(sha256sum < "$1" | cut -c1-16)
  [[ -e $stamp ]] && return 0
  if [[ ! -x $venv/bin/python ]]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 is older than 3.11" 2
    say "making the virtual environment $venv"
    python3 -m venv "$venv"
  fi
  say "installing the wheels of $1 (LibTorch alone is 5 GB)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$1"
  touch "$stamp"
}

# set_up [test|lint]: packages and wheels. A lock keeps two clones from filling one environment at the same time.
set_up() {
  install_debian_packages
  upgrade_libraries
  mkdir -p "$(dirname "$venv")"
  exec 9> "${venv%/}.lock"
  flock 9
  install_wheels tools/requirements-build.txt
  if [[ -n ${1:-} ]]; then install_wheels "tools/requirements-$1.txt"; fi
  exec 9>&-
}

# One compiler uses up to 2 GiB.
build_jobs() {
  local cores gib
  cores=$(nproc)
  gib=$(awk '/MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo)
  echo $((gib < 1 ? 1 : gib < cores ? gib : cores))
}

# configure <preset> [option...]
configure() {
  local build=$root/build/$1 torch options=("${@:2}")
  torch=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/torch
  if [[ -e $build/CMakeCache.txt ]] && ! grep -q "^VDD_TORCH_DIR:.*=$torch\$" "$build/CMakeCache.txt"; then
    options+=(--fresh)  # the environment has moved
  fi
  mkdir -p "$build"
  "$venv/bin/cmake" --preset "$1" "${options[@]}" -DVDD_TORCH_DIR="$torch" -DVDD_PYTHON="$venv/bin/python" \
    > "$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; fail "configuring failed"; }
}

# build_targets [target...]: configures the preset `release` and builds; everything without a target.
build_targets() {
  mkdir -p "$build"
  exec 9> "$build.lock"
  flock 9
  say "building in build/release with $(build_jobs) jobs"
  configure release -DVDD_WERROR="${VDD_WERROR:-OFF}"
  "$venv/bin/cmake" --build "$build" -j "$(build_jobs)" ${1:+--target "$@"} >&2
  exec 9>&-
}
