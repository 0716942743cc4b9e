// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/diffusion/euler_schedule.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/train/training_config.h"

// What both stages of the distillation set. docs/training.md explains the choices.
namespace vdd::distill {

struct ModelConfig {
  std::string teacher;
  std::string teacher_unet;
  std::string student;
  pipeline::RandomTeacherConfig random;

  constexpr void fields(auto& f) {
    f("teacher", teacher, "model folder of the teacher; empty: random weights of the sizes below");
    f("teacher_unet", teacher_unet,
      "folder of the teacher's UNet, if `teacher` only gives the rest: DepthCrafter's weights");
    f("student", student, "folder of the UNet that the student starts from; empty: the teacher's");
    f("random", random, "sizes and seed of a random teacher");
  }
};

struct TeacherConfig {
  std::int64_t steps = 5;
  std::string dtype = "fp32";
  std::string target_dtype = "fp32";
  double noise_aug = 0.02;
  std::int64_t chunk = 8;

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps", diffusion::sampler_steps);
    f("dtype", dtype, "type of its weights and products", one_of("fp32", "fp16", "bf16"));
    f("target_dtype", target_dtype,
      "type its latents and embeddings are rounded to, in the cache and out of it",
      one_of("fp32", "fp16", "bf16"));
    f("noise_aug", noise_aug, "strength of the noise on the encoded frames", non_negative);
    f("chunk", chunk, "frames that are encoded or decoded at once", positive);
  }
};

/// Unit that has noise of its own: a sample, or a clip for all of its samples.
enum class NoisePer { kSample, kClip };
constexpr auto names(NoisePer) {
  return enum_names<NoisePer>(
      {{NoisePer::kSample, "per_sample"}, {NoisePer::kClip, "fixed_per_clip"}});
}

/// Denoising that stage 1 trains: the one step, or the teacher's own steps.
enum class StudentForward { kOneStep, kMultiStep };
constexpr auto names(StudentForward) {
  return enum_names<StudentForward>(
      {{StudentForward::kOneStep, "one_step"}, {StudentForward::kMultiStep, "multi_step"}});
}

struct StudentConfig {
  pipeline::SamplerInput input = pipeline::SamplerInput::kRgbLatent;
  std::optional<double> rgb_latent_scale = std::nullopt;
  NoisePer noise = NoisePer::kSample;
  StudentForward forward = StudentForward::kOneStep;
  double sigma = 700;

  constexpr void fields(auto& f) {
    f("input", input,
      "noise: what the teacher starts from too (stochastic student); rgb_latent: the video's "
      "latent in its place (deterministic student)");
    f("rgb_latent_scale", rgb_latent_scale,
      "factor of that latent; null: the scaling_factor of the teacher's VAE", positive);
    f("noise", noise,
      "a draw per sample, or a fixed one per clip; with rgb_latent the teacher's is always fixed");
    f("forward", forward,
      "what stage 1 trains: the one step, or (multi_step) the teacher's own steps, the teacher's "
      "latent under noise of one of its levels a sample; used in one step either way");
    f("sigma", sigma, "noise level of the one step", positive);
  }
};

/// The base of each stage's config.
struct DistillConfig : train::TrainingConfig {
  ModelConfig model;
  TeacherConfig teacher;
  StudentConfig student;

  constexpr void fields(auto& f) {
    f("model", model, "where the weights come from");
    f("teacher", teacher, "the frozen n-step model that gives the targets");
    f("student", student, "the one-step model that is trained");
    train::TrainingConfig::fields(f);
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::distill
