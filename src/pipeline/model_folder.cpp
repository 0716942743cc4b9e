// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/model_folder.h"

#include <array>

#include "check_fit.h"
#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/dtype.h"

namespace vdd::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kUNet = "UNetSpatioTemporalConditionModel";
constexpr std::string_view kDepthCrafterUNet =
    "DiffusersUNetSpatioTemporalConditionModelDepthCrafter";
constexpr std::string_view kVae = "AutoencoderKLTemporalDecoder";
constexpr std::string_view kImageEncoder = "CLIPVisionModelWithProjection";
constexpr std::string_view kDptHead = "TemporalDPTHead";
constexpr std::string_view kScheduler = "EulerDiscreteScheduler";
constexpr const char* kDiffusersVersion = "0.24.0";  // the first with these classes

/// Keys that tell the class of a model: diffusers writes one key, transformers the other.
struct ClassKeys {
  std::string class_name;
  std::vector<std::string> architectures;
  constexpr void fields(auto& f) {
    f("_class_name", class_name, "diffusers");
    f("architectures", architectures, "transformers");
  }
};

/// model_index.json: library and class of each part.
struct ModelIndex {
  std::vector<std::string> unet, vae, image_encoder, scheduler, feature_extractor;
  constexpr void fields(auto& f) {
    f("unet", unet, "denoiser");
    f("vae", vae, "latent space");
    f("image_encoder", image_encoder, "context");
    f("scheduler", scheduler, "sampler");
    f("feature_extractor", feature_extractor, "preprocessing");
  }
};

std::string_view base_class(std::string_view name) {
  return name == kDepthCrafterUNet ? kUNet : name;
}

void check_model_index(const fs::path& path) {
  const auto index = config::load_json<ModelIndex>(path);
  const auto check = [&](std::string_view part, const std::vector<std::string>& found,
                         std::string_view wanted) {
    if (!found.empty() && base_class(found.back()) != wanted) {
      throw DataError(path, part, concat("is a ", found.back(), ", not a ", wanted));
    }
  };
  check("unet", index.unet, kUNet);
  check("vae", index.vae, kVae);
  check("image_encoder", index.image_encoder, kImageEncoder);
  check("scheduler", index.scheduler, kScheduler);
}

bool holds_unet(const fs::path& folder) {
  return path_exists(folder / "config.json") && class_name(folder / "config.json") == kUNet;
}

/// Fills the parts that are still empty. A head belongs to the UNet beside it.
void add_parts(ModelFolders& folders, const fs::path& model) {
  const bool has_unet = !folders.unet.empty();
  const auto add = [&](fs::path& part, std::string_view name, std::string_view file) {
    if (part.empty() && path_exists(model / name / file)) part = model / name;
  };
  add(folders.unet, "unet", "config.json");
  add(folders.vae, "vae", "config.json");
  add(folders.image_encoder, "image_encoder", "config.json");
  add(folders.scheduler, "scheduler", "scheduler_config.json");
  if (folders.unet.empty() && holds_unet(model)) folders.unet = model;
  if (!has_unet && !folders.unet.empty()) add(folders.dpt_head, "dpt_head", "config.json");
}

/// config.json of one model, after its class has been checked.
template <typename Config>
Config load_config(const fs::path& folder, std::string_view wanted) {
  const fs::path path = folder / "config.json";
  const std::string found = class_name(path);
  if (found != wanted) throw DataError(path, concat("describes a ", found, ", not a ", wanted));
  return config::load_json<Config>(path);
}

template <typename Model, typename Config>
Model load_model(const fs::path& folder, std::string_view wanted,
                 std::unique_ptr<tensor::TensorSource> (*open)(const fs::path&),
                 const LoadTarget& target) {
  const auto config = load_config<Config>(folder, wanted);
  const auto source = open(folder);
  check_fit<Model>(folder, config, *source);
  Model model(config);
  tensor::allocate_as(*model, target.dtype, target.device);
  tensor::load_state(*model, *source, {.allow_nonfinite = target.allow_nonfinite});
  model->eval();
  for (torch::Tensor& parameter : model->parameters()) parameter.requires_grad_(false);
  return model;
}

