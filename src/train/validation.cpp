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
  auto held_out = std::make_shared<data::ClipDataset>(source, data::Split::kValidation);
  if (!held_out->empty()) return {held_out, static_cast<std::uint64_t>(config.seed)};
  log::warning("valid", "no sequence is held out: validation looks at clips of the training");
  return {std::make_shared<data::ClipDataset>(source, data::Split::kTrain),
          static_cast<std::uint64_t>(train_seed)};
}

}  // namespace vdd::train
