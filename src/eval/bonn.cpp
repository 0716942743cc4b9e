// SPDX-License-Identifier: Apache-2.0
// Bonn RGB-D Dynamic: rgbd_bonn_<name>/{rgb,depth}/<stamp>.png with rgb.txt, depth.txt and
// groundtruth.txt (time stamp, place, quaternion of a marker body in a ROS frame).
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

constexpr double kBonnPerMetre = 5000;
constexpr double kLargestGap = 0.02;                 // seconds between a picture and its depth
constexpr std::int64_t kHeight = 480, kWidth = 640;  // of the published intrinsics

struct Stamped {
  double time = 0;
  std::string name;  // the time stamp as text, which is the name of the file
};

std::vector<Stamped> list_stamps(const fs::path& folder) {
  std::vector<Stamped> all;
  for (const std::string& name : names_in(folder, "", ".png")) {
    const auto time = parse_double(name);
    if (!time) throw DataError(folder / (name + ".png"), "the name is no time stamp");
    all.push_back({*time, name});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  return all;
}

/// Returns the index of the nearest of sorted times.
template <typename T, typename Time>
std::size_t nearest(const std::vector<T>& sorted, double time, const Time& time_of) {
  const auto after = std::lower_bound(sorted.begin(), sorted.end(), time,
                                      [&](const T& a, double t) { return time_of(a) < t; });
  const auto i = static_cast<std::size_t>(after - sorted.begin());
  if (i == sorted.size()) return i - 1;
  if (i > 0 && time - time_of(sorted[i - 1]) <= time_of(sorted[i]) - time) return i - 1;
  return i;
}

at::Tensor matrix(std::initializer_list<double> rows) {
  return at::tensor(std::vector<double>(rows), at::kDouble).reshape({4, 4});
}

/// Turns the marker's pose into the colour camera's, by the calibration that comes with the data.
at::Tensor camera_pose(const std::vector<double>& row) {
  const double x = row[4], y = row[5], z = row[6], w = row[7];
  const double n = 2 / (x * x + y * y + z * z + w * w);
  const at::Tensor marker =
      matrix({1 - n * (y * y + z * z), n * (x * y - z * w), n * (x * z + y * w), row[1],  //
              n * (x * y + z * w), 1 - n * (x * x + z * z), n * (y * z - x * w), row[2],  //
              n * (x * z - y * w), n * (y * z + x * w), 1 - n * (x * x + y * y), row[3],  //
              0, 0, 0, 1});
  static const at::Tensor ros = matrix({-1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1});
  static const at::Tensor mount = matrix({1.0157, .1828, -.2389, .0113, .0009, -.8431, -.6413,
                                          -.0098, -.3009, .6147, -.8085, .0111, 0, 0, 0, 1});
  return ros.matmul(marker).matmul(ros).matmul(mount);
}

class Bonn : public Sequence {
 public:
  Bonn(const std::string& name, std::vector<std::string> frames, std::vector<Stamped> depths,
       std::vector<double> times, fs::path folder)
      : Sequence(name, std::move(frames)),
        depths_(std::move(depths)),
        times_(std::move(times)),
        folder_(std::move(folder)) {}

  at::Tensor rgb_HW3(std::size_t frame) const override {
    return to_tensor(io::read_rgb(folder_ / "rgb" / (frames()[frame] + ".png")));
  }
  TrueDepth depth(std::size_t frame) const override {
    return depth_of(io::read_png16(depth_file(frame)), kBonnPerMetre);
  }
  Camera camera(std::size_t frame) const override {
    const fs::path file = folder_ / "groundtruth.txt";
    if (track_.empty()) track_ = read_track(file);
    const auto& row = track_[nearest(track_, times_[frame], [](const auto& r) { return r[0]; })];
    const io::Image16 stored = io::read_png16(depth_file(frame));
    const at::Tensor published = pinhole(542.822841, 542.576870, 315.593520, 237.756098);
    return {
        .intrinsics_33 = scaled_intrinsics(published, static_cast<double>(stored.width) / kWidth,
                                           static_cast<double>(stored.height) / kHeight),
        .cam_to_world_44 = camera_pose(row)};
  }

 private:
  fs::path depth_file(std::size_t frame) const {
    return folder_ / "depth" / (depths_[frame].name + ".png");
  }
  static std::vector<std::vector<double>> read_track(const fs::path& file) {
    auto rows = read_rows(file);
    for (const auto& row : rows) {
      if (row.size() != 8) throw DataError(file, "wanted 8 numbers a row");
    }
    if (rows.empty()) throw DataError(file, "no rows");
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::vector<Stamped> depths_;
  std::vector<double> times_;
  fs::path folder_;
  mutable std::vector<std::vector<double>> track_;
};

}  // namespace

DataSet open_bonn(const fs::path& root, const ReaderConfig& config) {
  const fs::path place = names_in(root, "rgbd_bonn_", "").empty() ||
                                 !names_in(root / "rgbd_bonn_dataset", "rgbd_bonn_", "").empty()
                             ? root / "rgbd_bonn_dataset"
                             : root;
  DataSet data;
  for (const std::string& part : names_in(place, "rgbd_bonn_", "")) {
    const std::string name = "rgbd_bonn_" + part;
    const auto rgb = list_stamps(place / name / "rgb"), depth = list_stamps(place / name / "depth");
    if (rgb.empty() || depth.empty()) continue;
    std::vector<std::string> frames;
    std::vector<Stamped> depths;
    std::vector<double> times;
    for (std::size_t i = 0; i < rgb.size(); ++i) {
      std::size_t match = i;
      if (config.pairing == BonnPairing::kStamp) {
        match = nearest(depth, rgb[i].time, [](const Stamped& s) { return s.time; });
        if (std::abs(depth[match].time - rgb[i].time) > kLargestGap) continue;
      } else if (i >= depth.size()) {
        break;
      }
      frames.push_back(rgb[i].name);
      depths.push_back(depth[match]);
      times.push_back(depth[match].time);
    }
    if (frames.size() < rgb.size()) {
      data.left_out.push_back(
          concat(name, ": ", rgb.size() - frames.size(), " pictures without depth"));
    }
    if (!frames.empty()) {
      data.sequences.push_back(std::make_unique<Bonn>(name, std::move(frames), std::move(depths),
                                                      std::move(times), place / name));
    }
  }
  return data;
}

}  // namespace vdd::eval
