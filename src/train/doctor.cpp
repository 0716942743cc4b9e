// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/doctor.h"

#include <map>
#include <nlohmann/json.hpp>

#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/json.h"
#include "vdd/core/text.h"
#include "vdd/pipeline/doctor.h"
#include "vdd/train/checkpoint.h"
#include "vdd/train/distill_decoder_config.h"
#include "vdd/train/distill_unet_config.h"
#include "vdd/train/train_teacher_config.h"
#include "vdd/train/train_vae_config.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

template <typename Config>
void read_config(const fs::path& path) {
  config::load<Config>(path);
}

/// Reads the config of a run as the program that made it would.
void check_config(const fs::path& path, const std::string& program) {
  static const std::map<std::string, void (*)(const fs::path&)> readers = {
      {"distill_unet", read_config<DistillUnetConfig>},
      {"distill_decoder", read_config<DistillDecoderConfig>},
      {"vdd train-teacher", read_config<TrainTeacherConfig>},
      {"vdd train-vae", read_config<TrainVaeConfig>}};
  const auto reader = readers.find(program);
  if (reader == readers.end()) {
    throw DataError(path, concat("program '", escape(program), "' is unknown"));
  }
  reader->second(path);
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
  const std::vector<Checkpoint> checkpoints = list_checkpoints(root / "checkpoints");
  for (const Checkpoint& checkpoint : checkpoints) {
    verify_checkpoint(checkpoint.path);
    pipeline::check_model_folder(checkpoint.path);
  }
  return concat(lines, " lines of metrics, ", checkpoints.size(), " checkpoints");
}

}  // namespace vdd::train