/// Stable Diffusion's VAEs from before diffusers 0.18 call the projections of their attention
/// otherwise.
std::string vae_name(std::string_view name) {
  constexpr std::array<std::array<std::string_view, 2>, 4> kRenamed = {
      {{".query.", ".to_q."},
       {".key.", ".to_k."},
       {".value.", ".to_v."},
       {".proj_attn.", ".to_out.0."}}};
  std::string out(name);
  if (out.find(".mid_block.attentions.") == std::string::npos) return out;
  for (const auto& [old_part, new_part] : kRenamed) {
    const std::size_t at = out.find(old_part);
    if (at != std::string::npos) out.replace(at, old_part.size(), new_part);
  }
  return out;
}

/// Old checkpoints store 0, 1, 2, ... as a buffer.
std::string image_encoder_name(std::string_view name) {
  return name == "vision_model.embeddings.position_ids" ? "" : std::string(name);
}

/// Video-Depth-Anything keeps the positions as a buffer.
std::string dpt_head_name(std::string_view name) {
  return name.ends_with(".pos_encoder.pe") ? "" : std::string(name);
}

template <typename Config>
void write_json(const fs::path& folder, const std::string& name, const Config& config,
                const config::JsonHeader& header = {}) {
  make_folders(folder);
  write_file_atomic(folder / name, config::to_json(config, header));
}

config::JsonHeader diffusers_header(std::string_view class_name) {
  return {{"_class_name", std::string(class_name)}, {"_diffusers_version", kDiffusersVersion}};
}

/// A ClipConfig with the keys by which transformers knows what it is.
struct PublishedClipConfig {
  std::vector<std::string> architectures = {std::string(kImageEncoder)};
  std::string model_type = "clip_vision_model";
  models::ClipConfig config;
  constexpr void fields(auto& f) {
    f("architectures", architectures, "class");
    f("model_type", model_type, "family");
    config.fields(f);
  }
};

/// The preprocessing as published with Stable Video Diffusion; models::preprocess_clip does this.
constexpr std::string_view kPreprocessing = R"({
  "crop_size": {
    "height": 224,
    "width": 224
  },
  "do_center_crop": true,
  "do_convert_rgb": true,
  "do_normalize": true,
  "do_rescale": true,
  "do_resize": true,
  "image_mean": [
    0.48145466,
    0.4578275,
    0.40821073
  ],
  "image_processor_type": "CLIPImageProcessor",
  "image_std": [
    0.26862954,
    0.26130258,
    0.27577711
  ],
  "resample": 3,
  "rescale_factor": 0.00392156862745098,
  "size": {
    "shortest_edge": 224
  }
}
)";

/// Steps from one folder to the next; a checkpoint trained from a checkpoint takes two.
constexpr int kMostBases = 8;

/// The folder that the vdd.json in `folder` names for the rest; empty if none.
fs::path base_of(const fs::path& folder, const VddInfo& info) {
  return info.base.empty() ? fs::path() : folder / info.base;
}

}  // namespace

std::string class_name(const fs::path& json) {
  const auto keys = config::load_json<ClassKeys>(json);
  if (!keys.class_name.empty()) return std::string(base_class(keys.class_name));
  if (!keys.architectures.empty()) return keys.architectures.front();
  throw DataError(json, "names no class: neither _class_name nor architectures");
}

ModelFolders find_model(const fs::path& model, const fs::path& unet, const fs::path& base) {
  if (!is_folder(model)) throw DataError(model, "is no folder");
  ModelFolders folders;
  if (!unet.empty()) {
    ModelFolders other;
    add_parts(other, unet);
    if (other.unet.empty()) {
      throw DataError(unet, "holds no UNet: neither config.json nor unet/config.json");
    }
    folders.unet = other.unet;
    folders.dpt_head = other.dpt_head;
  }
  if (path_exists(model / "model_index.json")) check_model_index(model / "model_index.json");
  add_parts(folders, model);

  const fs::path info_folder = !unet.empty() && path_exists(unet / "vdd.json") ? unet : model;
  if (path_exists(info_folder / "vdd.json"))
    folders.info = config::load_json<VddInfo>(info_folder / "vdd.json");
  fs::path rest = base.empty() ? base_of(info_folder, folders.info) : base;
  for (int length = 1; !rest.empty(); ++length) {
    if (!is_folder(rest))
      throw DataError(rest, concat("is no folder; ", model.string(), " needs its parts"));
    if (length > kMostBases) throw DataError(model, "vdd.json: base: leads in a circle");
    add_parts(folders, rest);
    const bool complete = !folders.unet.empty() && !folders.vae.empty() &&
                          !folders.image_encoder.empty() && !folders.scheduler.empty();
    const fs::path info = rest / "vdd.json";
    rest = complete || !path_exists(info) ? "" : base_of(rest, config::load_json<VddInfo>(info));
  }
  if (folders.unet.empty() && folders.vae.empty() && folders.image_encoder.empty()) {
    throw DataError(model,
                    "is no model folder: no unet/, vae/ or image_encoder/ with a config.json");
  }
  if (folders.info.decoder == Decoder::kDpt && folders.dpt_head.empty()) {
    throw DataError(info_folder / "vdd.json",
                    "decoder: is dpt, but beside the UNet is no dpt_head/ with a config.json");
  }
  return folders;
}

