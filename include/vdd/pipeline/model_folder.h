// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/diffusion/euler_schedule.h"
#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/models/clip_vision.h"
#include "vdd/models/dpt_temporal.h"
#include "vdd/models/unet_spatio_temporal_condition.h"
#include "vdd/tensor/state_dict.h"

// Models on disk, in the layout that diffusers reads and writes:
//   model_index.json unet/ vae/ image_encoder/ scheduler/ feature_extractor/
// and our vdd.json and, for a student that has one, dpt_head/.
// A weights file may be plain, its fp16 variant, or shards with an index (io::open_weights).
namespace vdd::pipeline {

/// Origin of a model.
struct Provenance {
  std::string program = {};
  std::string version = {};
  std::int64_t step = 0;
  std::string config = {};
  std::string teacher_hash = {};
  std::string data_hash = {};

  constexpr void fields(auto& f) {
    f("program", program, "the program that trained it");
    f("version", version, "version of vdd");
    f("step", step, "optimizer updates", non_negative);
    f("config", config, "resolved config, YAML");
    f("teacher_hash", teacher_hash, "content hash of the teacher's UNet");
    f("data_hash", data_hash, "hash of the data manifest");
  }
};

/// Start of the sampler: noise, or the video's latent in its place.
enum class SamplerInput { kNoise, kRgbLatent };
constexpr auto names(SamplerInput) {
  return enum_names<SamplerInput>(
      {{SamplerInput::kNoise, "noise"}, {SamplerInput::kRgbLatent, "rgb_latent"}});
}

/// Part that turns the denoiser's result into disparity: vae/ or dpt_head/.
enum class Decoder { kVae, kDpt };
constexpr auto names(Decoder) {
  return enum_names<Decoder>({{Decoder::kVae, "vae"}, {Decoder::kDpt, "dpt"}});
}

/// vdd.json: how to run the model. The defaults are those of a published teacher.
struct VddInfo {
  SamplerInput input = SamplerInput::kNoise;
  double rgb_latent_scale = 0.18215;
  std::int64_t steps = 5;
  double noise_aug = 0.02;
  Decoder decoder = Decoder::kVae;
  std::string base = {};
  Provenance provenance = {};

