// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/validation.h"

#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/metrics/alignment.h"
#include "vdd/train/pictures.h"

namespace vdd::train {
namespace {

metrics::DepthScores score(const torch::Tensor& disparity_THW, const data::Clip& clip,
                           double max_depth) {
  const metrics::Aligned aligned = metrics::align_disparity(
      disparity_THW, clip.depth_THW, {.max_depth = max_depth}, clip.valid_THW);
  return metrics::score_depth(aligned.depth_THW, clip.depth_THW, aligned.valid_THW);
}

}  // namespace

UnetValidation::UnetValidation(const ValidationConfig& config, const losses::LatentLossConfig& loss,
                               Teacher& teacher)
    : config_(config), loss_(loss), teacher_(teacher) {}

void UnetValidation::add(const data::Clip& clip, const TeacherTarget& target,
                         const torch::Tensor& student_TChw, std::int64_t step, const RunDir& run) {
  const losses::LossParts loss =
      losses::latent_loss(student_TChw, target.teacher_latent_TChw, loss_);
  const std::int64_t index = clips_++;
  total_ += loss.total.item<double>();
  if (parts_.empty()) {
    for (const auto& [name, value] : loss.parts) parts_.emplace_back(name, 0);
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].second += loss.parts[i].second.item<double>();
  }
  if (!config_.depth) return;

  const torch::Tensor student_THW = teacher_.decode_disparity(student_TChw);
  const torch::Tensor teacher_THW = teacher_.decode_disparity(target.teacher_latent_TChw);
  difference_ += (student_THW - teacher_THW).abs().mean().item<double>();
  if (clip.depth_THW.defined()) {
    student_.push_back(score(student_THW, clip, config_.max_depth));
    teacher_scores_.push_back(score(teacher_THW, clip, config_.max_depth));
  }
  if (!config_.pictures) return;

  const auto png = run.sample(step, concat("clip", index, ".png"));
  write_strip(png, validation_rows(clip.rgb_TCHW, teacher_THW, student_THW, clip.disparity_THW),
              config_.columns);
  pictures_.emplace_back(concat("valid/clip", index), png);
}

ValidationResult UnetValidation::result() const {
  ValidationResult result{
      .metrics = {}, .score = total_ / static_cast<double>(clips_), .pictures = pictures_};
  result.metrics.add("valid/loss", result.score);
  for (const auto& [name, sum] : parts_) {
    result.metrics.add("valid/" + name, sum / static_cast<double>(clips_));
  }
  if (config_.depth) {
    result.metrics.add("valid/disparity_difference", difference_ / static_cast<double>(clips_));
  }
  if (!student_.empty()) {
    const metrics::DepthScores student = metrics::mean_over_clips(student_);
    const metrics::DepthScores teacher = metrics::mean_over_clips(teacher_scores_);
    result.metrics.add("valid/abs_rel", student.abs_rel).add("valid/delta1", student.delta1);
    result.metrics.add("valid/teacher_abs_rel", teacher.abs_rel)
        .add("valid/teacher_delta1", teacher.delta1);
  }
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