void require_parts(const ModelFolders& folders, const fs::path& model, const Parts& parts) {
  const auto require = [&](bool wanted, const fs::path& folder, std::string_view name) {
    if (wanted && folder.empty())
      throw DataError(model, concat("holds no ", name, "/ with a config.json"));
  };
  require(parts.unet, folders.unet, "unet");
  require(parts.vae, folders.vae, "vae");
  require(parts.image_encoder, folders.image_encoder, "image_encoder");
  require(parts.dpt_head, folders.dpt_head, "dpt_head");
}

std::unique_ptr<tensor::TensorSource> open_unet_weights(const fs::path& folder) {
  return io::open_weights(folder, "diffusion_pytorch_model");
}

std::unique_ptr<tensor::TensorSource> open_vae_weights(const fs::path& folder) {
  return tensor::rename_tensors(io::open_weights(folder, "diffusion_pytorch_model"), vae_name);
}

std::unique_ptr<tensor::TensorSource> open_image_encoder_weights(const fs::path& folder) {
  return tensor::rename_tensors(io::open_weights(folder, "model"), image_encoder_name);
}

std::unique_ptr<tensor::TensorSource> open_dpt_head_weights(const fs::path& folder) {
  return tensor::rename_tensors(io::open_weights(folder, "diffusion_pytorch_model"), dpt_head_name);
}

models::UNetSpatioTemporalConditionModel load_unet(const fs::path& folder,
                                                   const LoadTarget& target) {
  return load_model<models::UNetSpatioTemporalConditionModel, models::UNetConfig>(
      folder, kUNet, open_unet_weights, target);
}

models::AutoencoderKLTemporalDecoder load_vae(const fs::path& folder, const LoadTarget& target) {
  return load_model<models::AutoencoderKLTemporalDecoder, models::VaeConfig>(
      folder, kVae, open_vae_weights, target);
}

models::CLIPVisionModelWithProjection load_image_encoder(const fs::path& folder,
                                                         const LoadTarget& target) {
  return load_model<models::CLIPVisionModelWithProjection, models::ClipConfig>(
      folder, kImageEncoder, open_image_encoder_weights, target);
}

models::TemporalDptHead load_dpt_head(const fs::path& folder, const LoadTarget& target) {
  return load_model<models::TemporalDptHead, models::DptConfig>(folder, kDptHead,
                                                                open_dpt_head_weights, target);
}

void check_head_fits(const ModelFolders& folders) {
  if (folders.dpt_head.empty() || folders.unet.empty()) return;
  const auto unet = load_config<models::UNetConfig>(folders.unet, kUNet);
  const auto head = load_config<models::DptConfig>(folders.dpt_head, kDptHead);
  try {
    models::check_taps(head, unet);
  } catch (const ConfigError& e) {
    throw DataError(folders.dpt_head / "config.json", e.what());
  }
}

diffusion::SchedulerConfig load_scheduler(const fs::path& folder) {
  return config::load_json<diffusion::SchedulerConfig>(folder / "scheduler_config.json");
}

std::string dtype_key(torch::Dtype dtype, torch::Dtype vae_dtype) {
  const torch::Dtype implied = dtype == torch::kFloat16 ? torch::kFloat32 : dtype;
  const std::string name = tensor::dtype_name(dtype);
  return vae_dtype == implied ? name : concat(name, ",vae=", tensor::dtype_name(vae_dtype));
}

