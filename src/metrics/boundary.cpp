// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/boundary.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

constexpr double kNearest = 1e-6;  // depth below this counts as this
constexpr double kOpaque = 0.1;    // alpha above this is foreground
constexpr std::size_t kMaps = 4;   // left, above, right, below

struct Thresholds {
  std::vector<double> ratios, weights;

  explicit Thresholds(const BoundaryConfig& config) {
    if (!(config.smallest >= 1 && config.smallest <= config.largest && config.thresholds >= 1)) {
      throw ConfigError(concat("boundary: wanted 1 <= smallest <= largest and a threshold, got ",
                               config.smallest, ", ", config.largest, " and ", config.thresholds));
    }
    const double steps = static_cast<double>(std::max<std::int64_t>(config.thresholds - 1, 1));
    for (std::int64_t i = 0; i < config.thresholds; ++i) {
      const double part = static_cast<double>(i) * ((config.largest - config.smallest) / steps);
      ratios.push_back(config.smallest + part);
    }
    if (config.thresholds > 1) ratios.back() = config.largest;
    const double sum = std::accumulate(ratios.begin(), ratios.end(), 0.0);
    for (const double ratio : ratios) weights.push_back(ratio / sum);
  }

  /// Counts the thresholds that a ratio passes; thresholds grow.
  std::size_t passed(double ratio) const {
    std::size_t count = 0;
    while (count < ratios.size() && ratio > ratios[count]) ++count;
    return count;
  }
};

/// Inverse depth of one frame, and the ratios towards its neighbours.
class Frame {
 public:
  explicit Frame(const at::Tensor& depth_HW)
      : inverse_HW_(1 / depth_HW.clamp_min(kNearest)),
        inverse_(inverse_HW_.const_data_ptr<double>()),
        height_(depth_HW.size(0)),
        width_(depth_HW.size(1)) {}

  /// Calls visit(map, index, ratio) for every pair of neighbours: map 0 left, 1 above, 2 right, 3
  /// below.
  template <typename Visit>
  void each_ratio(const Visit& visit) const {
    for (std::int64_t y = 0; y < height_; ++y) {
      for (std::int64_t x = 0; x < width_; ++x) {
        const std::int64_t i = y * width_ + x;
        if (x + 1 < width_) {
          visit(0, i, inverse_[i] / inverse_[i + 1]);
          visit(2, i, inverse_[i + 1] / inverse_[i]);
        }
        if (y + 1 < height_) {
          visit(1, i, inverse_[i] / inverse_[i + width_]);
          visit(3, i, inverse_[i + width_] / inverse_[i]);
        }
      }
    }
  }

  /// Counts, for each pixel and map, the number of thresholds that its ratio passes.
  std::vector<std::array<std::uint16_t, kMaps>> levels(const Thresholds& thresholds) const {
    std::vector<std::array<std::uint16_t, kMaps>> out(static_cast<std::size_t>(height_ * width_));
    each_ratio([&](std::size_t map, std::int64_t i, double ratio) {
      out[static_cast<std::size_t>(i)][map] = static_cast<std::uint16_t>(thresholds.passed(ratio));
    });
    return out;
  }

 private:
  at::Tensor inverse_HW_;
  const double* inverse_;
  std::int64_t height_, width_;
};

/// Number of pixels that pass each threshold.
using Counts = std::vector<double>;

Counts at_least(const std::vector<std::int64_t>& histogram) {
  Counts counts(histogram.size() - 1);
  double above = 0;
  for (std::size_t n = counts.size(); n > 0; --n)
    counts[n - 1] = above += static_cast<double>(histogram[n]);
  return counts;
}

at::Tensor checked(const at::Tensor& depth, std::int64_t dimensions) {
  if (depth.dim() != dimensions || depth.numel() == 0) {
    throw ShapeError(
        concat("boundary: wanted depth of ", dimensions, " dimensions, got ", depth.sizes()));
  }
  const at::Tensor out = depth.detach().to(at::kCPU, at::kDouble).contiguous();
  if (!out.isfinite().all().item<bool>())
    throw NonFiniteError("boundary: a depth is NaN or infinite");
  return out;
}

BoundaryScores score_frame(const Frame& depth, const Frame& truth, const Thresholds& thresholds) {
  const auto found = depth.levels(thresholds), wanted = truth.levels(thresholds);
  const std::size_t n = thresholds.ratios.size();
  std::vector<double> precision(n), recall(n);
  for (std::size_t map = 0; map < kMaps; ++map) {
    std::vector<std::int64_t> in_depth(n + 1), in_truth(n + 1), in_both(n + 1);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto a = found[i][map], b = wanted[i][map];
      ++in_depth[a], ++in_truth[b], ++in_both[std::min(a, b)];
    }
    const Counts p = at_least(in_depth), g = at_least(in_truth), both = at_least(in_both);
    for (std::size_t k = 0; k < n; ++k) {
      precision[k] += both[k] / std::max(p[k], 1.0) / kMaps;
      recall[k] += both[k] / std::max(g[k], 1.0) / kMaps;
    }
  }
  BoundaryScores scores;
  for (std::size_t k = 0; k < n; ++k) {
    const double sum = precision[k] + recall[k], weight = thresholds.weights[k];
    scores.f1 += weight * (sum == 0 ? 0 : 2 * precision[k] * recall[k] / sum);
    scores.precision += weight * precision[k];
    scores.recall += weight * recall[k];
  }
  return scores;
}

