// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distillation.h"

#include <utility>

#include "vdd/core/folders.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::distill {
namespace fs = std::filesystem;

std::vector<std::string> Distillation::free_keys() const {
  return {"model.teacher", "model.teacher_unet", "model.student"};
}

/// Throws DataError if a part is missing, or the header of its weights is damaged or cut off.
void Distillation::check_inputs() const {
  const ModelConfig& model = config().model;
  if (!model.teacher.empty()) {
    const auto folders = pipeline::find_model(model.teacher, model.teacher_unet);
    pipeline::require_parts(folders, model.teacher);
    pipeline::open_unet_weights(folders.unet);
    pipeline::open_vae_weights(folders.vae);
    pipeline::open_image_encoder_weights(folders.image_encoder);
  }
  if (!model.student.empty()) {
    pipeline::open_unet_weights(pipeline::find_model(model.student, model.student).unet);
  }
}

fs::path Distillation::teacher_folder(const fs::path& fallback) const {
  if (!config().model.teacher.empty()) return config().model.teacher;
  if (!path_exists(fallback)) {
    log::info("train", concat("no teacher given: writing random weights to ", fallback.string()));
    pipeline::write_random_teacher(fallback, config().model.random);
  }
  return fallback;
}

std::shared_ptr<Teacher> Distillation::make_teacher(const fs::path& folder,
                                                    const fs::path& cache_dir, torch::Device device,
                                                    CacheUse use) const {
  return std::make_shared<Teacher>(pipeline::find_model(folder, config().model.teacher_unet),
                                   config().teacher, cache_dir, device, decoder_maps(), use);
}

std::unique_ptr<train::Task> Distillation::make_task(train::Setup setup) const {
  const fs::path folder = teacher_folder(setup.folder / "teacher");
  auto targets = std::make_shared<ClipTargets>(
      config(), make_teacher(folder, setup.cache, setup.device), setup.training);
  return make_distiller(
      {.targets = std::move(targets), .teacher = folder, .setup = std::move(setup)});
}

}  // namespace vdd::distill
