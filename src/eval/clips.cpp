// SPDX-License-Identifier: Apache-2.0
// Virtual KITTI 2 and Hypersim through the data layer: its tables, tone map, planar depth and
// lenses.
#include <ATen/ATen.h>

#include <map>
#include <optional>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/data/dataset.h"

namespace vdd::eval {
namespace {

using data::Clip;
using data::ClipDataset;
using data::ClipPlan;

/// Sets the data layer to every sequence, one frame at a time, nothing mirrored or cut.
data::DataConfig frame_config(const data::SourceConfig& source, std::int64_t height,
                              std::int64_t width) {
  data::DataConfig config;
  config.sources = {source};
  config.frames = 1;
  config.height = height;
  config.width = width;
  config.fit = data::ClipFit::kStretch;
  config.crop = data::CropPlace::kCenter;
  config.rgb_only = false;
  config.poses = true;
  return config;
}

/// The data set at the size its pictures have.
struct Stored {
  data::SourceConfig source;
  data::Split split;
  std::unique_ptr<const ClipDataset> frames;
};

class Clips : public Sequence {
 public:
  Clips(const std::string& name, std::vector<std::string> frames, std::vector<ClipPlan> plans,
        std::shared_ptr<const Stored> stored)
      : Sequence(name, std::move(frames)), plans_(std::move(plans)), stored_(std::move(stored)) {}

  at::Tensor rgb_HW3(std::size_t frame) const override {
    const at::Tensor planes = load(frame).rgb_TCHW[0];
    return planes.permute({1, 2, 0}).add(1).mul(127.5).round().to(at::kByte).contiguous();
  }
  TrueDepth depth(std::size_t frame) const override {
    const Clip& clip = load(frame);
    return {.depth_HW = clip.depth_THW[0].masked_fill(clip.sky_THW[0], kSky),
            .valid_HW = clip.valid_THW[0]};
  }
  Camera camera(std::size_t frame) const override {
    const Clip& clip = load(frame);
    if (!clip.poses_T44.defined()) return {};
    return {.intrinsics_33 = clip.intrinsics_T33[0], .cam_to_world_44 = clip.poses_T44[0]};
  }

  /// Reads the clip whole, so that Hypersim's colours get one exposure for the clip, as in
  /// training; one for each part where the trajectory has holes.
  at::Tensor clip_T3hw(const std::vector<std::size_t>& frames, metrics::CropRule crop,
                       std::int64_t height, std::int64_t width) const override {
    if (crop != metrics::CropRule::kNone) return Sequence::clip_T3hw(frames, crop, height, width);
    const ClipDataset scaled(frame_config(stored_->source, height, width), stored_->split);
    std::vector<at::Tensor> parts;
    for (std::size_t begin = 0, end = 0; begin < frames.size(); begin = end) {
      ClipPlan plan = plans_[frames[begin]];
      const auto follows = [&](std::size_t i) {
        const ClipPlan& next = plans_[frames[i]];
        const std::int64_t step = next.first - plans_[frames[i - 1]].first;
        if (i == begin + 1) plan.stride = step;
        return next.run == plan.run && step == plan.stride;
      };
      for (end = begin + 1; end < frames.size() && follows(end);) ++end;
      plan.frames = static_cast<std::int64_t>(end - begin);
      if (plan.frames == 1) plan.stride = 1;
      parts.push_back(scaled.load(plan).rgb_TCHW);
    }
    return at::cat(parts);
  }

 private:
  static constexpr float kSky = 655.35f;  // metres; far, not unknown: edges against it count

  /// Keeps the last frame: depth, camera and picture come together, and are asked for one after
  /// another.
  const Clip& load(std::size_t frame) const {
    if (!loaded_ || *loaded_ != frame) {
      loaded_.reset();
      clip_ = stored_->frames->load(plans_[frame]);
      loaded_ = frame;
    }
    return clip_;
  }

  std::vector<ClipPlan> plans_;
  std::shared_ptr<const Stored> stored_;
  mutable std::optional<std::size_t> loaded_;
  mutable Clip clip_;
};

/// Returns the size of the first picture that can be read.
std::pair<std::int64_t, std::int64_t> picture_size(const ClipDataset& data,
                                                   const std::vector<ClipPlan>& plans) {
  std::optional<DataError> first;
  for (const ClipPlan& plan : plans) {
    try {
      return data.stored_size(plan);
    } catch (const DataError& error) {
      if (!first) first = error;
    }
  }
  throw *first;
}

void add_source(const data::SourceConfig& source, data::Split split, DataSet& out) {
  constexpr std::int64_t kAnySize = 64;  // the index does not depend on it
  const ClipDataset index(frame_config(source, kAnySize, kAnySize), split);
  const auto plans = index.all_frames();
  if (plans.empty()) return;
  const auto [height, width] = picture_size(index, plans);
  auto stored = std::make_shared<Stored>(Stored{
      source, split, std::make_unique<ClipDataset>(frame_config(source, height, width), split)});

  std::map<std::string, std::vector<ClipPlan>> by_name;
  for (const ClipPlan& plan : plans)
    by_name[plan.source_id.substr(0, plan.source_id.find('#'))].push_back(plan);
  for (auto& [name, members] : by_name) {
    std::vector<std::string> frames;
    for (const ClipPlan& plan : members) {
      const auto begin = plan.source_id.find('#') + 1;
      frames.push_back(plan.source_id.substr(begin, plan.source_id.find('+') - begin));
    }
    out.sequences.push_back(
        std::make_unique<Clips>(name, std::move(frames), std::move(members), stored));
  }
  for (const std::string& line : index.summary()) {
    const std::string mark = "; left out: ";
    const auto left_out = line.find(mark);
    if (left_out != line.npos)
      out.left_out.push_back(
          concat(to_name(source.kind), ": ", line.substr(left_out + mark.size())));
  }
}

/// Videos have no true depth.
bool wanted(data::SourceKind kind, DataLayout layout) {
  if (kind == data::SourceKind::kVirtualKitti && layout == DataLayout::kVirtualKitti) return true;
  if (kind == data::SourceKind::kHypersim && layout == DataLayout::kHypersim) return true;
  return kind != data::SourceKind::kVideos && layout == DataLayout::kAny;
}

}  // namespace

DataSet open_clips(const fs::path& root, const ReaderConfig& config) {
  DataSet data;
  const auto split =
      config.split == HypersimSplit::kVal ? data::Split::kValidation : data::Split::kAll;
  for (const auto& source : data::find_sources(root)) {
    if (wanted(source.kind, config.layout)) add_source(source, split, data);
  }
  return data;
}

}  // namespace vdd::eval
