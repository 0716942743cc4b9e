// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd::data {

/// Layouts of data sets that clips are drawn from.
enum class SourceKind { kVirtualKitti, kHypersim, kVideos };
constexpr auto names(SourceKind) {
  return enum_names<SourceKind>({{SourceKind::kVirtualKitti, "virtual_kitti"},
                                 {SourceKind::kHypersim, "hypersim"},
                                 {SourceKind::kVideos, "videos"}});
}

/// Which of Hypersim's pictures are read.
enum class HypersimRgb { kColorHdf5, kTonemapJpg };
constexpr auto names(HypersimRgb) {
  return enum_names<HypersimRgb>(
      {{HypersimRgb::kColorHdf5, "color_hdf5"}, {HypersimRgb::kTonemapJpg, "tonemap_jpg"}});
}

/// How a picture gets the size of a clip.
enum class ClipFit { kCrop, kStretch };
constexpr auto names(ClipFit) {
  return enum_names<ClipFit>({{ClipFit::kCrop, "crop"}, {ClipFit::kStretch, "stretch"}});
}

/// Where the cut of a picture lies.
enum class CropPlace { kRandom, kCenter };
constexpr auto names(CropPlace) {
  return enum_names<CropPlace>({{CropPlace::kRandom, "random"}, {CropPlace::kCenter, "center"}});
}

/// Which disparities of a clip become 0 and 1.
enum class DisparityRange { kMinMax, kQuantile };
constexpr auto names(DisparityRange) {
  return enum_names<DisparityRange>(
      {{DisparityRange::kMinMax, "min_max"}, {DisparityRange::kQuantile, "quantile"}});
}

/// What an unusable file means for the training.
enum class OnBadSample { kFail, kSkip };
constexpr auto names(OnBadSample) {
  return enum_names<OnBadSample>({{OnBadSample::kFail, "fail"}, {OnBadSample::kSkip, "skip"}});
}

/// One part of the mixture.
struct SourceConfig {
  SourceKind kind = SourceKind::kVirtualKitti;
  std::string root = {};
  double weight = 1;
  std::vector<std::string> include = {}, exclude = {};
  std::optional<std::int64_t> stride_max = std::nullopt;
  HypersimRgb rgb = HypersimRgb::kColorHdf5;

  constexpr void fields(auto& f) {
    f("kind", kind, "layout of the files below root");
    f("root", root,
      "folder of the data set as its download unpacks; with * or ?, such as data/*/vkitti2: all "
      "matching folders",
      non_empty);
    f("weight", weight,
      "share of the samples, relative to the other sources; folders that match one root share it "
      "evenly",
      positive);
    f("include", include,
      "patterns of sequence names to use, such as vkitti2/*/clone/* or hypersim/ai_001_*; empty: "
      "all");
    f("exclude", exclude, "patterns of sequence names to leave out");
    f("stride_max", stride_max,
      "largest frame step of this source; null: data.stride_max, but 1 for Hypersim, whose frames "
      "are a metre apart",
      at_least(1));
    f("rgb", rgb,
      "Hypersim pictures; color_hdf5: tone-mapped by vdd with one exposure per clip; tonemap_jpg: "
      "the preview, with one exposure per frame, which is several times faster to read");
  }
};

/// Which clips are drawn, and what is done to them.
struct DataConfig {
  std::string root;
  std::vector<SourceConfig> sources;
  std::vector<std::string> holdout = {"vkitti2/Scene01/*"};
  std::int64_t clips = 0;
  std::int64_t frames = 25, frames_min = 0, height = 320, width = 640;
  std::int64_t stride_min = 1, stride_max = 3;
  double flip = 0.5, reverse = 0.5;
  ClipFit fit = ClipFit::kCrop;
  CropPlace crop = CropPlace::kRandom;
  bool rgb_only = true, poses = false;
  DisparityRange disparity_range = DisparityRange::kMinMax;
  OnBadSample on_bad_sample = OnBadSample::kFail;
  std::int64_t max_bad_samples = 100;
  std::int64_t workers = 2, prefetch = 2;

  constexpr void fields(auto& f) {
    f("root", root,
      "folder that holds vkitti2/, hypersim/ or videos, or is one of them; short for `sources` of "
      "equal weight");
    f("sources", sources, "data sets to mix, if `root` is not enough");
    f("holdout", holdout,
      "patterns of sequence names that are kept for validation and never trained on; Hypersim's "
      "val partition always is");
    f("clips", clips,
      "number of different samples, after which the same ones come again; 0: no limit",
      non_negative);
    f("frames", frames, "frames of a clip", in_range(1, 1024));
    f("frames_min", frames_min,
      "each clip draws its number of frames uniformly from this to `frames`, or to what its "
      "sequence has, if that is less; validation takes the most; 0: every clip has `frames`",
      in_range(0, 1024));
    f("height", height, "height of a clip, in pixels", in_range(64, 4096), multiple_of(64));
    f("width", width, "width of a clip, in pixels", in_range(64, 4096), multiple_of(64));
    f("stride_min", stride_min, "smallest step between the frames of a clip", at_least(1));
    f("stride_max", stride_max, "largest such step; each clip draws its step uniformly",
      at_least(1));
    f("flip", flip, "probability that a clip is mirrored left to right", unit_interval);
    f("reverse", reverse, "probability that a clip runs backwards", unit_interval);
    f("fit", fit,
      "crop: scale both sides by one factor, then crop; stretch: scale each side by its own "
      "factor");
    f("crop", crop, "position of the crop");
    f("rgb_only", rgb_only,
      "read no depth; both distillation stages need none, train-teacher and train-vae read it in "
      "any case");
    f("poses", poses, "also read intrinsics and camera poses, where the data set has them");
    f("disparity_range", disparity_range,
      "disparities of the whole clip that become 0 and 1; min_max: its extremes; quantile: its 2 "
      "and 98 % quantiles, with clipping");
    f("on_bad_sample", on_bad_sample,
      "fail: stop at the first unusable file; skip: warn once and draw another clip");
    f("max_bad_samples", max_bad_samples,
      "with skip: stop after this many different unusable clips", non_negative);
    f("workers", workers, "threads that read frames; 0: the training thread reads them",
      in_range(0, 256));
    f("prefetch", prefetch, "clips that are loaded ahead of the training", in_range(1, 64));
  }
  std::vector<std::string> check() const;
  /// Frames of the shortest clips.
  std::int64_t least_frames() const { return frames_min > 0 ? frames_min : frames; }
};

}  // namespace vdd::data
