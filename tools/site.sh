#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the site of the pages in build/site/html; a link that leads nowhere is an error.
#   tools/site.sh
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_wheels tools/requirements-site.txt
rm -rf build/site/pages
mkdir -p build/site/pages
# The pages, and the files that they show or link.
git ls-files -z --cached --others --exclude-standard '*.md' docs/images CITATION.cff LICENSE configs include tools |
  xargs -0 cp --parents -t build/site/pages
NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --quiet
say "the site is in build/site/html"
