// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/json.h"

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace vdd {
namespace {

using Json = nlohmann::ordered_json;

/// True if the parser's work on `text`, up to where that stops being JSON, stays in bounds.
bool is_modest(std::string_view text) {
  constexpr std::size_t kMaxDepth = 64;
  constexpr int kMaxMembers = 1024;
  std::array<int, kMaxDepth + 1> members{};
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') return false;  // which the parser would take for the end
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return false;
      members[depth] = 0;
    } else if (c == ']' || c == '}') {
      if (depth-- == 0) return true;  // the parser stops here
    } else if (c == ':' && ++members[depth] > kMaxMembers) {
      return false;
    }
  }
  return true;
}

}  // namespace

Json parse_json(std::string_view text) {
  return is_modest(text) ? Json::parse(text, nullptr, /*allow_exceptions=*/false)
                         : Json(Json::value_t::discarded);
}

}  // namespace vdd
