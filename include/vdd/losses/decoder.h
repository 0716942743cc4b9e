// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels, H W image pixels, h w pixels of a feature map or latent.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/losses/affinity.h"
#include "vdd/losses/gradient_matching.h"
#include "vdd/losses/latent.h"
#include "vdd/losses/loss_parts.h"
#include "vdd/losses/silog.h"

// The loss of stage 2: a student with a light decoder against the teacher's disparity and the
// features of the teacher's decoder.
namespace vdd::losses {

struct FeaturePairConfig {
  std::string student = "path_2";
  std::string teacher = "decoder.up_blocks.0";
  double weight = 1;
  std::int64_t pool = 16;

  constexpr void fields(auto& f) {
    f("student", student, "map of the student's head",
      one_of("path_1", "path_2", "path_3", "path_4"));
    f("teacher", teacher, "map of the teacher's VAE decoder, by module path", non_empty);
    f("weight", weight, "weight among the pairs", positive);
    f("pool", pool,
      "image pixels, each way, of a cell that both are averaged over; 0: as they are, if their "
      "sizes agree",
      non_negative);
  }
};

struct AffinityConfig {
  AffinityNorm norm = AffinityNorm::kHw;
  std::vector<FeaturePairConfig> pairs = {FeaturePairConfig{}};

  constexpr void fields(auto& f) {
    f("norm", norm, "hw: divided by the number of positions, as printed; hw2: by its square");
    f("pairs", pairs, "maps that should agree; their weighted sum counts");
  }
};

struct DecoderLossWeights {
  double silog = 1;
  double affinity = 0.1;
  double gradient = 2;
  double latent = 0;

  constexpr void fields(auto& f) {
    f("silog", silog, "scale-invariant logarithmic loss of the disparity", non_negative);
    f("affinity", affinity, "affinity of features", non_negative);
    f("gradient", gradient, "gradient matching of the disparity", non_negative);
    f("latent", latent, "loss of stage 1 on the latent", non_negative);
  }
};

struct DecoderLossConfig {
  DecoderLossWeights weights;
  SilogConfig silog;
  AffinityConfig affinity;
  GradientMatchingConfig gradient;
  LatentLossConfig latent;

  constexpr void fields(auto& f) {
    f("weights", weights, "of the parts of the loss");
    f("silog", silog, "disparity, pixel by pixel");
    f("affinity", affinity, "features, place against place");
    f("gradient", gradient, "disparity, neighbour against neighbour");
    f("latent", latent, "latent, if it has a weight");
  }
};

struct DecoderLossInputs {
  at::Tensor prediction_THW, target_THW;
  at::Tensor mask_THW = {};  ///< bool; undefined: every pixel counts
  /// Student's and teacher's map [T,C,h,w] of each pair in the config, pooled.
  std::vector<std::pair<at::Tensor, at::Tensor>> features = {};
  at::Tensor student_latent_TChw = {}, teacher_latent_TChw = {};  ///< if `latent` has a weight
};

/// The weighted sum; parts "silog", "affinity" (unless there are no pairs), "gradient" and
/// "latent" (if it has a weight). Throws ShapeError.
LossParts decoder_loss(const DecoderLossInputs& inputs, const DecoderLossConfig& config);

}  // namespace vdd::losses
