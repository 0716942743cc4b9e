// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "vdd/core/field_checks.h"
#include "vdd/diffusion/euler_schedule.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::parity {

/// Settings of forward_folder; the published script's defaults.
struct ForwardConfig {
  std::int64_t steps = 5;
  std::int64_t window = 110;
  std::int64_t overlap = 25;
  double noise_aug = 0.02;
  std::int64_t decode_chunk = 8;
  std::int64_t num_frames = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps of a pipeline", diffusion::sampler_steps);
    f("window", window, "frames that are denoised together", positive);
    f("overlap", overlap, "frames that two windows share", non_negative);
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded", non_negative);
    f("decode_chunk", decode_chunk, "frames that are decoded together", positive);
    f("num_frames", num_frames, "frames of a clip for a VAE or head; 0: all images are one clip",
      non_negative);
    f("height", height, "height of a head's disparity; 0: that of in.loss_weight", non_negative);
    f("width", width, "width of a head's disparity; 0: that of in.loss_weight", non_negative);
  }
};

/// Runs the model in `folder` (a UNet, VAE, CLIP or head folder with config.json, or a pipeline
/// with model_index.json) in float32 on the CPU on the `in.*` tensors of `inputs`, and returns
/// everything it computes, under the names of docs/parity.md: out.*, feat.<module>, teacher.*,
/// onestep.*, student.*, and with `grad` grad_in.*, grad.<parameter>, student.grad.<parameter>.
/// This is how the models are compared with the Python originals. Throws DataError for an input
/// that is missing.
tensor::NamedTensors forward_folder(const std::filesystem::path& folder,
                                    const tensor::TensorSource& inputs, const ForwardConfig& config,
                                    bool grad);

}  // namespace vdd::parity
