// SPDX-License-Identifier: Apache-2.0
#include "vdd/programs/training_programs.h"

#include <algorithm>
#include <type_traits>

#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/distill/distill_decoder.h"
#include "vdd/distill/distill_unet.h"
#include "vdd/teach/train_teacher.h"
#include "vdd/teach/train_vae.h"

namespace vdd::programs {
namespace fs = std::filesystem;
namespace {

template <typename Training, typename Config>
TrainingProgram program(const char* file_prefix, const char* about) {
  return {.name = Training(Config()).program(),
          .about = about,
          .file_prefix = file_prefix,
          .distils = std::is_base_of_v<distill::Distillation, Training>,
          .load = [](const fs::path& file,
                     std::span<const std::string> overrides) -> std::unique_ptr<train::Training> {
            return std::make_unique<Training>(config::load<Config>(file, overrides));
          },
          .schema = config::schema_of<Config>};
}

}  // namespace

const std::vector<TrainingProgram>& training_programs() {
  static const std::vector<TrainingProgram> programs = {
      program<distill::UnetDistillation, distill::DistillUnetConfig>(
          "stage1", "train a one-step student UNet on the latents of a frozen n-step teacher"),
      program<distill::DecoderDistillation, distill::DistillDecoderConfig>(
          "stage2", "train a student with a light depth head in place of the VAE decoder"),
      program<teach::TeacherTraining, teach::TrainTeacherConfig>(
          "train_teacher", "train a video depth teacher by denoising score matching"),
      program<teach::VaeTraining, teach::TrainVaeConfig>(
          "train_vae", "train the temporal VAE on pictures and their disparity")};
  return programs;
}

const TrainingProgram& training_program(const std::string& name) {
  const auto it = std::ranges::find(training_programs(), name, &TrainingProgram::name);
  if (it == training_programs().end()) {
    throw ConfigError(concat("program '", escape(name), "' is unknown"));
  }
  return *it;
}

std::vector<std::string> distillation_names() {
  std::vector<std::string> names;
  for (const TrainingProgram& program : training_programs()) {
    if (program.distils) names.push_back(program.name);
  }
  return names;
}

std::unique_ptr<distill::Distillation> load_distillation(const std::string& name,
                                                         const fs::path& file,
                                                         std::span<const std::string> overrides) {
  const TrainingProgram& program = training_program(name);
  if (!program.distils) throw ConfigError(concat(file.string(), ": ", name, " distils nothing"));
  auto training = program.load(file, overrides);
  return std::unique_ptr<distill::Distillation>(
      static_cast<distill::Distillation*>(training.release()));
}

}  // namespace vdd::programs
