// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/eval/report.h"
#include "vdd/eval/table.h"

namespace vdd::eval {

std::string difference(const EvalResult& a, const EvalResult& b) {
  if (a.protocol_hash != b.protocol_hash) return "their protocols differ in content";
  if (a.sequences.size() != b.sequences.size()) {
    return concat(a.sequences.size(), " sequences against ", b.sequences.size());
  }
  for (std::size_t i = 0; i < a.sequences.size(); ++i) {
    const auto &x = a.sequences[i], &y = b.sequences[i];
    if (x.name != y.name) return concat("sequence ", x.name, " against ", y.name);
    if (x.frames != y.frames) return concat(x.name, ": other frames");
    if (x.truth_hash != y.truth_hash) return concat(x.name, ": other true depth");
  }
  return "";
}

namespace {

/// Methods and protocols in order of appearance, and the results between them.
struct Grid {
  std::vector<std::string> methods, protocols;
  std::map<std::pair<std::string, std::string>, const EvalResult*> results;

  const EvalResult& at(const std::string& method, const std::string& protocol) const {
    return *results.at({method, protocol});
  }
};

Grid arrange(const std::vector<EvalResult>& all) {
  if (all.empty()) throw ConfigError("compare: no results");
  Grid grid;
  const auto note = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const EvalResult& result : all) {
    const std::string& protocol = result.protocol.name;
    note(grid.methods, result.method);
    note(grid.protocols, protocol);
    for (const auto& [key, other] : grid.results) {
      if (key.second != protocol) continue;
      const std::string why = difference(*other, result);
      if (!why.empty()) {
        throw ConfigError(concat("compare: ", escape(other->method), " and ", escape(result.method),
                                 " on ", escape(protocol), ": ", escape(why)));
      }
    }
    if (!grid.results.emplace(std::pair(result.method, protocol), &result).second) {
      throw ConfigError(concat("compare: two results of ", escape(result.method), " on ",
                               escape(protocol), "; name the methods with --method"));
    }
  }
  for (const std::string& method : grid.methods) {
    for (const std::string& protocol : grid.protocols) {
      if (!grid.results.contains({method, protocol})) {
        throw ConfigError(concat("compare: ", escape(method), " has no result on ",
                                 escape(protocol),
                                 "; a table needs every method on the same protocols"));
      }
    }
  }
  return grid;
}

std::string compare(const std::vector<EvalResult>& results, Markup markup) {
  const Grid grid = arrange(results);
  std::vector<std::string> head = {"method"};
  std::vector<std::vector<std::string>> rows;
  for (const std::string& method : grid.methods) rows.push_back({cell(method, markup)});
  for (const std::string& protocol : grid.protocols) {
    std::vector<const Scores*> scores;
    for (const std::string& method : grid.methods)
      scores.push_back(&grid.at(method, protocol).mean);
    for (const Column& column : columns_of(scores)) {
      const char* name = markup == Markup::kMarkdown ? column.markdown : column.latex;
      head.push_back(grid.protocols.size() == 1 ? name : concat(cell(protocol, markup), ' ', name));
      std::optional<double> best;
      for (const Scores* s : scores) {
        const auto value = column.value(*s);
        if (value && (!best || (*value < *best) == column.smaller_is_better)) best = value;
      }
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::string text = number(column, *scores[i]);
        const bool best_of_many = rows.size() > 1 && column.value(*scores[i]) == best;
        rows[i].push_back(best_of_many ? bold(text, markup) : text);
      }
    }
  }
  return table(head, rows, markup);
}

}  // namespace

std::string compare_as_markdown(const std::vector<EvalResult>& results) {
  std::string text = compare(results, Markup::kMarkdown);
  for (const EvalResult& result : results) {
    if (result.partial) {
      return text + "\nPartial data: not comparable with published numbers.\n";
    }
  }
  return text;
}

std::string compare_as_latex(const std::vector<EvalResult>& results) {
  return compare(results, Markup::kLatex);
}

}  // namespace vdd::eval
