// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/sweep_config.h"

#include <algorithm>
#include <set>

#include "vdd/core/text.h"
#include "vdd/programs/training_programs.h"

namespace vdd::sweep {

std::vector<std::string> row_programs() {
  std::vector<std::string> names = programs::distillation_names();
  names.insert(names.begin(), "none");
  return names;
}

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "key: 'name' is there twice" for the first that is.
void check_unique(const char* key, const std::vector<std::string>& names,
                  std::vector<std::string>& errors) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      errors.push_back(concat(key, ": '", escape(name), "' is there twice"));
      return;
    }
  }
}

}  // namespace

std::vector<std::string> RowConfig::check() const {
  std::vector<std::string> errors;
  if (trained()) {
    if (config.empty()) errors.push_back(concat("program: ", program, " needs a config"));
    if (!model.empty())
      errors.emplace_back("model: is there already, so that no program trains it");
    if (steps != 0) errors.emplace_back("steps: what is trained here takes one");
  } else if (!config.empty() || !student.empty() || !set.empty()) {
    errors.emplace_back("program: config, student and set need one");
  }
  if (hidden && !trained()) errors.emplace_back("hidden: nothing is trained, so nothing is left");
  return errors;
}

std::vector<std::string> SweepConfig::check() const {
  std::vector<std::string> errors, names, evaluations, texts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RowConfig& row = rows[i];
    for (const std::string& mark : row.marks) {
      if (!contains(marks, mark))
        errors.push_back(concat("rows.", i, ".marks: '", escape(mark), "' is no mark of the table",
                                did_you_mean(mark, marks)));
    }
    if (!row.student.empty() && !contains(names, row.student)) {
      errors.push_back(concat("rows.", i, ".student: '", escape(row.student),
                              "' is no earlier row that is trained",
                              did_you_mean(row.student, names)));
    }
    if (row.trained()) names.push_back(row.name);
    texts.push_back(row.name);
  }
  check_unique("rows", texts, errors);
  for (const EvaluationConfig& e : evaluate) evaluations.push_back(e.name);
  check_unique("evaluate", evaluations, errors);
  check_unique("columns", columns, errors);
  texts.clear();
  for (const std::int64_t seed : seeds) texts.push_back(concat(seed));
  check_unique("seeds", texts, errors);
  if (std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.hidden; }))
    errors.emplace_back("rows: none to show");
  if (evaluate.empty() && times.empty())
    errors.emplace_back("evaluate: empty, and no times: nothing to show");
  for (const std::string& time : times) {
    if (time != "all" && !contains(bench.stages, time))
      errors.push_back(concat("times: ", time, " is none of bench.stages"));
  }
  return errors;
}

}  // namespace vdd::sweep
