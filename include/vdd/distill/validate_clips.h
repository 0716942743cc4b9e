// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, H W pixels.
#pragma once

#include <cstdint>
#include <functional>

#include "vdd/distill/clip_targets.h"
#include "vdd/losses/loss_parts.h"
#include "vdd/train/validation.h"

namespace vdd::distill {

/// Result of the student on one clip, on the CPU. The disparities are min-max over the clip, and
/// undefined without `depth`.
struct ValidatedClip {
  losses::LossParts loss;
  torch::Tensor student_THW = {}, teacher_THW = {};
};

/// Scores student and teacher over the validation clips. Per clip: the parts of the loss; with
/// `depth` the mean absolute difference of the two disparities and, where the data set has depth,
/// AbsRel and delta1 of both after a least-squares fit of scale and shift in disparity; with
/// `pictures` samples/step-NNNNNN-clip<k>.png. Metrics are named valid/<what>; the score is
/// valid/loss.
train::ValidationResult validate_clips(
    const train::ValidationConfig& config, const train::ValidationData& data, ClipTargets& targets,
    std::int64_t step, const run::RunDir& run,
    const std::function<ValidatedClip(const TeacherTarget&)>& student);

}  // namespace vdd::distill
