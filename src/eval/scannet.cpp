// SPDX-License-Identifier: Apache-2.0
// ScanNet as exported: scans_test/<scene>/{color/%d.jpg,depth/%d.png,pose/%d.txt,intrinsic/*.txt}.
#include <ATen/ATen.h>

#include "layouts.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

constexpr double kScannetPerMetre = 1000;

class ScanNet : public Sequence {
 public:
  ScanNet(const std::string& name, std::vector<std::string> frames, fs::path folder)
      : Sequence(name, std::move(frames)), folder_(std::move(folder)) {}

  /// Shrinks the picture, which is larger than the depth.
  at::Tensor rgb_HW3(std::size_t frame) const override {
    const io::Image16 stored = io::read_png16(depth_file(frame));
    return resized(to_tensor(io::read_rgb(folder_ / "color" / (frames()[frame] + ".jpg"))),
                   stored.height, stored.width);
  }
  TrueDepth depth(std::size_t frame) const override {
    return depth_of(io::read_png16(depth_file(frame)), kScannetPerMetre);
  }
  /// Frames that the tracking lost have a pose of infinities; they count as frames without.
  Camera camera(std::size_t frame) const override {
    const at::Tensor pose = read_matrix(folder_ / "pose" / (frames()[frame] + ".txt"), 4, 4);
    return {.intrinsics_33 = read_matrix(folder_ / "intrinsic/intrinsic_depth.txt", 4, 4)
                                 .slice(0, 0, 3)
                                 .slice(1, 0, 3)
                                 .contiguous(),
            .cam_to_world_44 = pose.isfinite().all().item<bool>() ? pose : at::Tensor()};
  }

 private:
  fs::path depth_file(std::size_t frame) const {
    return folder_ / "depth" / (frames()[frame] + ".png");
  }

  fs::path folder_;
};

}  // namespace

DataSet open_scannet(const fs::path& root, const ReaderConfig&) {
  const fs::path scans = find_below(root, {"scans_test", "scannet/scans_test", ""});
  DataSet data;
  for (const std::string& scene : names_in(scans, "scene", "")) {
    const std::string name = "scene" + scene;
    auto frames = names_in(scans / name / "depth", "", ".png");
    if (!frames.empty())
      data.sequences.push_back(std::make_unique<ScanNet>(name, std::move(frames), scans / name));
  }
  return data;
}

}  // namespace vdd::eval
