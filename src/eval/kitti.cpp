// SPDX-License-Identifier: Apache-2.0
// KITTI: raw drives and annotated depth. The depth files are the list of frames: the first and last
// five of a drive have none.
#include <ATen/ATen.h>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

constexpr double kKittiPerMetre = 256;
constexpr std::size_t kDateLength = 10;  // of "2011_09_26_drive_0002_sync"

class Kitti : public Sequence {
 public:
  Kitti(const std::string& name, std::vector<std::string> frames, fs::path rgb, fs::path depth)
      : Sequence(name, std::move(frames)), rgb_(std::move(rgb)), depth_(std::move(depth)) {}

  at::Tensor rgb_HW3(std::size_t frame) const override {
    return to_tensor(io::read_rgb(rgb_ / "image_02/data" / (frames()[frame] + ".png")));
  }
  TrueDepth depth(std::size_t frame) const override {
    return depth_of(io::read_png16(depth_ / (frames()[frame] + ".png")), kKittiPerMetre);
  }

 private:
  fs::path rgb_, depth_;
};

}  // namespace

DataSet open_kitti(const fs::path& root, const ReaderConfig&) {
  const fs::path depth = find_below(root, {"data_depth_annotated/val", "val"});
  if (depth.empty()) throw DataError(root, "no data_depth_annotated/val/ here");
  DataSet data;
  for (const std::string& drive : names_in(depth, "", "_sync")) {
    const std::string name = drive + "_sync";
    const fs::path truth = depth / name / "proj_depth/groundtruth/image_02";
    auto frames = names_in(truth, "", ".png");
    if (frames.empty()) continue;
    const std::string date = name.substr(0, kDateLength);
    const fs::path found =
        find_below(root, {concat("raw_data/", date, '/', name), concat("raw/", date, '/', name),
                          concat(date, '/', name)});
    // A score of stored predictions needs no pictures; what does need them names the file.
    const fs::path rgb = found.empty() ? root / "raw_data" / date / name : found;
    data.sequences.push_back(std::make_unique<Kitti>(name, std::move(frames), rgb, truth));
  }
  return data;
}

}  // namespace vdd::eval
