// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_decoder.h"

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/distill/student.h"
#include "vdd/distill/validate_clips.h"
#include "vdd/io/safetensors.h"
#include "vdd/io/torch_file.h"
#include "vdd/losses/affinity.h"
#include "vdd/nn/initialize.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"

namespace vdd::distill {
namespace fs = std::filesystem;
namespace {

const std::string kUnet = "unet.", kHead = "dpt_head.";

/// After any preset: the head trains, but for its idle unit; the layers behind its features do not.
const std::vector<std::string> kAfterPreset = {"dpt_head", "!unet.conv_norm_out", "!unet.conv_out",
                                               "!refinenet4.resConfUnit1"};

models::TemporalDptHead make_head(const HeadConfig& config, const models::UNetConfig& unet,
                                  torch::Device device) {
  models::DptConfig sizes = models::dpt_config(config.variant, unet);
  sizes.activation = config.activation;
  models::TemporalDptHead head(sizes);
  nn::initialize(*head, static_cast<std::uint64_t>(config.seed));
  if (!config.init_from.empty()) {
    tensor::LoadOptions options;
    if (!is_folder(config.init_from)) {
      options.allow_missing = {"projects.*", "resize_layers.*"};
    }
    tensor::load_state(*head, *open_head_start(config.init_from), options);
  }
  head->to(device);
  return head;
}

tensor::NamedTensors joined(tensor::NamedTensors a, const tensor::NamedTensors& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Picks the tensors whose names start with `prefix`, which is taken off.
tensor::NamedTensors part_of(const tensor::NamedTensors& tensors, const std::string& prefix,
                             bool keep_prefix = false) {
  tensor::NamedTensors out;
  for (const auto& [name, value] : tensors) {
    if (!name.starts_with(prefix)) continue;
    out.emplace_back(keep_prefix ? name : name.substr(prefix.size()), value);
  }
  return out;
}

/// Our name for a tensor of Video-Depth-Anything that our heads have too; empty for others.
std::string shared_name(std::string_view name) {
  if (name.starts_with("head.")) name.remove_prefix(5);
  const bool shared = name.starts_with("scratch.") || name.starts_with("motion_modules.");
  return shared && !name.ends_with(".pos_encoder.pe") ? std::string(name) : "";
}

}  // namespace

std::vector<std::string> DistillDecoderConfig::check() const {
  std::vector<std::string> errors = DistillConfig::check();
  if (student.forward != StudentForward::kOneStep) {
    errors.emplace_back("student.forward: stage 2 trains the one step");
  }
  std::map<std::string, std::int64_t> pools;
  for (const losses::FeaturePairConfig& pair : loss.affinity.pairs) {
    if (pools.try_emplace(pair.teacher, pair.pool).first->second != pair.pool) {
      errors.push_back(concat("loss.affinity.pairs: ", pair.teacher,
                              " is in two pairs of different pool, but kept once"));
    }
    if (pair.pool > 0 && (data.height % pair.pool != 0 || data.width % pair.pool != 0)) {
      errors.push_back(concat("loss.affinity.pairs: pool ", pair.pool,
                              " does not divide data.height and data.width"));
    }
  }
  if (loss.affinity.pairs.empty() && loss.weights.affinity > 0) {
    errors.emplace_back("loss.affinity.pairs: none, but the weight is not 0");
  }
  return errors;
}

std::unique_ptr<tensor::TensorSource> open_head_start(const fs::path& path) {
  if (is_folder(path)) {
    const fs::path inside = path / "dpt_head";
    return pipeline::open_dpt_head_weights(is_folder(inside) ? inside : path);
  }
  std::unique_ptr<tensor::TensorSource> file;
  if (path.extension() == ".pth") {
    file = std::make_unique<io::TorchFile>(path);
  } else {
    file = std::make_unique<io::SafetensorsFile>(path);
  }
  auto start = tensor::rename_tensors(std::move(file), shared_name);
  if (start->tensors().empty()) {
    throw DataError(path,
                    "holds no scratch.* and motion_modules.*, a head of Video-Depth-Anything");
  }
  return start;
}

DecoderDistiller::DecoderDistiller(const DistillDecoderConfig& config, DistillerParts parts)
    : Distiller(std::move(parts)),
      config_(config),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)),
      unet_(load_student(config, teacher(), device())),
      head_(make_head(config.head, unet_->config(), device())) {
  head_->gradient_checkpointing = config.train.gradient_checkpointing;
  selection_ = optim::select_parameters(
      joined(tensor::named_parameters(*unet_, kUnet), tensor::named_parameters(*head_, kHead)),
      config.trained.in_force(kAfterPreset));
  teacher().share_storage(part_of(selection_.frozen(), kUnet));
}

