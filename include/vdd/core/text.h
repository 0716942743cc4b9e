// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vdd {

/// Writes all parts one after another, as operator<< prints them.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

/// Bytes of the valid UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text);

/// Makes text that came from a file fit for a terminal: control characters, backslashes and bytes
/// that are no valid UTF-8 become \xNN or \n, and anything past `max_bytes` becomes "...".
std::string escape(std::string_view text, std::size_t max_bytes = 200);

/// A path as messages show it: escaped, up to 1000 bytes of it.
std::string shown(const std::filesystem::path& path);

/// The candidate with the smallest edit distance to `word`, if it is close enough to be meant (at
/// most a third of the letters differ).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// Returns "; did you mean 'x'?" with the nearest candidate, or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);

/// Read a number that is the whole string, whatever the locale. They return nothing on any leftover
/// character, overflow, or (for integers) a sign-less prefix such as 0x or a leading zero.
std::optional<long long> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);

/// Reads a size in bytes such as "500MB", "200GiB" or "1.5TiB": a positive number and B, KB to TB
/// (powers of 1000) or KiB to TiB (powers of 1024). Returns nothing on anything else.
std::optional<std::int64_t> parse_bytes(std::string_view text);

/// The shortest decimal text that reads back as the same double ("0.1", "1e-05", "nan").
std::string shortest(double value);

/// True if `text` matches `pattern`, in which `*` stands for any run of characters (dots too) and
/// `?` for one.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace vdd
