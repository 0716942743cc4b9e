// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/validation.h"

#include <string>
#include <utility>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/metrics/alignment.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

/// Opens the held-out sequences or, if there are none, those of the training. Throws DataError.
ValidationData open_clips(const ValidationConfig& config, const data::DataConfig& source,
                          std::int64_t train_seed) {
  auto held_out = std::make_shared<data::ClipDataset>(source, data::Split::kValidation);
  if (!held_out->empty()) return {held_out, static_cast<std::uint64_t>(config.seed)};
  auto trained_on = std::make_shared<data::ClipDataset>(source, data::Split::kTrain);
  log::warning("valid", "no sequence is held out: validation looks at clips of the training");
  return {trained_on, static_cast<std::uint64_t>(train_seed)};
}

}  // namespace

metrics::DepthScores score_clip(const torch::Tensor& disparity_Thw, const data::Clip& clip,
                                double max_depth) {
  const metrics::Aligned aligned = metrics::align_disparity(
      disparity_Thw, clip.depth_THW, {.max_depth = max_depth}, clip.valid_THW);
  return metrics::score_depth(aligned.depth_THW, clip.depth_THW, aligned.valid_THW);
}

void add_picture(ValidationResult& result, const run::RunDir& run, std::int64_t step,
                 std::int64_t k, const std::vector<io::PictureRow>& rows, std::int64_t columns) {
  const fs::path png = run.sample(step, concat("clip", k, ".png"));
  try {
    io::write_strip(png, rows, columns);
    result.pictures.emplace_back(concat("valid/clip", k), png);
  } catch (const ResourceError& e) {
    result.picture_problem = e.what();
  }
}

ValidationData validation_data(const ValidationConfig& config, const data::DataConfig& data,
                               std::int64_t train_seed) {
  if (config.every == 0) return {};
  data::DataConfig source = data;
  source.rgb_only = !config.depth;
  if (source.rgb_only || !data.rgb_only) return open_clips(config, source, train_seed);
  try {
    return open_clips(config, source, train_seed);
  } catch (const DataError& e) {  // which the training itself, without depth, did not meet
    log::warning("valid", concat("validation.depth: no true depth to compare with: ", e.what()));
  }
  source.rgb_only = true;
  return open_clips(config, source, train_seed);
}

}  // namespace vdd::train
