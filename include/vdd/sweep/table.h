// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// A table of numbers that were measured several times.
namespace vdd::sweep {

/// Mean and sample standard deviation (divided by n - 1; nothing for a single value).
struct Spread {
  double mean = 0;
  std::optional<double> deviation = {};
};
/// Computes the spread of at least one value.
Spread spread(const std::vector<double>& values);

struct TableColumn {
  std::string markdown, latex;  ///< what stands above the column
  int digits = 4;
  bool smaller_is_better = true;
  std::size_t samples = 1;  ///< values of a complete cell
};

struct TableCell {
  std::vector<double> values = {};
  bool failed = false;
};

struct TableRow {
  std::string name;
  std::vector<bool> marks = {};       ///< one for each mark of the table
  std::vector<TableCell> cells = {};  ///< one for each column
};

struct Table {
  std::string title;
  std::vector<std::int64_t> seeds;
  std::vector<std::string> marks;
  std::vector<TableColumn> columns;
  std::vector<TableRow> rows;
};

/// Writes each row as a line, the best mean of a column in bold. A cell is the mean and what it
/// spreads, with "(2 of 3)" if values are missing; without any it is "failed", or "-" if none was
/// tried.
std::string to_markdown(const Table& table);
/// Writes the table alone, for a paper (booktabs).
std::string to_latex(const Table& table);
/// Writes mean, deviation and number of values of each column with all digits; empty where there is
/// none.
std::string to_csv(const Table& table);

}  // namespace vdd::sweep
