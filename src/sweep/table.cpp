// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/table.h"

#include <cmath>
#include <numeric>

#include "vdd/core/text.h"
#include "vdd/eval/table.h"

namespace vdd::sweep {
namespace {

using eval::Markup;

/// Finds the best mean of each column, if it has more than one.
std::vector<std::optional<double>> best_means(const Table& table) {
  std::vector<std::optional<double>> best(table.columns.size());
  for (std::size_t c = 0; c < best.size(); ++c) {
    int means = 0;
    for (const TableRow& row : table.rows) {
      if (row.cells[c].values.empty()) continue;
      const double mean = spread(row.cells[c].values).mean;
      if (++means == 1 || (mean < *best[c]) == table.columns[c].smaller_is_better) best[c] = mean;
    }
    if (means < 2) best[c].reset();
  }
  return best;
}

std::string cell_text(const TableCell& cell, const TableColumn& column,
                      const std::optional<double>& best, Markup markup) {
  if (cell.values.empty()) return cell.failed ? "failed" : "-";
  const Spread s = spread(cell.values);
  std::string text = eval::fixed(s.mean, column.digits);
  if (best && s.mean == *best) text = eval::bold(text, markup);
  if (s.deviation) {
    text += concat(markup == Markup::kMarkdown ? " \u00b1 " : " $\\pm$ ",
                   eval::fixed(*s.deviation, column.digits));
  }
  if (cell.values.size() < column.samples)
    text += concat(" (", cell.values.size(), " of ", column.samples, ')');
  return text;
}

std::string render(const Table& table, Markup markup) {
  std::vector<std::string> head = {"method"};
  for (const std::string& mark : table.marks) head.push_back(eval::cell(mark, markup));
  for (const TableColumn& column : table.columns)
    head.push_back(markup == Markup::kMarkdown ? column.markdown : column.latex);
  const auto best = best_means(table);
  std::vector<std::vector<std::string>> rows;
  for (const TableRow& row : table.rows) {
    auto& cells = rows.emplace_back(std::vector{eval::cell(row.name, markup)});
    for (const bool mark : row.marks)
      cells.emplace_back(!mark ? "" : markup == Markup::kMarkdown ? "x" : "$\\checkmark$");
    for (std::size_t c = 0; c < row.cells.size(); ++c)
      cells.push_back(cell_text(row.cells[c], table.columns[c], best[c], markup));
  }
  return eval::table(head, rows, markup);
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

Spread spread(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return {.mean = mean};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {.mean = mean, .deviation = std::sqrt(squares / (n - 1))};
}

std::string to_markdown(const Table& table) {
  std::string text = concat("# ", eval::cell(table.title, Markup::kMarkdown), "\n\n",
                            render(table, Markup::kMarkdown), '\n');
  std::vector<std::string> seeds;
  for (const std::int64_t seed : table.seeds) seeds.push_back(concat(seed));
  return text + (seeds.size() == 1 ? concat("One seed: ", seeds.front(), ".\n")
                                   : concat("Mean \u00b1 sample standard deviation over the seeds ",
                                            join(seeds, ", "), ".\n"));
}

std::string to_latex(const Table& table) {
  return render(table, Markup::kLatex);
}

std::string to_csv(const Table& table) {
  std::vector<std::string> head = {"method"};
  for (const std::string& mark : table.marks) head.push_back(quoted(mark));
  for (const TableColumn& column : table.columns) {
    for (const char* what : {"", " deviation", " values"})
      head.push_back(quoted(concat(column.markdown, what)));
  }
  std::string text = join(head, ",") + '\n';
  for (const TableRow& row : table.rows) {
    std::vector<std::string> cells = {quoted(row.name)};
    for (const bool mark : row.marks) cells.emplace_back(mark ? "1" : "0");
    for (const TableCell& cell : row.cells) {
      const Spread s = cell.values.empty() ? Spread{} : spread(cell.values);
      cells.push_back(cell.values.empty() ? "" : shortest(s.mean));
      cells.push_back(s.deviation ? shortest(*s.deviation) : "");
      cells.push_back(concat(cell.values.size()));
    }
    text += join(cells, ",") + '\n';
  }
  return text;
}

}  // namespace vdd::sweep
