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
    f("teacher", teacher,
      "model folder of the teacher; empty: random weights of the sizes in `random`");
    f("teacher_unet", teacher_unet,
      "folder of the teacher's UNet, such as DepthCrafter's, if `teacher` gives only the other "
      "parts");
    f("student", student, "folder of the UNet that the student starts from; empty: the teacher's");
    f("random", random, "sizes and seed of the random teacher that is made if `teacher` is empty");
  }
};

struct TeacherConfig {
  std::int64_t steps = 5;
  std::string dtype = "fp32";
  std::string vae_dtype = "fp32";
  std::string target_dtype = "fp32";
  double noise_aug = 0.02;
  std::int64_t chunk = 8;

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps", diffusion::sampler_steps);
    f("dtype", dtype, "dtype of the UNet and the image encoder, in weights and computation",
      one_of("fp32", "fp16", "bf16"));
    f("vae_dtype", vae_dtype,
      "dtype of the VAE, which encodes the clips and decodes the latents; bf16 needs half the "
      "memory, but far disparity then has steps of about 0.002",
      one_of("fp32", "bf16"));
    f("target_dtype", target_dtype,
      "dtype that latents and embeddings are rounded to, with or without the cache",
      one_of("fp32", "fp16", "bf16"));
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded", non_negative);
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
      "what the student starts from; noise: the teacher's starting noise (stochastic student); "
      "rgb_latent: the video's latent (deterministic student)");
    f("rgb_latent_scale", rgb_latent_scale,
      "factor of the video's latent with input rgb_latent; null: the scaling_factor of the "
      "teacher's VAE",
      positive);
    f("noise", noise,
      "per_sample: new noise for each sample; fixed_per_clip: the same noise whenever a clip is "
      "drawn again, as always with input rgb_latent");
    f("forward", forward,
      "what stage 1 trains; one_step: the single step; multi_step: denoising the teacher's latent "
      "from one of the teacher's noise levels, drawn for each sample. Both students are used in "
      "one step");
    f("sigma", sigma, "noise level that the single step starts from", positive);
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
