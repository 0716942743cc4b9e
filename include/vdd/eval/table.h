// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vdd/eval/result.h"

// What every table of scores shares: its columns, and how they are set.
namespace vdd::eval {

enum class Markup { kMarkdown, kLatex };

/// A number that tables show.
struct Column {
  const char *key, *markdown, *latex;
  std::optional<double> (*value)(const Scores&);
  int digits;
  bool smaller_is_better;
};

/// Lists the columns that at least one of the scores has.
std::vector<Column> columns_of(const std::vector<const Scores*>& scores);
/// Finds a column by its key, such as "abs_rel". Throws ConfigError.
const Column& column_of(const std::string& key);
/// Writes a number with `digits` digits after the point.
std::string fixed(double value, int digits);
std::string number(const Column& column, const Scores& scores);
/// Makes text that came from names harmless in the markup.
std::string cell(const std::string& text, Markup markup);
std::string bold(const std::string& text, Markup markup);
/// Writes a head and rows, all of the same length; the first column is text.
std::string table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows, Markup markup);

}  // namespace vdd::eval