DepthModel load_depth_model(const LoadSpec& spec, const Parts& parts) {
  const ModelFolders folders = find_model(spec.model, spec.unet, spec.base);
  require_parts(folders, spec.model, parts);
  const auto hash = [&](const std::unique_ptr<tensor::TensorSource>& weights) {
    return spec.hash ? tensor::content_hash(*weights) : "";
  };
  DepthModel model;
  model.info = folders.info;
  if (!folders.scheduler.empty()) model.scheduler = load_scheduler(folders.scheduler);
  if (parts.dpt_head) {
    check_head_fits(folders);
    model.dpt_head = load_dpt_head(folders.dpt_head, spec.target);
    model.dpt_head_hash = hash(open_dpt_head_weights(folders.dpt_head));
  }
  if (parts.unet) {
    model.unet = load_unet(folders.unet, spec.target);
    model.unet_hash = hash(open_unet_weights(folders.unet));
  }
  if (parts.vae) {
    LoadTarget target = spec.target;
    target.dtype = spec.vae_dtype;
    model.vae = load_vae(folders.vae, target);
    model.vae_hash = hash(open_vae_weights(folders.vae));
  }
  if (parts.image_encoder) {
    model.image_encoder = load_image_encoder(folders.image_encoder, spec.target);
    model.image_encoder_hash = hash(open_image_encoder_weights(folders.image_encoder));
  }
  return model;
}

void save_depth_model(const fs::path& folder, const DepthModel& model, torch::Dtype dtype) {
  const auto save = [&](const std::string& part, const std::string& stem,
                        const torch::nn::Module& module) {
    io::save_safetensors(folder / part / (stem + ".safetensors"), tensor::state_dict(module),
                         {{"format", "pt"}}, dtype);
  };
  if (model.unet) {
    save_unet_config(folder / "unet", model.unet->config());
    save("unet", "diffusion_pytorch_model", *model.unet);
  }
  if (model.vae) {
    save_vae_config(folder / "vae", model.vae->config());
    save("vae", "diffusion_pytorch_model", *model.vae);
  }
  if (model.image_encoder) {
    save_image_encoder_config(folder / "image_encoder", model.image_encoder->config());
    save("image_encoder", "model", *model.image_encoder);
  }
  if (model.dpt_head) {
    save_dpt_head_config(folder / "dpt_head", model.dpt_head->config());
    save("dpt_head", "diffusion_pytorch_model", *model.dpt_head);
  }
  save_scheduler(folder / "scheduler", model.scheduler);
  save_info(folder, model.info);
  if (model.unet && model.vae && model.image_encoder) save_model_index(folder);
}

void save_unet_config(const fs::path& folder, const models::UNetConfig& config) {
  write_json(folder, "config.json", config, diffusers_header(kUNet));
}

void save_vae_config(const fs::path& folder, const models::VaeConfig& config) {
  write_json(folder, "config.json", config, diffusers_header(kVae));
}

void save_image_encoder_config(const fs::path& folder, const models::ClipConfig& config) {
  write_json(folder, "config.json", PublishedClipConfig{.config = config});
}

void save_dpt_head_config(const fs::path& folder, const models::DptConfig& config) {
  write_json(folder, "config.json", config, {{"_class_name", std::string(kDptHead)}});
}

void save_scheduler(const fs::path& folder, const diffusion::SchedulerConfig& config) {
  write_json(folder, "scheduler_config.json", config, diffusers_header(kScheduler));
}

void save_info(const fs::path& model_folder, const VddInfo& info) {
  write_json(model_folder, "vdd.json", info);
}

void save_model_index(const fs::path& model_folder) {
  const ModelIndex index{.unet = {"diffusers", std::string(kUNet)},
                         .vae = {"diffusers", std::string(kVae)},
                         .image_encoder = {"transformers", std::string(kImageEncoder)},
                         .scheduler = {"diffusers", std::string(kScheduler)},
                         .feature_extractor = {"transformers", "CLIPImageProcessor"}};
  write_json(model_folder, "model_index.json", index,
             diffusers_header("StableVideoDiffusionPipeline"));
  make_folders(model_folder / "feature_extractor");
  write_file_atomic(model_folder / "feature_extractor" / "preprocessor_config.json",
                    kPreprocessing);
}

std::string base_from(const fs::path& checkpoint, const fs::path& model) {
  const fs::path run = fs::absolute(checkpoint).lexically_normal().parent_path().parent_path();
  const fs::path target = fs::absolute(model).lexically_normal();
  const fs::path inside = target.lexically_relative(run);
  const bool outside = inside.empty() || *inside.begin() == "..";
  return outside ? target.string() : (fs::path("../..") / inside).string();
}

}  // namespace vdd::pipeline
