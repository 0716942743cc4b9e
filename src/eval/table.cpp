// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/table.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

constexpr Column kColumns[] = {
    {"abs_rel", "AbsRel", "AbsRel $\\downarrow$",
     [](const Scores& s) -> std::optional<double> { return s.abs_rel; }, 4, true},
    {"delta1", "delta1", "$\\delta_1\\uparrow$",
     [](const Scores& s) -> std::optional<double> { return s.delta1; }, 4, false},
    {"rmse", "RMSE", "RMSE $\\downarrow$",
     [](const Scores& s) -> std::optional<double> { return s.rmse; }, 3, true},
    {"tae", "TAE x100", "TAE $\\downarrow$",
     [](const Scores& s) -> std::optional<double> {
       if (!s.tae) return std::nullopt;
       return 100 * *s.tae;
     },
     3, true},
    {"boundary_f1", "boundary F1", "F1 $\\uparrow$", [](const Scores& s) { return s.boundary_f1; },
     4, false},
    {"boundary_recall", "boundary recall", "Recall $\\uparrow$",
     [](const Scores& s) { return s.boundary_recall; }, 4, false},
};

std::string row(const std::vector<std::string>& cells, Markup markup) {
  return markup == Markup::kMarkdown ? concat("| ", join(cells, " | "), " |\n")
                                     : concat(join(cells, " & "), " \\\\\n");
}

}  // namespace

std::vector<Column> columns_of(const std::vector<const Scores*>& scores) {
  std::vector<Column> columns;
  for (const Column& column : kColumns) {
    if (std::any_of(scores.begin(), scores.end(),
                    [&](const Scores* s) { return column.value(*s).has_value(); }))
      columns.push_back(column);
  }
  return columns;
}

const Column& column_of(const std::string& key) {
  for (const Column& column : kColumns) {
    if (column.key == key) return column;
  }
  throw ConfigError(concat("columns: '", escape(key), "' is no column of tables"));
}

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string number(const Column& column, const Scores& scores) {
  const auto value = column.value(scores);
  return value ? fixed(*value, column.digits) : "-";
}

std::string cell(const std::string& text, Markup markup) {
  std::string out;
  for (const char c : escape(text)) {
    if (markup == Markup::kMarkdown) {
      out += c == '|' ? "\\|" : std::string(1, c);
    } else if (c == '\\') {
      out += '/';
    } else if (c == '^' || c == '~') {
      out += concat('\\', c, "{}");
    } else {
      if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text, Markup markup) {
  return markup == Markup::kMarkdown ? concat("**", text, "**") : concat("\\textbf{", text, '}');
}

std::string table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows, Markup markup) {
  std::string text;
  if (markup == Markup::kMarkdown) {
    text = row(head, markup) + "|---|";
    for (std::size_t i = 1; i < head.size(); ++i) text += "---:|";
    text += '\n';
  } else {
    text = concat("\\begin{tabular}{l", std::string(head.size() - 1, 'r'), "}\n\\toprule\n",
                  row(head, markup), "\\midrule\n");
  }
  for (const auto& cells : rows) text += row(cells, markup);
  if (markup == Markup::kLatex) text += "\\bottomrule\n\\end{tabular}\n";
  return text;
}

}  // namespace vdd::eval
