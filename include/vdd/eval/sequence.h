// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

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
  virtual at::Tensor clip_T3hw(const std::vector<std::size_t>& frames, const std::string& crop,
                               std::int64_t height, std::int64_t width) const;

 private:
  std::string name_;
  std::vector<std::string> frames_;
};

/// What a layout leaves open.
struct ReaderConfig {
  std::string layout = "any";
  std::string pass = "clean";
  std::string pairing = "stamp";
  std::string depth = "filled";
  std::string set = "sintel";
  std::string split = "all";

  constexpr void fields(auto& f) {
    f("layout", layout, "how the data set lies on disk; any: whatever is found",
      one_of("any", "bonn", "depthcrafter", "hypersim", "kitti", "nyuv2", "scannet", "sintel",
             "virtual_kitti"));
    f("pass", pass, "Sintel's pictures", one_of("clean", "final"));
    f("pairing", pairing,
      "Bonn's pairs of colour and depth: nearest time stamp within 20 ms, or the n-th with the "
      "n-th "
      "as DepthCrafter's extraction",
      one_of("stamp", "index"));
    f("depth", depth, "NYUv2: holes filled, or as the sensor gave it", one_of("filled", "raw"));
    f("set", set, "which csv/meta_<set>.csv of DepthCrafter's benchmark", non_empty);
    f("split", split, "Hypersim: every scene, or its val partition", one_of("all", "val"));
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
