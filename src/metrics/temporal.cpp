// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/temporal.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <utility>

#include "as_double.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

constexpr double kBehind = 1e-6;  // metres; nearer points are dropped

using Row = std::array<double, 3>;

/// Rows of the upper 3x3 part of a matrix.
std::array<Row, 3> rows_of(const at::Tensor& matrix) {
  const auto m = matrix.accessor<double, 2>();
  std::array<Row, 3> rows;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k)
      rows[i][k] = m[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(k)];
  }
  return rows;
}

double dot(const Row& a, const Row& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Row times(const std::array<Row, 3>& m, const Row& x) {
  return {dot(m[0], x), dot(m[1], x), dot(m[2], x)};
}

at::Tensor inverse(const at::Tensor& matrix, const char* what) {
  const auto [result, info] = at::linalg_inv_ex(matrix);
  if (!matrix.isfinite().all().item<bool>() || info.item<int>() != 0) {
    throw NonFiniteError(concat("temporal: ", what, " has NaN, infinity or no inverse"));
  }
  return result.contiguous();
}

/// One frame, checked and in double.
struct View {
  at::Tensor depth_HW, mask_HW, intrinsics_33, rays_33;  // rays: the inverse of the intrinsics
};

at::Tensor carry(const View& from, const View& to, const at::Tensor& motion_44,
                 const TemporalConfig& config) {
  const std::int64_t height = from.depth_HW.size(0), width = from.depth_HW.size(1);
  const auto rays = rows_of(from.rays_33), rotation = rows_of(motion_44),
             camera = rows_of(to.intrinsics_33);
  const auto motion = motion_44.accessor<double, 2>();
  const Row shift = {motion[0][3], motion[1][3], motion[2][3]};
  const bool nearest = config.splat == Splat::kNear;

  at::Tensor out_HW = at::zeros({height, width}, at::kDouble);
  const double* depth = from.depth_HW.const_data_ptr<double>();
  const bool* counts = from.mask_HW.const_data_ptr<bool>();
  double* out = out_HW.mutable_data_ptr<double>();
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t col = 0; col < width; ++col, ++depth, ++counts) {
      if (!*counts) continue;
      const Row ray = times(rays, {static_cast<double>(col) + config.pixel_center,
                                   static_cast<double>(row) + config.pixel_center, 1});
      Row point = times(rotation, {ray[0] / ray[2] * *depth, ray[1] / ray[2] * *depth, *depth});
      for (std::size_t i = 0; i < 3; ++i) point[i] += shift[i];
      const Row pixel = times(camera, point);
      if (point[2] <= kBehind || pixel[2] <= 0) continue;
      const double x = std::nearbyint(pixel[0] / pixel[2]), y = std::nearbyint(pixel[1] / pixel[2]);
      if (!(x >= 0 && y >= 0 && x < static_cast<double>(width) && y < static_cast<double>(height)))
        continue;
      double& target = out[static_cast<std::int64_t>(y) * width + static_cast<std::int64_t>(x)];
      if (!nearest || target == 0 || point[2] < target) target = point[2];
    }
  }
  return out_HW;
}

/// Averages |p - d| / d where both are there; nothing if that is nowhere.
std::optional<double> error(const at::Tensor& carried_HW, const View& to) {
  const double* p = carried_HW.const_data_ptr<double>();
  const double* d = to.depth_HW.const_data_ptr<double>();
  const bool* counts = to.mask_HW.const_data_ptr<bool>();
  double sum = 0;
  std::int64_t pixels = 0;
  for (std::int64_t i = 0; i < carried_HW.numel(); ++i) {
    if (!counts[i] || p[i] <= kBehind || d[i] <= 0) continue;
    sum += std::abs(d[i] - p[i]) / d[i];
    ++pixels;
  }
  if (pixels == 0) return std::nullopt;
  return sum / static_cast<double>(pixels);
}

