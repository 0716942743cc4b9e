// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/alignment.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "as_double.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

constexpr double kTruthEps = 1e-8;  // added to the true depth before its inverse is taken

std::span<const double> values(const at::Tensor& x) {
  return {x.const_data_ptr<double>(), static_cast<std::size_t>(x.numel())};
}
std::span<double> values(at::Tensor& x) {
  return {x.mutable_data_ptr<double>(), static_cast<std::size_t>(x.numel())};
}
std::span<const bool> flags(const at::Tensor& x) {
  return {x.const_data_ptr<bool>(), static_cast<std::size_t>(x.numel())};
}

struct Fit {
  double scale = 1, shift = 0;
};

double mean(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

double median(std::vector<double> x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  return x.size() % 2 ? *middle : (*middle + *std::max_element(x.begin(), middle)) / 2;
}

/// Least squares of scale x + shift to y.
Fit fit_scale_shift(std::span<const double> x, std::span<const double> y) {
  if (x.empty()) return {};
  const double mean_x = mean(x), mean_y = mean(y);
  double xx = 0, xy = 0, square = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    square += x[i] * x[i];
  }
  if (xx <= 1e-12 * std::max(1.0, square)) return {0, mean_y};
  return {xy / xx, mean_y - xy / xx * mean_x};
}

Fit fit(FitKind kind, std::span<const double> x, std::span<const double> y) {
  if (kind == FitKind::kScaleShift) return fit_scale_shift(x, y);
  if (kind == FitKind::kNone || x.empty()) return {};
  if (kind == FitKind::kMedian)
    return {median({y.begin(), y.end()}) / median({x.begin(), x.end()}), 0};
  double xy = 0, xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) xy += x[i] * y[i], xx += x[i] * x[i];
  return {xy / xx, 0};
}

struct Inputs {
  at::Tensor prediction_THW, depth_THW, valid_THW;
};

Inputs prepare(const at::Tensor& prediction, const at::Tensor& depth, const AlignmentConfig& config,
               const at::Tensor& mask) {
  if (prediction.dim() != 3 || depth.dim() != 3 || prediction.size(0) != depth.size(0) ||
      depth.numel() == 0 || prediction.numel() == 0) {
    throw ShapeError(concat("alignment: wanted a prediction [T,h,w] and depth [T,H,W], got ",
                            prediction.sizes(), " and ", depth.sizes()));
  }
  if (mask.defined() && (mask.sizes() != depth.sizes() || mask.scalar_type() != at::kBool)) {
    throw ShapeError(concat("alignment: wanted a bool mask ", depth.sizes(), ", got ",
                            mask.scalar_type(), ' ', mask.sizes()));
  }
  Inputs in{resize_bilinear(prediction, depth.size(1), depth.size(2)), as_double(depth), {}};
  if (!in.prediction_THW.isfinite().all().item<bool>()) {
    throw NonFiniteError("alignment: the prediction holds NaN or infinity");
  }
  in.valid_THW = in.depth_THW.gt(config.min_depth).logical_and(in.depth_THW.lt(config.max_depth));
  if (mask.defined()) in.valid_THW = in.valid_THW.logical_and(mask.cpu());
  in.valid_THW = in.valid_THW.contiguous();
  return in;
}

/// Fits the prediction to `target(depth)` and writes `finish(scale p + shift)` over it; one fit for
/// all frames or one each.
template <typename Target, typename Finish>
Aligned align(Inputs in, const AlignmentConfig& config, FitKind kind, const Target& target,
              const Finish& finish) {
  const std::int64_t fits = config.scope == FitScope::kClip ? 1 : in.depth_THW.size(0);
  at::Tensor scale_shift = at::empty({fits, 2}, at::kDouble);
  const auto out = values(in.prediction_THW);
  const auto truth = values(std::as_const(in.depth_THW));
  const auto valid = flags(in.valid_THW);
  const std::size_t group = out.size() / static_cast<std::size_t>(fits);
  for (std::size_t begin = 0; begin < out.size(); begin += group) {
    std::vector<double> x, y;
    for (std::size_t i = begin; i < begin + group; ++i) {
      if (!valid[i]) continue;
      x.push_back(out[i]);
      y.push_back(target(truth[i]));
    }
    const Fit found = fit(kind, x, y);
    for (std::size_t i = begin; i < begin + group; ++i)
      out[i] = finish(found.scale * out[i] + found.shift);
    values(scale_shift)[2 * (begin / group)] = found.scale;
    values(scale_shift)[2 * (begin / group) + 1] = found.shift;
  }
  return {in.prediction_THW, in.valid_THW, scale_shift};
}

}  // namespace

