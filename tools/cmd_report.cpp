// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/report/page.h"

namespace vdd::tools {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::vector<fs::path> runs;
  fs::path output;
};

/// Runs are told apart by the name of their folder, and by the whole path where that is not enough.
std::vector<report::RunRecord> read_runs(const std::vector<fs::path>& folders) {
  std::vector<report::RunRecord> runs;
  for (const fs::path& folder : folders) runs.push_back(report::read_run(folder));
  std::vector<std::string> names;
  for (const auto& run : runs) names.push_back(run.name);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (std::ranges::count(names, names[i]) > 1) runs[i].name = folders[i].string();
  }
  return runs;
}

void write(const ReportOptions& o) {
  if (o.output.empty() && o.runs.size() > 1) {
    throw ConfigError("command line: --output is needed to compare runs");
  }
  const fs::path file = o.output.empty() ? o.runs.front() / "report.html" : o.output;
  write_file_atomic(file, report::to_page(read_runs(o.runs)));
  std::cout << file.string() << '\n';
}

}  // namespace

void add_report(CLI::App& vdd) {
  auto o = std::make_shared<ReportOptions>();
  CLI::App* command = vdd.add_subcommand(
      "report", "write an HTML page of a run's curves and pictures, or compare runs");
  command->add_option("run", o->runs, "run folders")->required();
  command->add_option("-o,--output", o->output, "HTML file [RUN/report.html]");
  command->callback([o] { write(*o); });
}

}  // namespace vdd::tools
