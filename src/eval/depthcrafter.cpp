// SPDX-License-Identifier: Apache-2.0
// DepthCrafter's benchmark: csv/meta_<set>.csv names a video and an archive below datasets/; the
// archive's "disparity" holds depth in metres, whatever its name says, and -1 where there is none.
#include <ATen/ATen.h>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/table_file.h"
#include "vdd/core/text.h"
#include "vdd/io/numpy.h"
#include "vdd/io/video.h"

namespace vdd::eval {
namespace {

class Benchmark : public Sequence {
 public:
  Benchmark(const std::string& name, std::vector<std::string> frames, fs::path video,
            std::int64_t pixels, fs::path archive)
      : Sequence(name, std::move(frames)),
        video_(std::move(video)),
        pixels_(pixels),
        archive_(std::move(archive)) {}

  at::Tensor rgb_HW3(std::size_t frame) const override {
    if (pictures_.empty()) pictures_ = io::read_video(video_, 0, std::ssize(frames()));
    return to_tensor(pictures_[frame]);
  }
  TrueDepth depth(std::size_t frame) const override {
    if (!depth_THW_.defined()) depth_THW_ = read_depth();
    const at::Tensor depth =
        depth_THW_[static_cast<std::int64_t>(frame)].to(at::kFloat).contiguous();
    return {.depth_HW = depth.clamp_min(0), .valid_HW = depth > 0};
  }

 private:
  at::Tensor read_depth() const {
    const at::Tensor depth = io::read_npz(archive_, "disparity", [this](at::IntArrayRef shape) {
      const bool planes = shape.size() == 4 && shape[1] == 1;
      if ((shape.size() != 3 && !planes) || shape[0] != std::ssize(frames())) {
        throw DataError(archive_, concat("depth of shape ", shape, " for a video of ",
                                         frames().size(), " frames; wanted [T,1,H,W]"));
      }
      check_frame_pixels(shape.end()[-2] * shape.end()[-1], pixels_, archive_);
    });
    return depth.dim() == 4 ? depth.squeeze(1) : depth;
  }

  fs::path video_;
  std::int64_t pixels_;  ///< pixels of a frame of the video
  fs::path archive_;
  // Kept once read: one file holds all frames.
  mutable at::Tensor depth_THW_;
  mutable std::vector<io::Image8> pictures_;
};

}  // namespace

DataSet open_depthcrafter(const fs::path& root, const ReaderConfig& config) {
  TableFile table(root / "csv" / concat("meta_", config.set, ".csv"), TableFile::Separator::kComma,
                  16 << 20);
  const auto left = table.column("filepath_left"), disparity = table.column("filepath_disparity");
  DataSet data;
  const auto listed = [&](std::size_t column) {
    return listed_file(root / "datasets", table.text(column),
                       [&](std::string_view reason) { table.fail(reason); });
  };
  while (table.next()) {
    const fs::path video = listed(left), archive = listed(disparity);
    std::string name = video.stem().string();
    if (name.ends_with("_rgb_left")) name.resize(name.size() - std::string("_rgb_left").size());
    std::vector<std::string> frames;
    const io::VideoInfo info = io::probe_video(video);
    for (std::int64_t k = 0; k < info.frames; ++k) frames.push_back(std::to_string(k));
    data.sequences.push_back(std::make_unique<Benchmark>(
        name, std::move(frames), video, std::int64_t{info.height} * info.width, archive));
  }
  return data;
}

}  // namespace vdd::eval