std::vector<optim::ParameterGroup> DecoderDistiller::groups() const {
  std::vector<optim::ParameterGroup> groups;
  for (const auto& [name, prefix, lr] : {std::tuple{"unet", kUnet, config_.optimizer.lr},
                                         std::tuple{"head", kHead, config_.head.lr}}) {
    auto trained = part_of(selection_.trained(), prefix, /*keep_prefix=*/true);
    if (!trained.empty()) {
      groups.push_back({.name = name, .parameters = std::move(trained), .lr = lr});
    }
  }
  return groups;
}

DecoderDistiller::Answer DecoderDistiller::answer(const TeacherTarget& target) {
  const StudentInput input = student_input(config_.student, teacher(), target, device());
  models::Taps taps{.only = std::set<std::string>{}};
  for (const auto& pair : config_.loss.affinity.pairs) taps.only->insert(pair.student);
  pipeline::StudentDisparity found;
  {
    const optim::Autocast autocast(device(), compute_dtype_);
    found = pipeline::student_disparity(unet_, head_, input.conditioning, input.x_TChw,
                                        {.height = target.disparity_THW.size(1),
                                         .width = target.disparity_THW.size(2),
                                         .sigma = config_.student.sigma,
                                         .noise_aug = config_.teacher.noise_aug,
                                         .latent = config_.loss.weights.latent > 0,
                                         .taps = &taps});
  }
  Answer answer{
      .disparity_THW = found.disparity_THW, .latent_TChw = found.latent_TChw, .features_TChw = {}};
  for (const auto& pair : config_.loss.affinity.pairs) {
    const torch::Tensor value = taps.tensors.at(pair.student).to(torch::kFloat32);
    answer.features_TChw.push_back(
        pair.pool == 0 ? value
                       : losses::pool_features(value, target.disparity_THW.size(1) / pair.pool,
                                               target.disparity_THW.size(2) / pair.pool));
  }
  return answer;
}

losses::LossParts DecoderDistiller::loss(const Answer& answer, const TeacherTarget& target) const {
  losses::DecoderLossInputs inputs{.prediction_THW = answer.disparity_THW,
                                   .target_THW = target.disparity_THW.to(device()),
                                   .student_latent_TChw = answer.latent_TChw,
                                   .teacher_latent_TChw = target.teacher_latent_TChw.to(device())};
  for (std::size_t i = 0; i < answer.features_TChw.size(); ++i) {
    const std::string& map = config_.loss.affinity.pairs[i].teacher;
    inputs.features.emplace_back(answer.features_TChw[i],
                                 target.features_TChw.at(map).to(device()));
  }
  return losses::decoder_loss(inputs, config_.loss);
}

train::SampleLoss DecoderDistiller::step(const data::Clip& clip, std::int64_t n) {
  const TeacherTarget target = parts_.targets->get(clip, n);
  return {.loss = loss(answer(target), target),
          .cache_key = parts_.targets->key(clip, n),
          .noise_seed = target.noise_seed};
}

train::ValidationResult DecoderDistiller::validate(std::int64_t step, const run::RunDir& run) {
  return validate_clips(
      config_.validation, parts_.setup.validation, *parts_.targets, step, run,
      [&](const TeacherTarget& target) {
        const Answer student = answer(target);
        return ValidatedClip{
            .loss = loss(student, target),
            .student_THW = pipeline::normalize_disparity(student.disparity_THW).cpu(),
            .teacher_THW = target.disparity_THW};
      });
}

void DecoderDistiller::save_model(const fs::path& checkpoint, std::int64_t step) {
  auto model = student_model(config_, parts_, checkpoint, step);
  model.unet = unet_;
  model.dpt_head = head_;
  model.info.decoder = pipeline::Decoder::kDpt;
  pipeline::save_depth_model(checkpoint, model);
}

void DecoderDistiller::load_model(const fs::path& checkpoint) {
  tensor::load_state(*unet_, *pipeline::open_unet_weights(checkpoint / "unet"));
  tensor::load_state(*head_, *pipeline::open_dpt_head_weights(checkpoint / "dpt_head"));
}

std::vector<std::string> DecoderDistillation::free_keys() const {
  auto keys = Distillation::free_keys();
  keys.emplace_back("head.init_from");
  return keys;
}

void DecoderDistillation::check_inputs() const {
  Distillation::check_inputs();
  if (!config_.head.init_from.empty()) open_head_start(config_.head.init_from);
}

std::optional<DecoderMaps> DecoderDistillation::decoder_maps() const {
  DecoderMaps maps;
  for (const auto& pair : config_.loss.affinity.pairs) maps.emplace(pair.teacher, pair.pool);
  return maps;
}

std::unique_ptr<Distiller> DecoderDistillation::make_distiller(DistillerParts parts) const {
  return std::make_unique<DecoderDistiller>(config_, std::move(parts));
}

}  // namespace vdd::distill
