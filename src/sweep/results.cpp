// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/results.h"

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/eval/report.h"
#include "vdd/eval/table.h"

namespace vdd::sweep {
namespace {

/// Throws ConfigError if two scores of an evaluation cannot be compared.
void check_comparable(const Plan& plan, const std::vector<RunResult>& results) {
  for (std::size_t e = 0; e < plan.protocols.size(); ++e) {
    const eval::EvalResult* first = nullptr;
    for (const RunResult& result : results) {
      if (e >= result.scores.size() || !result.scores[e]) continue;
      if (first == nullptr) first = &*result.scores[e];
      const std::string why = eval::difference(*first, *result.scores[e]);
      if (!why.empty()) {
        throw ConfigError(concat(plan.name, ": ", escape(first->method), " and ",
                                 escape(result.scores[e]->method), " on ",
                                 escape(plan.config.evaluate[e].name), ": ", escape(why),
                                 "; delete the older file in scores/"));
      }
    }
  }
}

std::vector<TableColumn> columns_of(const Plan& plan) {
  const SweepConfig& config = plan.config;
  std::vector<TableColumn> columns;
  for (const EvaluationConfig& e : config.evaluate) {
    for (const std::string& key : config.columns) {
      const eval::Column& c = eval::column_of(key);
      const auto head = [&](const char* name, eval::Markup markup) {
        return config.evaluate.size() == 1 ? name : concat(eval::cell(e.name, markup), ' ', name);
      };
      columns.push_back({.markdown = head(c.markdown, eval::Markup::kMarkdown),
                         .latex = head(c.latex, eval::Markup::kLatex),
                         .digits = c.digits,
                         .smaller_is_better = c.smaller_is_better,
                         .samples = config.seeds.size()});
    }
  }
  for (const std::string& time : config.times)
    columns.push_back({.markdown = time + " ms", .latex = time + " [ms]", .digits = 2});
  return columns;
}

TableCell time_cell(const std::string& row, const std::string& time,
                    const std::optional<bench::StageBench>& times) {
  TableCell cell;
  if (!times) return cell;
  double sum = 0;
  bool found = false;
  for (const bench::StageCost& cost : times->rows) {
    if (cost.model != row || !cost.median_ms || (time != "all" && time != cost.stage)) continue;
    sum += *cost.median_ms;
    found = true;
  }
  if (found) cell.values = {sum};
  return cell;
}

TableRow row_of(const Plan& plan, std::size_t index, const std::vector<RunResult>& results,
                const std::optional<bench::StageBench>& times) {
  const SweepConfig& config = plan.config;
  TableRow row{.name = config.rows[index].name};
  for (const std::string& mark : config.marks)
    row.marks.push_back(std::ranges::count(config.rows[index].marks, mark) > 0);
  bool failed = false;
  for (std::size_t e = 0; e < config.evaluate.size(); ++e) {
    for (const std::string& key : config.columns) {
      TableCell& cell = row.cells.emplace_back();
      for (std::size_t i = 0; i < plan.runs.size(); ++i) {
        if (plan.runs[i].row != index) continue;
        const RunResult& result = results[i];
        cell.failed = cell.failed || !result.error.empty();
        if (e >= result.scores.size() || !result.scores[e]) continue;
        if (const auto value = eval::column_of(key).value(result.scores[e]->mean))
          cell.values.push_back(*value);
      }
      failed = failed || cell.failed;
    }
  }
  for (const std::string& time : config.times) {
    row.cells.push_back(time_cell(row.name, time, times));
    row.cells.back().failed = failed;
  }
  return row;
}

}  // namespace

Table make_table(const Plan& plan, const std::vector<RunResult>& results,
                 const std::optional<bench::StageBench>& times) {
  check_comparable(plan, results);
  Table table{.title = plan.config.title,
              .seeds = plan.config.seeds,
              .marks = plan.config.marks,
              .columns = columns_of(plan),
              .rows = {}};
  for (std::size_t i = 0; i < plan.config.rows.size(); ++i) {
    if (!plan.config.rows[i].hidden) table.rows.push_back(row_of(plan, i, results, times));
  }
  return table;
}

SweepRecord make_record(const Plan& plan, const std::vector<RunResult>& results,
                        const std::optional<bench::StageBench>& times,
                        const std::filesystem::path& output) {
  SweepRecord record{.version = version(), .config = plan.config};
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const Run& run = plan.runs[i];
    RowRecord& out = record.runs.emplace_back();
    out = {.row = plan.config.rows[run.row].name,
           .seed = run.seed,
           .folder = run.folder.string(),
           .hash = run.hash,
           .key = run.key,
           .error = results[i].error};
    for (std::size_t e = 0; e < results[i].scores.size(); ++e) {
      const auto& score = results[i].scores[e];
      out.scores.push_back(score ? score_file(plan, run, e, output).string() : "");
      out.model_hashes.push_back(score ? score->method_hash : "");
    }
  }
  if (times) record.times = times->rows;
  return record;
}

}  // namespace vdd::sweep
