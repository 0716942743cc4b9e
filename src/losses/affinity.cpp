// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/affinity.h"

#include "disparity_pair.h"

namespace vdd::losses {
namespace {

constexpr double kShortest = 1e-6;

/// [T,n,C] of length 1, or 0 where the features are too short to have a direction.
at::Tensor unit_rows(const at::Tensor& features_TChw, at::ScalarType type) {
  const at::Tensor rows_TnC = features_TChw.to(type).flatten(2).transpose(1, 2);
  const at::Tensor length_Tn1 = rows_TnC.norm(2, {2}, /*keepdim=*/true);
  return rows_TnC / length_Tn1.clamp_min(kShortest) * (length_Tn1 >= kShortest);
}

at::Tensor sum_of_squares(const at::Tensor& x_Tab) {
  return x_Tab.square().sum({1, 2});
}

/// [T]: |Us Us^T - Ut Ut^T|^2.
at::Tensor pairwise(const at::Tensor& us_TnC, const at::Tensor& ut_TnC) {
  return sum_of_squares(us_TnC.bmm(us_TnC.transpose(1, 2)) - ut_TnC.bmm(ut_TnC.transpose(1, 2)));
}

/// [T]: |Us^T Us|^2 + |Ut^T Ut|^2 - 2 |Us^T Ut|^2, whose maps are C x C and which equals
/// pairwise(). In double: if the maps are nearly alike, the subtraction leaves nothing of float32.
at::Tensor gram(const at::Tensor& us_TnC, const at::Tensor& ut_TnC) {
  const at::Tensor s_TnC = us_TnC.to(at::kDouble), t_TnC = ut_TnC.to(at::kDouble);
  const at::Tensor s_TCn = s_TnC.transpose(1, 2), t_TCn = t_TnC.transpose(1, 2);
  const at::Tensor sum = sum_of_squares(s_TCn.bmm(s_TnC)) + sum_of_squares(t_TCn.bmm(t_TnC)) -
                         2 * sum_of_squares(s_TCn.bmm(t_TnC));
  return sum.clamp_min(0).to(us_TnC.scalar_type());
}

}  // namespace

at::Tensor pool_features(const at::Tensor& features_TChw, std::int64_t height, std::int64_t width) {
  const std::int64_t h = features_TChw.size(2), w = features_TChw.size(3);
  // Equals the adaptive pooling where the grid divides the map, and has a gradient that is
  // deterministic on CUDA.
  if (h % height == 0 && w % width == 0) {
    return at::avg_pool2d(features_TChw, {h / height, w / width});
  }
  return at::adaptive_avg_pool2d(features_TChw, {height, width});
}

bool gram_is_cheaper(std::int64_t positions, std::int64_t student_channels,
                     std::int64_t teacher_channels) {
  const auto cs = static_cast<double>(student_channels), ct = static_cast<double>(teacher_channels);
  return cs * cs + ct * ct + cs * ct < static_cast<double>(positions) * (cs + ct);
}

at::Tensor affinity_loss(const at::Tensor& student_TChw, const at::Tensor& teacher_TChw,
                         AffinityNorm norm, AffinityForm form) {
  const bool alike = student_TChw.dim() == 4 && teacher_TChw.dim() == 4 &&
                     student_TChw.size(0) == teacher_TChw.size(0) &&
                     student_TChw.sizes().slice(2) == teacher_TChw.sizes().slice(2);
  if (!alike || student_TChw.numel() == 0 || teacher_TChw.numel() == 0) {
    throw ShapeError(concat("affinity loss: student ", student_TChw.sizes(), " and teacher ",
                            teacher_TChw.sizes(), " must be [T,C,h,w] that differ in C only"));
  }
  const NoAutocast float32;
  const auto type = at::promote_types(
      at::promote_types(student_TChw.scalar_type(), teacher_TChw.scalar_type()), at::kFloat);
  const at::Tensor us_TnC = unit_rows(student_TChw, type);
  const at::Tensor ut_TnC = unit_rows(teacher_TChw.detach(), type);
  const std::int64_t n = us_TnC.size(1);
  if (form == AffinityForm::kAuto) {
    form = gram_is_cheaper(n, us_TnC.size(2), ut_TnC.size(2)) ? AffinityForm::kGram
                                                              : AffinityForm::kPairwise;
  }
  const at::Tensor sums_T =
      form == AffinityForm::kGram ? gram(us_TnC, ut_TnC) : pairwise(us_TnC, ut_TnC);
  const auto positions = static_cast<double>(n);
  return sums_T.mean() / (norm == AffinityNorm::kHw ? positions : positions * positions);
}

}  // namespace vdd::losses
