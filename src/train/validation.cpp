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

std::vector<io::PictureRow> rows_of(const data::Clip& clip, const ValidatedClip& result) {
  using enum io::RowKind;
  std::vector<io::PictureRow> rows{
      {"RGB", kRgb, clip.rgb_TCHW},
      {"teacher", kDisparity, result.teacher_THW},
      {"student", kDisparity, result.student_THW},
      {"difference", kDifference, result.student_THW - result.teacher_THW, 0, 0.5}};
  if (clip.disparity_THW.defined()) rows.push_back({"truth", kDisparity, clip.disparity_THW});
  return rows;
}

/// Sums over the clips of a validation.
class Scores {
 public:
  explicit Scores(const ValidationConfig& config) : config_(config) {}

  void add(const data::Clip& clip, const ValidatedClip& result) {
    ++clips_;
    total_ += result.loss.total.item<double>();
    parts_.resize(result.loss.parts.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].first = result.loss.parts[i].first;
      parts_[i].second += result.loss.parts[i].second.item<double>();
    }
    if (!config_.depth) return;

    difference_ += (result.student_THW - result.teacher_THW).abs().mean().item<double>();
    if (clip.depth_THW.defined()) {
      student_.push_back(score_clip(result.student_THW, clip, config_.max_depth));
      teacher_.push_back(score_clip(result.teacher_THW, clip, config_.max_depth));
    }
  }

  double loss() const { return total_ / clips_; }
  Record metrics() const {
    Record record;
    record.add("valid/loss", loss());
    for (const auto& [name, sum] : parts_) record.add("valid/" + name, sum / clips_);
    if (config_.depth) record.add("valid/disparity_difference", difference_ / clips_);
    if (!student_.empty()) {
      const metrics::DepthScores student = metrics::mean_over_clips(student_);
      const metrics::DepthScores teacher = metrics::mean_over_clips(teacher_);
      record.add("valid/abs_rel", student.abs_rel).add("valid/delta1", student.delta1);
      record.add("valid/teacher_abs_rel", teacher.abs_rel)
          .add("valid/teacher_delta1", teacher.delta1);
    }
    return record;
  }

 private:
  const ValidationConfig& config_;
  double clips_ = 0, total_ = 0, difference_ = 0;
  std::vector<std::pair<std::string, double>> parts_;
  std::vector<metrics::DepthScores> student_, teacher_;
};

}  // namespace

metrics::DepthScores score_clip(const torch::Tensor& disparity_Thw, const data::Clip& clip,
                                double max_depth) {
  const metrics::Aligned aligned = metrics::align_disparity(
      disparity_Thw, clip.depth_THW, {.max_depth = max_depth}, clip.valid_THW);
  return metrics::score_depth(aligned.depth_THW, clip.depth_THW, aligned.valid_THW);
}

void add_picture(ValidationResult& result, const RunDir& run, std::int64_t step, std::int64_t k,
                 const std::vector<io::PictureRow>& rows, std::int64_t columns) {
  const fs::path png = run.sample(step, concat("clip", k, ".png"));
  try {
    io::write_strip(png, rows, columns);
    result.pictures.emplace_back(concat("valid/clip", k), png);
  } catch (const ResourceError& e) {
    result.picture_problem = e.what();
  }
}

ValidationResult validate_clips(const ValidationConfig& config, const ValidationData& data,
                                ClipTargets& targets, std::int64_t step, const RunDir& run,
                                const std::function<ValidatedClip(const TeacherTarget&)>& student) {
  Scores scores(config);
  ValidationResult result;
  for (std::int64_t n = 0; n < config.clips; ++n) {
    if (stop_requested() != StopReason::kNone) return {.complete = false};
    const data::Clip clip = data.dataset->load(data.seed, n);
    const TeacherTarget target = targets.get(clip, n, ClipTargets::Use::kValidation);
    const ValidatedClip answer = student(target);
    scores.add(clip, answer);
    if (config.depth && config.pictures) {
      add_picture(result, run, step, n, rows_of(clip, answer), config.columns);
    }
  }
  result.metrics = scores.metrics();
  result.score = scores.loss();
  return result;
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
