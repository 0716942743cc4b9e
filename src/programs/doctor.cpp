// SPDX-License-Identifier: Apache-2.0
#include "vdd/programs/doctor.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/json.h"
#include "vdd/core/text.h"
#include "vdd/pipeline/doctor.h"
#include "vdd/programs/training_programs.h"
#include "vdd/run/checkpoint.h"

namespace vdd::programs {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

/// Reads the config of a run as the program that made it would.
void check_config(const fs::path& path, const std::string& program) {
  const auto known = std::ranges::find(training_programs(), program, &TrainingProgram::name);
  if (known == training_programs().end()) {
    throw DataError(path, concat("program '", escape(program), "' is unknown"));
  }
  known->load(path, {});
}

/// The number of complete lines.
std::int64_t check_metrics(const fs::path& path) {
  std::int64_t lines = 0, last_step = -1;
  read_lines(path, [&](std::int64_t number, std::string_view line) {
    const std::string where = concat("line ", number);
    const Json record = parse_json(line);
    if (!record.is_object() || !record.contains("step") || !record["step"].is_number_integer()) {
      throw DataError(path, where, "is no JSON object with a step");
    }
    const auto step = record["step"].get<std::int64_t>();
    if (step < last_step)
      throw DataError(path, where, concat("step ", step, " follows step ", last_step));
    last_step = step;
    lines = number;
  });
  return lines;
}

}  // namespace

std::string check_run(const fs::path& root) {
  constexpr std::uint64_t kMaxManifest = 16 << 20;
  const fs::path manifest = root / "manifest.json";
  const Json facts = parse_json(read_file(manifest, kMaxManifest));
  if (!facts.is_object()) throw DataError(manifest, "is no JSON");
  const auto program = facts.find("program");
  check_config(root / "config.resolved.yaml",
               program != facts.end() && program->is_string() ? program->get<std::string>() : "");
  const std::int64_t lines = check_metrics(root / "metrics.jsonl");
  const std::vector<run::Checkpoint> checkpoints = run::list_checkpoints(root / "checkpoints");
  for (const run::Checkpoint& checkpoint : checkpoints) {
    run::verify_checkpoint(checkpoint.path);
    pipeline::check_model_folder(checkpoint.path);
  }
  return concat(lines, " lines of metrics, ", checkpoints.size(), " checkpoints");
}

}  // namespace vdd::programs