View make_view(const at::Tensor& depth_HW, const at::Tensor& intrinsics_33,
               const at::Tensor& mask_HW) {
  if (depth_HW.dim() != 2 || intrinsics_33.sizes() != at::IntArrayRef{3, 3} ||
      (mask_HW.defined() &&
       (mask_HW.sizes() != depth_HW.sizes() || mask_HW.scalar_type() != at::kBool))) {
    throw ShapeError(concat("temporal: wanted depth [H,W], intrinsics [3,3] and a bool mask, got ",
                            depth_HW.sizes(), ", ", intrinsics_33.sizes(),
                            mask_HW.defined()
                                ? concat(" and ", mask_HW.scalar_type(), ' ', mask_HW.sizes())
                                : std::string()));
  }
  View view{.depth_HW = as_double(depth_HW),
            .mask_HW = mask_HW.defined() ? mask_HW.cpu().contiguous()
                                         : at::ones(depth_HW.sizes(), at::kBool),
            .intrinsics_33 = as_double(intrinsics_33),
            .rays_33 = {}};
  view.rays_33 = inverse(view.intrinsics_33, "an intrinsic matrix");
  if (!(view.depth_HW.isfinite() | view.mask_HW.logical_not()).all().item<bool>()) {
    throw NonFiniteError("temporal: a depth that counts is NaN or infinite");
  }
  return view;
}

}  // namespace

at::Tensor reproject(const at::Tensor& depth_HW, const at::Tensor& source_intrinsics_33,
                     const at::Tensor& target_intrinsics_33, const at::Tensor& source_to_target_44,
                     const TemporalConfig& config, const at::Tensor& mask_HW) {
  if (source_to_target_44.sizes() != at::IntArrayRef{4, 4}) {
    throw ShapeError(concat("temporal: wanted a motion [4,4], got ", source_to_target_44.sizes()));
  }
  const at::Tensor motion = as_double(source_to_target_44);
  inverse(motion, "a motion");
  return carry(make_view(depth_HW, source_intrinsics_33, mask_HW),
               make_view(depth_HW, target_intrinsics_33, mask_HW), motion, config);
}

TemporalScores score_temporal(const at::Tensor& depth_THW, const at::Tensor& intrinsics_T33,
                              const at::Tensor& cam_to_world_T44, const TemporalConfig& config,
                              const at::Tensor& mask_THW) {
  const std::int64_t frames = depth_THW.dim() == 3 ? depth_THW.size(0) : 0;
  if (frames == 0 || intrinsics_T33.sizes() != at::IntArrayRef{frames, 3, 3} ||
      cam_to_world_T44.sizes() != at::IntArrayRef{frames, 4, 4} ||
      (mask_THW.defined() && mask_THW.sizes() != depth_THW.sizes())) {
    throw ShapeError(
        concat("temporal: wanted depth [T,H,W], intrinsics [T,3,3] and poses [T,4,4],"
               " got ",
               depth_THW.sizes(), ", ", intrinsics_T33.sizes(), " and ", cam_to_world_T44.sizes()));
  }
  const auto view_of = [&](std::int64_t t) {
    return make_view(depth_THW[t], intrinsics_T33[t],
                     mask_THW.defined() ? mask_THW[t] : at::Tensor());
  };
  TemporalScores scores;
  double sum = 0;
  const auto add = [&](const View& from, const View& to, const at::Tensor& motion) {
    const auto value = error(carry(from, to, motion, config), to);
    sum += value.value_or(0);
    ++(value ? scores.pairs : scores.skipped);
  };
  View view = view_of(0);
  for (std::int64_t t = 0; t + 1 < frames; ++t) {
    View next = view_of(t + 1);
    const at::Tensor motion = inverse(as_double(cam_to_world_T44[t + 1]), "a pose")
                                  .matmul(as_double(cam_to_world_T44[t]));
    const at::Tensor back = inverse(motion, "a pose");
    add(view, next, motion.contiguous());
    add(next, view, back);
    view = std::move(next);
  }
  if (scores.pairs > 0) scores.tae = sum / static_cast<double>(scores.pairs);
  return scores;
}

}  // namespace vdd::metrics
