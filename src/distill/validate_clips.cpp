// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/validate_clips.h"

#include <string>
#include <utility>
#include <vector>

#include "vdd/core/stop.h"

namespace vdd::distill {
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
  explicit Scores(const train::ValidationConfig& config) : config_(config) {}

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
      student_.push_back(train::score_clip(result.student_THW, clip, config_.max_depth));
      teacher_.push_back(train::score_clip(result.teacher_THW, clip, config_.max_depth));
    }
  }

  double loss() const { return total_ / clips_; }
  run::Record metrics() const {
    run::Record record;
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
  const train::ValidationConfig& config_;
  double clips_ = 0, total_ = 0, difference_ = 0;
  std::vector<std::pair<std::string, double>> parts_;
  std::vector<metrics::DepthScores> student_, teacher_;
};

}  // namespace

train::ValidationResult validate_clips(
    const train::ValidationConfig& config, const train::ValidationData& data, ClipTargets& targets,
    std::int64_t step, const run::RunDir& run,
    const std::function<ValidatedClip(const TeacherTarget&)>& student) {
  Scores scores(config);
  train::ValidationResult result;
  for (std::int64_t n = 0; n < config.clips; ++n) {
    if (stop_requested() != StopReason::kNone) return {.complete = false};
    const data::Clip clip = data.dataset->load(data.seed, n);
    const TeacherTarget target = targets.get(clip, n, ClipTargets::Use::kValidation);
    const ValidatedClip answer = student(target);
    scores.add(clip, answer);
    if (config.depth && config.pictures) {
      train::add_picture(result, run, step, n, rows_of(clip, answer), config.columns);
    }
  }
  result.metrics = scores.metrics();
  result.score = scores.loss();
  return result;
}

}  // namespace vdd::distill