Aligned align_disparity(const at::Tensor& disparity_Thw, const at::Tensor& depth_THW,
                        const AlignmentConfig& config, const at::Tensor& mask_THW) {
  Inputs in = prepare(disparity_Thw, depth_THW, config, mask_THW);
  in.prediction_THW.clamp_min_(config.floor);
  return align(
      std::move(in), config, config.fit, [](double depth) { return 1 / (depth + kTruthEps); },
      [&](double disparity) {
        return std::min(std::max(1 / std::max(disparity, config.floor), config.floor),
                        config.max_depth);
      });
}

Aligned align_depth(const at::Tensor& prediction_Thw, const at::Tensor& depth_THW,
                    const AlignmentConfig& config, const at::Tensor& mask_THW) {
  return align(
      prepare(prediction_Thw, depth_THW, config, mask_THW), config, FitKind::kScaleShift,
      [](double depth) { return depth; },
      [&](double depth) {
        return std::max(std::min(std::max(depth, config.min_depth), config.max_depth), 1e-6);
      });
}

at::Tensor resize_bilinear(const at::Tensor& x, std::int64_t height, std::int64_t width,
                           bool align_corners) {
  if (x.dim() < 2 || x.numel() == 0 || height < 1 || width < 1) {
    throw ShapeError(concat("resize: wanted [...,h,w] and a size of at least 1x1, got ", x.sizes(),
                            " and ", height, 'x', width));
  }
  const std::int64_t h = x.size(-2), w = x.size(-1);
  // A copy in any case: the callers write to it.
  const at::Tensor source = as_double(x).reshape({-1, 1, h, w}).clone();
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[shape.size() - 2] = height, shape[shape.size() - 1] = width;
  if (h == height && w == width) return source.reshape(shape);
  return at::upsample_bilinear2d(source, {height, width}, align_corners).reshape(shape);
}

at::Tensor normalize_clip(const at::Tensor& x, const at::Tensor& mask,
                          const NormalizeConfig& config) {
  if (!(config.low >= 0 && config.low < config.high && config.high <= 1)) {
    throw ConfigError(concat("normalize: quantiles must be 0 <= low < high <= 1, are ", config.low,
                             " and ", config.high));
  }
  if (mask.defined() && (mask.sizes() != x.sizes() || mask.scalar_type() != at::kBool)) {
    throw ShapeError(concat("normalize: wanted a bool mask ", x.sizes(), ", got ",
                            mask.scalar_type(), ' ', mask.sizes()));
  }
  const at::Tensor source = as_double(x);
  const at::Tensor counted = mask.defined() ? source.masked_select(mask.cpu()) : source.flatten();
  if (counted.numel() == 0) return at::zeros_like(source);
  if (!counted.isfinite().all().item<bool>())
    throw NonFiniteError("normalize: a valid value is NaN or infinite");

  const auto ordered = values(counted);
  std::vector<double> sorted(ordered.begin(), ordered.end());
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&](double q) {
    const double at = q * static_cast<double>(sorted.size() - 1);
    const std::size_t below = static_cast<std::size_t>(at),
                      above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
  };
  const double low = quantile(config.low), high = quantile(config.high);
  if (high <= low) return at::zeros_like(source);
  const at::Tensor scaled = (source - low) / (high - low);
  return config.clip ? scaled.clamp(0, 1) : scaled;
}

}  // namespace vdd::metrics
