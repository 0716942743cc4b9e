// SPDX-License-Identifier: Apache-2.0
#include "scalar_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "vdd/core/text.h"

namespace vdd::config {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A word, path or name that no YAML reader takes for anything but a string.
bool is_bare(std::string_view text) {
  constexpr std::array<std::string_view, 11> kReserved = {
      "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"};
  if (text.empty() || !(is_letter(text[0]) || text[0] == '_' || text[0] == '/')) return false;
  std::string lower;
  for (const char c : text) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') &&
        std::string_view("_./+-").find(c) == text.npos) {
      return false;
    }
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return std::find(kReserved.begin(), kReserved.end(), lower) == kReserved.end();
}

}  // namespace

std::string scalar_text(bool value) {
  return value ? "true" : "false";
}
std::string scalar_text(std::int64_t value) {
  return std::to_string(value);
}
std::string scalar_text(double value) {
  return shortest(value);
}

std::string scalar_text(const std::string& value) {
  if (is_bare(value)) return value;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace vdd::config