/// Thins edges: of each run of ratios above a threshold along one axis, keeps the first largest.
struct Thinned {
  std::vector<double> ratio;  // H * W, 0 where there is no neighbour
  std::int64_t height, width;
  bool vertical;

  std::vector<bool> above(double threshold) const {
    std::vector<bool> keep(ratio.size());
    const std::int64_t lines = vertical ? width : height, length = vertical ? height : width;
    const std::int64_t step = vertical ? width : 1, line_step = vertical ? 1 : width;
    for (std::int64_t line = 0; line < lines; ++line) {
      std::int64_t best = -1;
      for (std::int64_t k = 0; k <= length; ++k) {
        const std::int64_t i = line * line_step + k * step;
        const auto at = [&](std::int64_t j) { return ratio[static_cast<std::size_t>(j)]; };
        if (k < length && at(i) > threshold) {
          if (best < 0 || at(i) > at(best)) best = i;
        } else if (best >= 0) {
          keep[static_cast<std::size_t>(best)] = true;
          best = -1;
        }
      }
    }
    return keep;
  }
};

}  // namespace

BoundaryScores score_boundaries(const at::Tensor& depth_THW, const at::Tensor& truth_THW,
                                const BoundaryConfig& config) {
  const Thresholds thresholds(config);
  const at::Tensor depth = checked(depth_THW, 3), truth = checked(truth_THW, 3);
  if (depth.sizes() != truth.sizes()) {
    throw ShapeError(concat("boundary: wanted depth and truth of one shape, got ", depth.sizes(),
                            " and ", truth.sizes()));
  }
  BoundaryScores mean;
  const double frames = static_cast<double>(depth.size(0));
  for (std::int64_t t = 0; t < depth.size(0); ++t) {
    const BoundaryScores frame = score_frame(Frame(depth[t]), Frame(truth[t]), thresholds);
    mean.f1 += frame.f1 / frames;
    mean.precision += frame.precision / frames;
    mean.recall += frame.recall / frames;
    mean.f1_per_frame.push_back(frame.f1);
  }
  return mean;
}

double boundary_recall(const at::Tensor& depth_HW, const at::Tensor& alpha_HW,
                       const BoundaryConfig& config) {
  const Thresholds thresholds(config);
  const at::Tensor depth = checked(depth_HW, 2), alpha = checked(alpha_HW, 2);
  if (depth.sizes() != alpha.sizes()) {
    throw ShapeError(concat("boundary: wanted depth and alpha of one shape, got ", depth.sizes(),
                            " and ", alpha.sizes()));
  }
  const std::int64_t height = depth.size(0), width = depth.size(1);
  const auto pixels = static_cast<std::size_t>(height * width);
  std::array<Thinned, kMaps> found{};
  for (std::size_t map = 0; map < kMaps; ++map)
    found[map] = {std::vector<double>(pixels), height, width, map % 2 == 1};
  Frame(depth).each_ratio([&](std::size_t map, std::int64_t i, double ratio) {
    found[map].ratio[static_cast<std::size_t>(i)] = ratio;
  });

  const double* a = alpha.const_data_ptr<double>();
  std::array<std::vector<std::size_t>, kMaps> wanted;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t i = y * width + x;
      const auto compare = [&](std::int64_t neighbour, std::size_t map) {
        if ((a[i] > kOpaque) == (a[neighbour] > kOpaque)) return;
        wanted[a[i] > kOpaque ? map : map + 2].push_back(static_cast<std::size_t>(i));
      };
      if (x + 1 < width) compare(i + 1, 0);
      if (y + 1 < height) compare(i + width, 1);
    }
  }
  double sum = 0;
  for (std::size_t k = 0; k < thresholds.ratios.size(); ++k) {
    for (std::size_t map = 0; map < kMaps; ++map) {
      const auto keep = found[map].above(thresholds.ratios[k]);
      const auto hits = std::count_if(wanted[map].begin(), wanted[map].end(),
                                      [&](std::size_t i) { return keep[i]; });
      sum += thresholds.weights[k] * static_cast<double>(hits) /
             static_cast<double>(std::max<std::size_t>(wanted[map].size(), 1)) / kMaps;
    }
  }
  return sum;
}

}  // namespace vdd::metrics
