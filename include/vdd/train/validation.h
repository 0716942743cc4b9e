// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, H W pixels.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vdd/data/dataset.h"
#include "vdd/io/pictures.h"
#include "vdd/metrics/depth.h"
#include "vdd/train/task.h"
#include "vdd/train/training_config.h"

namespace vdd::train {

/// The clips of a validation: samples 0, 1, ... of this data set and seed.
struct ValidationData {
  std::shared_ptr<data::ClipDataset> dataset;  ///< null: none
  std::uint64_t seed = 0;
};

/// Held-out sequences, with depth if it is scored. If nothing is held out: the first samples of the
/// training, with a warning. If the training needs no depth and the data has none: without it, with
/// a warning. Throws DataError.
ValidationData validation_data(const ValidationConfig& config, const data::DataConfig& data,
                               std::int64_t train_seed);

/// Scores a predicted disparity [T,h,w] after one scale and shift fit it to the clip's true depth
/// up to `max_depth` metres. Throws as metrics::align_disparity().
metrics::DepthScores score_clip(const torch::Tensor& disparity_Thw, const data::Clip& clip,
                                double max_depth);

/// Draws samples/step-NNNNNN-clip<k>.png and adds it to `result`; one that cannot be written is a
/// picture_problem there, no error.
void add_picture(ValidationResult& result, const run::RunDir& run, std::int64_t step,
                 std::int64_t k, const std::vector<io::PictureRow>& rows, std::int64_t columns);

}  // namespace vdd::train
