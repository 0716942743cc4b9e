// SPDX-License-Identifier: Apache-2.0
#include "model_parts.h"

#include "check_fit.h"
#include "vdd/config/reader.h"
#include "vdd/config/writer.h"

namespace vdd::pipeline {
namespace fs = std::filesystem;
namespace {

template <typename Config>
Config read(const fs::path& folder) {
  return config::load_json<Config>(folder / "config.json");
}

template <typename Model, typename Config, void (*kSave)(const fs::path&, const Config&)>
ModelPart make_part(const char* name, const char* file, const fs::path& source,
                    std::unique_ptr<tensor::TensorSource> (*open)(const fs::path&),
                    bool optional = false) {
  return {.name = name,
          .file = file,
          .source = source,
          .optional = optional,
          .open = open,
          .check =
              [](const fs::path& folder, const tensor::TensorSource& weights) {
                check_fit<Model>(folder, read<Config>(folder), weights);
              },
          .copy_config = [](const fs::path& from,
                            const fs::path& to) { kSave(to, read<Config>(from)); },
          .config = [](const fs::path& folder) { return config::to_json(read<Config>(folder)); }};
}

}  // namespace

std::array<ModelPart, 4> parts_of(const ModelFolders& folders) {
  constexpr const char* kDiffusersFile = "diffusion_pytorch_model.safetensors";
  return {make_part<models::UNetSpatioTemporalConditionModel, models::UNetConfig, save_unet_config>(
              "unet", kDiffusersFile, folders.unet, open_unet_weights),
          make_part<models::AutoencoderKLTemporalDecoder, models::VaeConfig, save_vae_config>(
              "vae", kDiffusersFile, folders.vae, open_vae_weights),
          make_part<models::CLIPVisionModelWithProjection, models::ClipConfig,
                    save_image_encoder_config>("image_encoder", "model.safetensors",
                                               folders.image_encoder, open_image_encoder_weights),
          make_part<models::TemporalDptHead, models::DptConfig, save_dpt_head_config>(
              "dpt_head", kDiffusersFile, folders.dpt_head, open_dpt_head_weights,
              /*optional=*/true)};
}

}  // namespace vdd::pipeline
