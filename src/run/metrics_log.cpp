// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/metrics_log.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "append_file.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/json.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::run {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

std::string to_json(bool value) {
  return value ? "true" : "false";
}
std::string to_json(std::int64_t value) {
  return std::to_string(value);
}
std::string to_json(double value) {
  if (std::isfinite(value)) return shortest(value);
  return std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
}
std::string to_json(const std::string& value) {
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}
template <typename T>
std::string to_json(const std::vector<T>& values) {
  std::string out = "[";
  for (const T& value : values) out.append(out.size() > 1 ? ", " : "").append(to_json(value));
  return out + ']';
}

std::string csv_cell(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

/// The text of a scalar in the CSV; nothing for a list.
std::optional<std::string> csv_text(const Json& value) {
  if (value.is_string()) return csv_cell(value.get<std::string>());
  if (value.is_number_float()) return shortest(value.get<double>());
  if (value.is_primitive()) return value.dump();
  return std::nullopt;
}

/// One line of a log as an object with an integer "step", or nothing if it is damaged.
std::optional<Json> parse_line(std::string_view line) {
  Json record = parse_json(line);
  if (!record.is_object()) return std::nullopt;
  const auto step = record.find("step");
  if (step == record.end() || !step->is_number_integer()) return std::nullopt;
  return record;
}

/// Calls `use(line, record)` for each whole, readable line.
template <typename Use>
void for_each_line(const fs::path& path, Use use) {
  if (!path_exists(path)) return;
  read_lines(path, [&](std::int64_t number, std::string_view line) {
    if (const auto record = parse_line(line)) {
      use(line, *record);
    } else {
      log::warning("train", concat(shown(path), ':', number, ": damaged line left out"));
    }
  });
}

void cut_after(const fs::path& path, std::int64_t last_step, std::int64_t lines) {
  FileWriter kept(path);
  for_each_line(path, [&](std::string_view line, const Json& record) {
    if (record["step"].get<std::int64_t>() <= last_step && lines-- > 0)
      kept.write(concat(line, '\n'));
  });
  kept.commit();
}

std::string csv_row(const std::vector<std::string>& columns, const Json& record) {
  std::string row;
  for (const std::string& column : columns) {
    const auto value = record.find(column);
    if (&column != &columns.front()) row += ',';
    if (value != record.end()) row += csv_text(*value).value_or("");
  }
  return row + '\n';
}

/// Appends the scalar keys that are not among the columns yet; true if there were any.
bool extend_columns(std::vector<std::string>& columns, const Json& record) {
  const std::size_t before = columns.size();
  for (const auto& [key, value] : record.items()) {
    if (csv_text(value) && std::find(columns.begin(), columns.end(), key) == columns.end())
      columns.push_back(key);
  }
  return columns.size() > before;
}

}  // namespace

Record& Record::add_value(std::string_view key, Value value) {
  values_.emplace_back(key, std::move(value));
  return *this;
}

std::string Record::json() const {
  std::string out = "{";
  for (const auto& [key, value] : values_) {
    out.append(out.size() > 1 ? ", " : "").append(to_json(key)).append(": ");
    out += std::visit([](const auto& v) { return to_json(v); }, value);
  }
  return out + '}';
}

MetricsLog::MetricsLog(const fs::path& run_root, std::int64_t last_step, std::int64_t lines)
    : root_(run_root) {
  const auto start = last_step < 0 ? AppendFile::Start::kEmpty : AppendFile::Start::kAppend;
  if (last_step >= 0) {
    cut_after(root_ / "metrics.jsonl", last_step, lines);
    cut_after(root_ / "timing.jsonl", last_step, std::numeric_limits<std::int64_t>::max());
  }
  jsonl_ = std::make_unique<AppendFile>(root_ / "metrics.jsonl", start);
  timing_ = std::make_unique<AppendFile>(root_ / "timing.jsonl", start);
  rebuild_csv();
}

MetricsLog::~MetricsLog() = default;

void MetricsLog::write(std::int64_t step, const Record& metrics) {
  const std::string text = line(step, metrics);
  ++lines_;
  waiting_ += text;
  if (!jsonl_->append(waiting_)) {
    csv_stale_ = true;
    return;
  }
  waiting_.clear();
  if (csv_stale_) return;
  const Json record = parse_json(text);
  if (extend_columns(columns_, record)) {
    refresh_csv();
  } else {
    csv_stale_ = !csv_->append(csv_row(columns_, record));
  }
}

void MetricsLog::write_timing(std::int64_t step, const Record& timing) {
  timing_->append(line(step, timing));
}

void MetricsLog::sync() {
  if (!waiting_.empty() && !jsonl_->append(waiting_)) {
    throw ResourceError(concat(shown(jsonl_->path()), ": ",
                               std::count(waiting_.begin(), waiting_.end(), '\n'),
                               " lines cannot be written"));
  }
  waiting_.clear();
  jsonl_->sync();
  timing_->sync();
  if (csv_stale_) refresh_csv();
}

/// Rebuilds the table as rebuild_csv() does, but may fail: the next sync() tries again.
void MetricsLog::refresh_csv() {
  try {
    rebuild_csv();
    csv_stale_ = false;
  } catch (const Error& e) {
    csv_stale_ = true;
    if (!std::exchange(csv_warned_, true)) log::warning("train", concat(e.what(), " (said once)"));
  }
}

std::string MetricsLog::line(std::int64_t step, const Record& record) {
  Record whole;
  whole.add("step", step);
  std::string text = whole.json();
  if (!record.empty()) text.replace(text.size() - 1, 1, ", " + record.json().substr(1));
  return text + '\n';
}

void MetricsLog::rebuild_csv() {
  columns_ = {"step"};
  lines_ = 0;
  for_each_line(root_ / "metrics.jsonl", [&](std::string_view, const Json& record) {
    extend_columns(columns_, record);
    ++lines_;
  });
  FileWriter csv(root_ / "metrics.csv");
  csv.write(join(columns_, ",") + '\n');
  for_each_line(root_ / "metrics.jsonl", [&](std::string_view, const Json& record) {
    csv.write(csv_row(columns_, record));
  });
  csv.commit();
  csv_ = std::make_unique<AppendFile>(root_ / "metrics.csv", AppendFile::Start::kAppend);
}

}  // namespace vdd::run
