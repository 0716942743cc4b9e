#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy with the checks of .clang-tidy; every finding is an error.
#   tools/lint.sh             every source, and with them the headers
#   tools/lint.sh <commit>    the sources that differ from that commit, and one source for each header that differs
#   VDD_LINT_MOST    how many sources to look at, at most (default: all); which are left out is said
# Installs clang-tidy into the virtual environment and configures the preset `lint`; nothing is compiled.
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# users_of <header>: the sources and headers that include it.
users_of() {
  case $1 in
    include/*) git grep --untracked -lF "\"${1#include/}\"" -- '*.cpp' '*.h' ;;
    *) git grep --untracked -lE "\"([a-z0-9_]+/|\.\./.*/)?${1##*/}\"" -- "${1%/*}" tests ;;
  esac
}

# source_of <header>: its twin, or else another source that includes it, or else one that does so by a header.
source_of() {
  local users
  if ! users=$(users_of "$1"); then
    say "no source includes $1"
    return 0
  fi
  grep -m1 "/$(basename "$1" .h)\.cpp\$" <<< "$users" || grep -m1 '\.cpp$' <<< "$users" || source_of "${users%%$'\n'*}"
}

# sources_since <commit>
sources_since() {
  local file
  { git diff --name-only --diff-filter=d "$1" && git ls-files --others --exclude-standard; } | while read -r file; do
    case $file in
      *.h) source_of "$file" ;;
      *.cpp) echo "$file" ;;
    esac
  done | sort -u
}

# sources_in <preset>: what its compile database compiles of the project.
sources_in() {
  "$venv/bin/python" - "$root" "build/$1/compile_commands.json" << 'END'
import json, sys
print(*sorted({c["file"] for c in json.load(open(sys.argv[2])) if c["file"].startswith(sys.argv[1] + "/")}), sep="\n")
END
}

preset=lint
checks=()
set_up lint
if [[ -n ${1:-} ]]; then
  git rev-parse -q --verify "$1^{commit}" > /dev/null || fail "no such commit: $1" 2
  configure "$preset"
  known=$(sources_in "$preset")
  sources=()
  for file in $(sources_since "$1"); do
    if grep -qxF "$root/$file" <<< "$known"; then
      sources+=("$file")
    else
      say "not built, so not looked at: $file"
    fi
  done
else
  preset=lint-all
  checks=(--checks=-bugprone-suspicious-include)  # which is what makes several sources one
  configure "$preset"
  mapfile -t sources < <(sources_in "$preset")
fi
most=${VDD_LINT_MOST:-${#sources[@]}}
((${#sources[@]} <= most)) || say "too many to look at, left out: ${sources[*]:most}"
say "clang-tidy looks at $((${#sources[@]} < most ? ${#sources[@]} : most)) of ${#sources[@]} sources"
((${#sources[@]})) || exit 0
printf '%s\n' "${sources[@]:0:most}" |
  xargs -n 1 -P "$(build_jobs)" "$venv/bin/clang-tidy" -p "build/$preset" --quiet "${checks[@]}" ||
  fail "clang-tidy has findings"
