// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vdd/core/error.h"

// What a file or an override says, before it meets a schema. Each node remembers where it stands.
namespace vdd::config {

struct Place {
  std::shared_ptr<const std::string> name;  ///< file, or "command line"
  int line = 0;                             ///< counted from 1; 0: the whole file
  int column = 0;

  std::string text() const;
};

struct Entry;

struct Node {
  enum class Kind {
    kNull,
    kPlain,   ///< unquoted text: numbers, true, words
    kQuoted,  ///< text in quotes: never a number
    kList,
    kMap,
    kBroken,  ///< reported already
  };

  Kind kind = Kind::kNull;
  Place place;
  std::string text;
  std::vector<Node> items;
  std::vector<Entry> entries;

  bool scalar() const { return kind == Kind::kPlain || kind == Kind::kQuoted; }
  Entry* find(std::string_view key);
};

struct Entry {
  std::string key;
  Place place;
  Node value;
};

/// Collects "place: key: message" lines.
class Errors {
 public:
  void add(const Place& place, std::string_view key, std::string_view message);
  std::size_t count() const { return count_; }
  const std::vector<std::string>& lines() const { return lines_; }
  /// Returns the errors, one per line: the first 50 and a count of the rest.
  std::string text() const;
  void throw_if_any() const {
    if (count_ > 0) throw ConfigError(text());
  }
  /// Adds a last error and throws all of them as a ConfigError.
  [[noreturn]] void fail(const Place& place, std::string_view key, std::string_view message) {
    add(place, key, message);
    throw ConfigError(text());
  }

 private:
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

/// Fails on text that is too long, no UTF-8, or has control characters: a YAML parser takes some
/// without a word.
void check_text(std::string_view text, const Place& file, Errors& errors);
/// Parses one YAML document; kNull for an empty text. Syntax errors end it, all other faults are
/// collected.
Node parse_yaml(std::string_view text, const Place& file, Errors& errors);
/// Parses one JSON document.
Node parse_json(std::string_view text, const Place& file, Errors& errors);

}  // namespace vdd::config
