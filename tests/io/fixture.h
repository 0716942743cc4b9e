// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace vdd::test {

/// A file that tools/reference/make_io_fixtures.py wrote.
inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(VDD_FIXTURES) / "io" / name;
}

}  // namespace vdd::test
