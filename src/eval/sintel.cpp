// SPDX-License-Identifier: Apache-2.0
// MPI Sintel: training/{clean,final,depth,camdata_left}/<sequence>/frame_NNNN.*
#include <ATen/ATen.h>

#include <cstring>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd::eval {
namespace {

constexpr float kSky = 1e4f;        // metres; from here on it is background
constexpr float kTag = 202021.25f;  // both file kinds start with it
constexpr std::size_t kCameraBytes = sizeof(float) + 21 * sizeof(double);

class Sintel : public Sequence {
 public:
  Sintel(const std::string& name, std::vector<std::string> frames, fs::path training,
         std::string pass)
      : Sequence(name, std::move(frames)), training_(std::move(training)), pass_(std::move(pass)) {}

  at::Tensor rgb_HW3(std::size_t frame) const override {
    return to_tensor(io::read_rgb(file(pass_, frame, ".png")));
  }
  TrueDepth depth(std::size_t frame) const override {
    const io::Image<float> stored = io::read_dpt(file("depth", frame, ".dpt"));
    TrueDepth depth;
    depth.depth_HW = at::empty({stored.height, stored.width}, at::kFloat);
    std::memcpy(depth.depth_HW.mutable_data_ptr<float>(), stored.pixels.get(),
                stored.size() * sizeof(float));
    depth.valid_HW = (depth.depth_HW > 0) & (depth.depth_HW < kSky);
    return depth;
  }
  Camera camera(std::size_t frame) const override {
    const fs::path path = file("camdata_left", frame, ".cam");
    const std::string bytes = read_file(path, kCameraBytes);
    float tag = 0;
    if (bytes.size() == kCameraBytes) std::memcpy(&tag, bytes.data(), sizeof tag);
    if (tag != kTag) throw DataError(path, "is no Sintel camera: tag 202021.25 and 21 numbers");
    at::Tensor numbers = at::empty({21}, at::kDouble);
    std::memcpy(numbers.mutable_data_ptr<double>(), bytes.data() + sizeof tag, 21 * sizeof(double));
    at::Tensor world_to_cam = at::eye(4, at::kDouble);
    world_to_cam.slice(0, 0, 3).copy_(numbers.slice(0, 9).reshape({3, 4}));
    return {.intrinsics_33 = numbers.slice(0, 0, 9).reshape({3, 3}),
            .cam_to_world_44 = at::linalg_inv(world_to_cam)};
  }

 private:
  fs::path file(const std::string& kind, std::size_t frame, const char* suffix) const {
    return training_ / kind / name() / (frames()[frame] + suffix);
  }

  fs::path training_;
  std::string pass_;
};

}  // namespace

DataSet open_sintel(const fs::path& root, const ReaderConfig& config) {
  const fs::path training = find_below(root, {"training/depth", "depth"}).parent_path();
  if (training.empty()) throw DataError(root, "no training/depth/ here");
  DataSet data;
  for (const std::string& name : names_in(training / "depth", "", "")) {
    auto frames = names_in(training / "depth" / name, "", ".dpt");
    if (!frames.empty()) {
      data.sequences.push_back(std::make_unique<Sintel>(name, std::move(frames), training,
                                                        std::string(to_name(config.pass))));
    }
  }
  return data;
}

}  // namespace vdd::eval
