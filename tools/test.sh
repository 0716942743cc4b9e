#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds everything and runs every test. The last line counts the test cases.
#   tools/test.sh [--build-only] [ctest options]
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

build_only=false
if [[ ${1:-} == --build-only ]]; then
  build_only=true
  shift
fi

set_up test
build_targets
if $build_only; then exit 0; fi

results=$build/test-results
rm -rf "$results"
mkdir -p "$results"
status=0
GTEST_OUTPUT="xml:$results/" GTEST_BRIEF=1 "$venv/bin/ctest" --test-dir "$build" --output-on-failure \
  --output-junit "$results/ctest.junit" -j "$(nproc)" "$@" || status=$?
"$venv/bin/python" tests/count_cases.py "$results" || status=1
exit "$status"