  constexpr void fields(auto& f) {
    f("input", input, "what the sampler starts from");
    f("rgb_latent_scale", rgb_latent_scale, "factor of the video latent that stands in for noise",
      positive);
    f("steps", steps, "sampler steps", diffusion::sampler_steps);
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded", non_negative);
    f("decoder", decoder, "what turns the denoiser's result into disparity: vae/ or dpt_head/");
    f("base", base, "model folder that holds the parts this one lacks");
    f("provenance", provenance, "where the model comes from");
  }
};

/// The folders of a model's parts; empty if there is none.
struct ModelFolders {
  std::filesystem::path unet, vae, image_encoder, dpt_head, scheduler;
  VddInfo info;
};

/// Looks `model` up: a model folder, a checkpoint, or a DepthCrafter folder (config.json and
/// weights of the UNet in its root). `unet`, if given, is where the UNet and vdd.json are instead.
/// Parts that `model` lacks come from `base`, or else from the base that vdd.json names (relative
/// to that file), and from that one's; the head only from where the UNet is, because it fits no
/// other. Throws DataError if there is no part at all, vdd.json names a decoder that is not there,
/// or model_index.json names other classes.
ModelFolders find_model(const std::filesystem::path& model, const std::filesystem::path& unet = {},
                        const std::filesystem::path& base = {});

struct Parts {
  bool unet = true, vae = true, image_encoder = true;
  bool dpt_head = false;  ///< only a student that was distilled with one has it
};

/// Throws DataError naming the first of `parts` that `folders`, found for `model`, lacks.
void require_parts(const ModelFolders& folders, const std::filesystem::path& model,
                   const Parts& parts = {});

/// `_class_name` of a config.json or model_index.json, or the first of `architectures`; the
/// DepthCrafter subclass counts as UNetSpatioTemporalConditionModel. Throws DataError.
std::string class_name(const std::filesystem::path& json);

/// Form in which the weights of a model are loaded.
struct LoadTarget {
  torch::Dtype dtype = torch::kFloat32;
  torch::Device device = torch::kCPU;
  bool allow_nonfinite = false;
};

/// One model from its own folder (config.json, weights); in evaluation mode, without gradients.
/// Throws DataError naming every missing, unexpected and misshaped tensor.
models::UNetSpatioTemporalConditionModel load_unet(const std::filesystem::path& folder,
                                                   const LoadTarget& target = {});
/// Takes the attention names of old Stable Diffusion VAEs too (query, key, value, proj_attn).
models::AutoencoderKLTemporalDecoder load_vae(const std::filesystem::path& folder,
                                              const LoadTarget& target = {});
models::CLIPVisionModelWithProjection load_image_encoder(const std::filesystem::path& folder,
                                                         const LoadTarget& target = {});
models::TemporalDptHead load_dpt_head(const std::filesystem::path& folder,
                                      const LoadTarget& target = {});
diffusion::SchedulerConfig load_scheduler(const std::filesystem::path& folder);

/// Throws DataError if the head of `folders` takes other features than their UNet gives. Nothing to
/// do if one of the two is missing.
void check_head_fits(const ModelFolders& folders);

/// The weights of a model's folder under today's published names, not loaded.
std::unique_ptr<tensor::TensorSource> open_unet_weights(const std::filesystem::path& folder);
std::unique_ptr<tensor::TensorSource> open_vae_weights(const std::filesystem::path& folder);
std::unique_ptr<tensor::TensorSource> open_image_encoder_weights(
    const std::filesystem::path& folder);
/// Opens the weights of a head, without Video-Depth-Anything's `pos_encoder.pe`, which is a
/// formula.
std::unique_ptr<tensor::TensorSource> open_dpt_head_weights(const std::filesystem::path& folder);

struct LoadSpec {
  std::filesystem::path model = {};
  std::filesystem::path unet = {};  ///< empty: the model's own
  std::filesystem::path base = {};  ///< where missing parts are; empty: where vdd.json says
  LoadTarget target = {};
  /// The VAE's own: the published one overflows in fp16, and in bf16 far disparity has steps of
  /// about 0.002.
  torch::Dtype vae_dtype = torch::kFloat32;
  bool hash = false;  ///< also fill the content hashes; reads the weights once more
};

/// Names the types of a model and of its VAE in the keys of what was computed: "bf16,vae=fp32". The
/// VAE's is left out where the model's used to imply it: float32 beside fp16, else the same.
std::string dtype_key(torch::Dtype dtype, torch::Dtype vae_dtype);

/// Parts that were not asked for are empty holders.
struct DepthModel {
  models::UNetSpatioTemporalConditionModel unet{nullptr};
  models::AutoencoderKLTemporalDecoder vae{nullptr};
  models::CLIPVisionModelWithProjection image_encoder{nullptr};
  models::TemporalDptHead dpt_head{nullptr};
  diffusion::SchedulerConfig scheduler = diffusion::SchedulerConfig::stable_video_diffusion();
  VddInfo info;
  /// tensor::content_hash of the files, if asked for.
  std::string unet_hash = {}, vae_hash = {}, image_encoder_hash = {}, dpt_head_hash = {};
};

/// Throws DataError naming the part that is missing or does not fit.
DepthModel load_depth_model(const LoadSpec& spec, const Parts& parts = {});

/// Writes the parts that are there into `folder`, floating-point tensors as `dtype`;
/// model_index.json only if it has all that diffusers knows. Each file is complete or absent; stage
/// the folder to make it so as a whole. Throws ResourceError, NonFiniteError.
void save_depth_model(const std::filesystem::path& folder, const DepthModel& model,
                      torch::Dtype dtype = torch::kFloat32);

/// The small files of a model: config.json, scheduler_config.json, vdd.json; and model_index.json
/// with feature_extractor/, which make a whole folder readable by diffusers.
void save_unet_config(const std::filesystem::path& folder, const models::UNetConfig& config);
void save_vae_config(const std::filesystem::path& folder, const models::VaeConfig& config);
void save_image_encoder_config(const std::filesystem::path& folder,
                               const models::ClipConfig& config);
void save_dpt_head_config(const std::filesystem::path& folder, const models::DptConfig& config);
void save_scheduler(const std::filesystem::path& folder, const diffusion::SchedulerConfig& config);
void save_info(const std::filesystem::path& model_folder, const VddInfo& info);
/// Names the folder `model` for vdd.json in `checkpoint` (<run>/checkpoints/<name>): relative if it
/// lies in the run, so that runs can be moved.
std::string base_from(const std::filesystem::path& checkpoint, const std::filesystem::path& model);
void save_model_index(const std::filesystem::path& model_folder);

}  // namespace vdd::pipeline
