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
    f("student", student, "feature map of the student's head",
      one_of("path_1", "path_2", "path_3", "path_4"));
    f("teacher", teacher, "feature map of the teacher's VAE decoder, by module path", non_empty);
    f("weight", weight, "weight of the pair in the sum", positive);
    f("pool", pool,
      "side of the cells that both maps are averaged over, in image pixels; 0: no averaging, which "
      "needs maps of one size",
      non_negative);
  }
};

struct AffinityConfig {
  AffinityNorm norm = AffinityNorm::kHw;
  std::vector<FeaturePairConfig> pairs = {FeaturePairConfig{}};

  constexpr void fields(auto& f) {
    f("norm", norm,
      "divisor of the loss; hw: the number of positions, as in the paper; hw2: its square");
    f("pairs", pairs,
      "pairs of feature maps that should agree; the loss is the weighted sum over them");
  }
};

struct DecoderLossWeights {
  double silog = 1;
  double affinity = 0.1;
  double gradient = 2;
  double latent = 0;

  constexpr void fields(auto& f) {
    f("silog", silog, "scale-invariant logarithmic loss of the disparity", non_negative);
    f("affinity", affinity, "affinity loss of the features", non_negative);
    f("gradient", gradient, "gradient matching loss of the disparity", non_negative);
    f("latent", latent, "stage 1's loss of the latent", non_negative);
  }
};

struct DecoderLossConfig {
  DecoderLossWeights weights;
  SilogConfig silog;
  AffinityConfig affinity;
  GradientMatchingConfig gradient;
  LatentLossConfig latent;

  constexpr void fields(auto& f) {
    f("weights", weights, "weights of the parts of the loss");
    f("silog", silog,
      "scale-invariant logarithmic loss, which compares disparities pixel by pixel");
    f("affinity", affinity,
      "affinity loss, which compares the similarities between positions of feature maps");
    f("gradient", gradient,
      "gradient matching loss, which compares differences of neighbouring disparities");
    f("latent", latent, "stage 1's loss of the latent; used if weights.latent is not 0");
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
