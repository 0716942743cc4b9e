// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, H W pixels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "vdd/data/dataset.h"
#include "vdd/io/pictures.h"
#include "vdd/losses/loss_parts.h"
#include "vdd/metrics/depth.h"
#include "vdd/train/clip_targets.h"
#include "vdd/train/trainer.h"

namespace vdd::train {

/// The clips of a validation: samples 0, 1, ... of this data set and seed.
struct ValidationData {
  std::shared_ptr<data::ClipDataset> dataset;  ///< null: none
  std::uint64_t seed = 0;
};

/// Held-out sequences, with depth if it is scored. If nothing is held out: the first samples of the
/// training, with a warning.
ValidationData validation_data(const ValidationConfig& config, const data::DataConfig& data,
                               std::int64_t train_seed);

/// How the student does on one clip, on the CPU. The disparities are min-max over the clip, and
/// undefined without `depth`.
struct ValidatedClip {
  losses::LossParts loss;
  torch::Tensor student_THW = {}, teacher_THW = {};
};

/// Of a predicted disparity [T,h,w], fitted to the clip's true depth up to `max_depth` metres by
/// one scale and shift. Throws as metrics::align_disparity().
metrics::DepthScores score_clip(const torch::Tensor& disparity_Thw, const data::Clip& clip,
                                double max_depth);

/// Draws samples/step-NNNNNN-clip<k>.png and adds it to `result`; one that cannot be written is a
/// picture_problem there, no error.
void add_picture(ValidationResult& result, const RunDir& run, std::int64_t step, std::int64_t k,
                 const std::vector<io::PictureRow>& rows, std::int64_t columns);

/// Scores of student and teacher over the validation clips. Per clip: the parts of the loss; with
/// `depth` the mean absolute difference of the two disparities and, where the data set has depth,
/// AbsRel and delta1 of both after a least-squares fit of scale and shift in disparity; with
/// `pictures` samples/step-NNNNNN-clip<k>.png. Metrics are named valid/<what>; the score is
/// valid/loss.
ValidationResult validate_clips(const ValidationConfig& config, const ValidationData& data,
                                ClipTargets& targets, std::int64_t step, const RunDir& run,
                                const std::function<ValidatedClip(const TeacherTarget&)>& student);

}  // namespace vdd::train
