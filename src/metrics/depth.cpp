// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/depth.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

constexpr double kDelta = 1.25;

struct Score {
  const char* name;
  double DepthScores::*value;
};
constexpr Score kScores[] = {{"abs_rel", &DepthScores::abs_rel},
                             {"sq_rel", &DepthScores::sq_rel},
                             {"rmse", &DepthScores::rmse},
                             {"rmse_log", &DepthScores::rmse_log},
                             {"log10", &DepthScores::log10},
                             {"delta1", &DepthScores::delta1},
                             {"delta2", &DepthScores::delta2},
                             {"delta3", &DepthScores::delta3},
                             {"silog100", &DepthScores::silog100},
                             {"abs_rel_pooled", &DepthScores::abs_rel_pooled},
                             {"delta1_pooled", &DepthScores::delta1_pooled}};

/// Sums over the valid pixels of one frame.
struct Sums {
  double abs_rel = 0, sq_rel = 0, square = 0, log = 0, log_square = 0, log10 = 0;
  std::int64_t within[3] = {}, pixels = 0;

  void add(double p, double g) {
    const double difference = p - g, log_ratio = std::log(p) - std::log(g),
                 ratio = std::max(p / g, g / p);
    abs_rel += std::abs(difference) / g;
    sq_rel += difference * difference / g;
    square += difference * difference;
    log += log_ratio;
    log_square += log_ratio * log_ratio;
    log10 += std::abs(std::log10(p) - std::log10(g));
    within[0] += ratio < kDelta;
    within[1] += ratio < kDelta * kDelta;
    within[2] += ratio < kDelta * kDelta * kDelta;
    ++pixels;
  }

  /// The frame's means.
  DepthScores scores() const {
    const double n = static_cast<double>(pixels), mean_log = log / n;
    const auto share = [&](int k) { return static_cast<double>(within[k]) / n; };
    return {.abs_rel = abs_rel / n,
            .sq_rel = sq_rel / n,
            .rmse = std::sqrt(square / n),
            .rmse_log = std::sqrt(log_square / n),
            .log10 = log10 / n,
            .delta1 = share(0),
            .delta2 = share(1),
            .delta3 = share(2),
            .silog100 = 100 * std::sqrt(std::max(log_square / n - mean_log * mean_log, 0.0)),
            .abs_rel_pooled = abs_rel / n,
            .delta1_pooled = share(0),
            .frames = 1,
            .pixels = pixels};
  }
};

}  // namespace

std::vector<std::pair<std::string, double>> DepthScores::named() const {
  std::vector<std::pair<std::string, double>> out;
  for (const Score& score : kScores) out.emplace_back(score.name, this->*score.value);
  return out;
}

DepthScores score_depth(const at::Tensor& depth_THW, const at::Tensor& truth_THW,
                        const at::Tensor& valid_THW) {
  if (depth_THW.dim() != 3 || depth_THW.sizes() != truth_THW.sizes() ||
      depth_THW.sizes() != valid_THW.sizes() || valid_THW.scalar_type() != at::kBool) {
    throw ShapeError(concat(
        "scores: wanted depth, truth and a bool mask of one shape [T,H,W], got ", depth_THW.sizes(),
        ", ", truth_THW.sizes(), " and ", valid_THW.scalar_type(), ' ', valid_THW.sizes()));
  }
  const at::Tensor depth = depth_THW.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor truth = truth_THW.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor valid = valid_THW.cpu().contiguous();
  const double* p = depth.const_data_ptr<double>();
  const double* g = truth.const_data_ptr<double>();
  const bool* counts = valid.const_data_ptr<bool>();

  std::vector<DepthScores> frames;
  Sums clip;
  for (std::int64_t t = 0; t < depth.size(0); ++t) {
    Sums frame;
    for (std::int64_t i = 0; i < depth.size(1) * depth.size(2); ++i, ++p, ++g, ++counts) {
      if (!*counts) continue;
      if (!(std::isfinite(*p) && std::isfinite(*g) && *p > 0 && *g > 0)) {
        throw NonFiniteError(concat("scores: frame ", t, " holds depth ", *p, " against ", *g,
                                    "; both must be finite and > 0"));
      }
      frame.add(*p, *g);
      clip.add(*p, *g);
    }
    if (frame.pixels > 0) frames.push_back(frame.scores());
  }
  DepthScores out = mean_over_clips(frames);
  if (clip.pixels > 0) {
    out.abs_rel_pooled = clip.scores().abs_rel;
    out.delta1_pooled = clip.scores().delta1;
  }
  return out;
}

DepthScores mean_over_clips(std::span<const DepthScores> clips) {
  DepthScores mean;
  double scored = 0;
  for (const DepthScores& clip : clips) {
    if (clip.frames == 0) continue;
    ++scored;
    for (const Score& score : kScores) mean.*score.value += clip.*score.value;
    mean.frames += clip.frames;
    mean.pixels += clip.pixels;
  }
  if (scored == 0) return {};
  for (const Score& score : kScores) mean.*score.value /= scored;
  return mean;
}

}  // namespace vdd::metrics
