// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/metrics/crop.h"

// Sequences with true depth, as the data sets store them. Everything is read when it is asked for.
// Legend: T frames, H W stored size, h w another one.
namespace vdd::eval {

struct TrueDepth {
  at::Tensor depth_HW;  ///< float32 planar depth in metres; 0 where nothing is known
  at::Tensor valid_HW;  ///< bool: measured, and no sky (which keeps its large stored value)
};

/// The camera of a frame. Tensors that the data set does not give are undefined.
struct Camera {
  at::Tensor intrinsics_33;  ///< float64, pixel (centres on integers) ~ K X; any invertible matrix
  at::Tensor cam_to_world_44;  ///< float64, metres; camera axes x right, y down, z forward
};

class Sequence {
 public:
  Sequence(std::string name, std::vector<std::string> frames)
      : name_(std::move(name)), frames_(std::move(frames)) {}
  virtual ~Sequence() = default;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  /// Name in plain letters, with / between levels: "alley_2", "vkitti2/Scene01/clone/Camera_0".
  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  /// Names of the frames in order, as in the file names: "0000000005".
  const std::vector<std::string>& frames() const { return frames_; }

  // The readers of frames throw DataError naming the file.

  /// Reads a picture, uint8 [H,W,3], of the size of the depth.
  virtual at::Tensor rgb_HW3(std::size_t frame) const = 0;
  virtual TrueDepth depth(std::size_t frame) const = 0;
  virtual Camera camera(std::size_t) const { return {}; }
  /// Reads frames, cut by the named crop (metrics::crop_of), then stretched to h x w: float32
  /// [T,3,h,w] in [-1, 1].
  virtual at::Tensor clip_T3hw(const std::vector<std::size_t>& frames, metrics::CropRule crop,
                               std::int64_t height, std::int64_t width) const;

 private:
  std::string name_;
  std::vector<std::string> frames_;
};

/// How a data set lies on disk; kAny is whatever is found.
enum class DataLayout {
  kAny,
  kBonn,
  kDepthCrafter,
  kHypersim,
  kKitti,
  kNyuV2,
  kScanNet,
  kSintel,
  kVirtualKitti
};
constexpr auto names(DataLayout) {
  return enum_names<DataLayout>({{DataLayout::kAny, "any"},
                                 {DataLayout::kBonn, "bonn"},
                                 {DataLayout::kDepthCrafter, "depthcrafter"},
                                 {DataLayout::kHypersim, "hypersim"},
                                 {DataLayout::kKitti, "kitti"},
                                 {DataLayout::kNyuV2, "nyuv2"},
                                 {DataLayout::kScanNet, "scannet"},
                                 {DataLayout::kSintel, "sintel"},
                                 {DataLayout::kVirtualKitti, "virtual_kitti"}});
}

/// Sintel's two renderings.
enum class SintelPass { kClean, kFinal };
constexpr auto names(SintelPass) {
  return enum_names<SintelPass>({{SintelPass::kClean, "clean"}, {SintelPass::kFinal, "final"}});
}

/// Bonn's pairs of colour and depth: by time, or the n-th with the n-th.
enum class BonnPairing { kStamp, kIndex };
constexpr auto names(BonnPairing) {
  return enum_names<BonnPairing>({{BonnPairing::kStamp, "stamp"}, {BonnPairing::kIndex, "index"}});
}

/// NYUv2's depth: its holes filled, or as the sensor gave it.
enum class NyuDepth { kFilled, kRaw };
constexpr auto names(NyuDepth) {
  return enum_names<NyuDepth>({{NyuDepth::kFilled, "filled"}, {NyuDepth::kRaw, "raw"}});
}

/// Hypersim's scenes: every one, or its val partition.
enum class HypersimSplit { kAll, kVal };
constexpr auto names(HypersimSplit) {
  return enum_names<HypersimSplit>({{HypersimSplit::kAll, "all"}, {HypersimSplit::kVal, "val"}});
}

/// What a layout leaves open.
struct ReaderConfig {
  DataLayout layout = DataLayout::kAny;
  SintelPass pass = SintelPass::kClean;
  BonnPairing pairing = BonnPairing::kStamp;
  NyuDepth depth = NyuDepth::kFilled;
  std::string set = "sintel";
  HypersimSplit split = HypersimSplit::kAll;

  constexpr void fields(auto& f) {
    f("layout", layout, "layout of the data set on disk; any: whatever is found");
    f("pass", pass, "rendering pass of Sintel's pictures");
    f("pairing", pairing,
      "Bonn's pairs of colour and depth: nearest time stamps within 20 ms, or the n-th of both, as "
      "in DepthCrafter's extraction");
    f("depth", depth, "NYUv2: holes filled, or as the sensor gave it");
    f("set", set, "which csv/meta_<set>.csv of DepthCrafter's benchmark", non_empty);
    f("split", split, "Hypersim: every scene, or its val partition");
  }
};

struct DataSet {
  /// Sequences sorted by name, in natural order.
  std::vector<std::unique_ptr<Sequence>> sequences;
  /// What the index left out, for people: "rgbd_bonn_balloon2: 3 pictures without depth".
  std::vector<std::string> left_out;
};

/// Lists what lies below `root`; with * or ?, below all folders that match, and the names start
/// with the folder: data/seed*/a gives "seed1/a/alley_2". Throws DataError if there is no such
/// folder, no sequence in the layout or two of one name.
DataSet open_data_set(const std::filesystem::path& root, const ReaderConfig& config = {});

}  // namespace vdd::eval
