// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"

namespace vdd::data {

/// One part of the mixture.
struct SourceConfig {
  std::string kind = "virtual_kitti";
  std::string root = {};
  double weight = 1;
  std::vector<std::string> include = {}, exclude = {};
  std::optional<std::int64_t> stride_max = std::nullopt;
  std::string rgb = "color_hdf5";

  constexpr void fields(auto& f) {
    f("kind", kind, "layout of the files below root",
      one_of("virtual_kitti", "hypersim", "videos"));
    f("root", root,
      "folder of the data set, as its download unpacks; with * or ?, such as data/*/vkitti2, all "
      "that match",
      non_empty);
    f("weight", weight,
      "share of the samples, relative to the other sources; what one root matches shares it evenly",
      positive);
    f("include", include,
      "patterns of sequence names to use, such as vkitti2/*/clone/* or hypersim/ai_001_*; empty: "
      "all");
    f("exclude", exclude, "patterns of sequence names to leave out");
    f("stride_max", stride_max,
      "largest frame step of this source; null: data.stride_max, for Hypersim 1 (its frames are a "
      "metre apart)",
      at_least(1));
    f("rgb", rgb,
      "Hypersim pictures: color_hdf5 is tone-mapped here with one exposure a clip, tonemap_jpg is "
      "the preview (each frame its own exposure; reads several times faster)",
      one_of("color_hdf5", "tonemap_jpg"));
  }
};

/// Which clips are drawn, and what is done to them.
struct DataConfig {
  std::string root;
  std::vector<SourceConfig> sources;
  std::vector<std::string> holdout = {"vkitti2/Scene01/*"};
  std::int64_t clips = 0;
  std::int64_t frames = 25, height = 320, width = 640;
  std::int64_t stride_min = 1, stride_max = 3;
  double flip = 0.5, reverse = 0.5;
  std::string fit = "crop", crop = "random";
  bool rgb_only = true, poses = false;
  std::string disparity_range = "min_max";
  std::string on_bad_sample = "fail";
  std::int64_t max_bad_samples = 100;
  std::int64_t workers = 2, prefetch = 2;

  constexpr void fields(auto& f) {
    f("root", root,
      "one folder that holds vkitti2/, hypersim/ or videos, or is one of them; short for sources "
      "of equal weight");
    f("sources", sources, "the mixture, if root is not enough");
    f("holdout", holdout,
      "patterns of sequence names kept for validation (and Hypersim's own val partition is); never "
      "trained on");
    f("clips", clips,
      "use only the first so many samples, over and over: a fixed small set; 0: no limit",
      non_negative);
    f("frames", frames, "frames of a clip", in_range(1, 1024));
    f("height", height, "pixels", in_range(64, 4096), multiple_of(64));
    f("width", width, "pixels", in_range(64, 4096), multiple_of(64));
    f("stride_min", stride_min, "smallest step between the frames of a clip", at_least(1));
    f("stride_max", stride_max, "largest step; drawn uniformly", at_least(1));
    f("flip", flip, "probability that a clip is mirrored left to right", unit_interval);
    f("reverse", reverse, "probability that a clip runs backwards", unit_interval);
    f("fit", fit, "crop: scale by one factor, then cut; stretch: scale each side by its own",
      one_of("crop", "stretch"));
    f("crop", crop, "where the cut lies", one_of("random", "center"));
    f("rgb_only", rgb_only, "read no depth at all; both distillation stages need none");
    f("poses", poses, "also read intrinsics and camera poses, where the data set has them");
    f("disparity_range", disparity_range,
      "what becomes 0 and 1, over the whole clip: its extremes, or its 2 and 98 % quantiles with "
      "clipping",
      one_of("min_max", "quantile"));
    f("on_bad_sample", on_bad_sample,
      "fail: stop at the first unusable file; skip: say so once, draw another clip",
      one_of("fail", "skip"));
    f("max_bad_samples", max_bad_samples,
      "with skip: stop after this many different unusable clips", non_negative);
    f("workers", workers, "threads that read frames; 0: the training thread reads",
      in_range(0, 256));
    f("prefetch", prefetch, "clips in preparation or ready ahead of the training", in_range(1, 64));
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::data
