// SPDX-License-Identifier: Apache-2.0
// Virtual KITTI 2.0.3: SceneNN/<variant>/frames/{rgb/Camera_C/rgb_%05d.jpg,
// depth/Camera_C/depth_%05d.png} and, from the text download,
// SceneNN/<variant>/{intrinsic,extrinsic}.txt. Depth is planar, 16-bit, in centimetres; 65535 is
// the sky.
#include <algorithm>
#include <map>

#include "resample.h"
#include "source.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/data/tables.h"
#include "vdd/io/image.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kSky = 65535;

struct Cameras {
  std::map<FrameKey, Matrix3> intrinsics;
  std::map<FrameKey, Matrix4> extrinsics;
  fs::path intrinsics_file, extrinsics_file;
};

/// One camera of one variant of one scene.
struct VirtualKittiSequence {
  fs::path rgb = {}, depth = {};
  std::int64_t camera = 0;
  std::shared_ptr<const Cameras> cameras;
};

/// Turns world-to-camera into camera-to-world: [R^T | -R^T t].
Matrix4 inverse_rigid(const Matrix4& m) {
  Matrix4 inverse{};
  inverse[15] = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      inverse[4 * i + k] = m[4 * k + i];
      inverse[4 * i + 3] -= m[4 * k + i] * m[4 * k + 3];
    }
  }
  return inverse;
}

void fill_depth(const io::Image16& image, const Geometry& g, float* depth, bool* valid, bool* sky) {
  const auto rows = nearest_rows(g), columns = nearest_columns(g);
  for (const int row : rows) {
    const std::uint16_t* in = image.row(row);
    for (int x = 0; x < g.out_width; ++x) {
      const std::uint16_t centimetres = in[columns[static_cast<std::size_t>(x)]];
      depth[x] = static_cast<float>(centimetres) * 0.01f;
      sky[x] = centimetres == kSky;
      valid[x] = centimetres != kSky && centimetres != 0;
    }
    depth += g.out_width, valid += g.out_width, sky += g.out_width;
  }
}

class VirtualKitti : public Source {
 public:
  VirtualKitti(const SourceConfig& source, const DataConfig& config, Split split)
      : Source(source.root, config) {
    const Selection selection(source, config, split);
    for (const fs::path& tree : {root_, root_ / "rgb", root_ / "vkitti_2.0.3_rgb"}) {
      for (const auto& scene : list_folders(tree, "Scene??")) {
        for (const auto& variant : list_folders(tree / scene, "*"))
          add(tree, scene, variant, selection);
      }
      if (found_) break;
    }
    if (!found_) {
      throw DataError(root_,
                      "no SceneNN/<variant>/frames/rgb/ here, nor below rgb/ or vkitti_2.0.3_rgb/");
    }
    if (without_depth_ > 0) left_out_ = concat(without_depth_, " frames without depth");
  }

  bool has_depth() const override { return true; }
  bool has_poses() const override {
    return std::all_of(sequences_.begin(), sequences_.end(),
                       [](const auto& s) { return s.cameras != nullptr; });
  }

  std::vector<fs::path> rgb_files(const Run& run, std::int64_t number) const override {
    return {rgb_file(sequences_[index_of(run)], number)};
  }
  std::vector<fs::path> depth_files(const Run& run, std::int64_t number) const override {
    return {depth_file(sequences_[index_of(run)], number)};
  }

  std::vector<TaskGroup> read(const ClipPlan& plan, const ClipBuffers& out) const override {
    return {{plan.frames, [this, plan, out](std::int64_t i) { read_frame(plan, out, i); }}};
  }

 private:
  fs::path rgb_file(const VirtualKittiSequence& sequence, std::int64_t number) const {
    return sequence.rgb / concat("rgb_", padded(number, 5), ".jpg");
  }
  fs::path depth_file(const VirtualKittiSequence& sequence, std::int64_t number) const {
    return sequence.depth / concat("depth_", padded(number, 5), ".png");
  }

  void add(const fs::path& tree, const std::string& scene, const std::string& variant,
           const Selection& selection) {
    const fs::path base = fs::path(scene) / variant;
    std::shared_ptr<const Cameras> cameras;
    for (const auto& camera : list_folders(tree / base / "frames/rgb", "Camera_?")) {
      found_ = true;
      const std::string name = concat("vkitti2/", scene, '/', variant, '/', camera);
      if (!selection.takes(name)) continue;
      VirtualKittiSequence sequence{.rgb = tree / base / "frames/rgb" / camera,
                                    .camera = camera.back() - '0',
                                    .cameras = nullptr};
      auto numbers = list_numbers(sequence.rgb, "rgb_", ".jpg");
      if (!config_.rgb_only) {
        sequence.depth = find({"", "depth", "vkitti_2.0.3_depth"}, base / "frames/depth" / camera);
        numbers = with_depth(numbers, list_numbers(sequence.depth, "depth_", ".png"));
      }
      if (config_.poses) {
        if (!cameras) cameras = read_cameras(base);
        sequence.cameras = cameras;
      }
      append_runs(name, variant, numbers, config_, runs_);
      sequences_.resize(runs_.size(), sequence);
    }
  }

  std::vector<std::int64_t> with_depth(const std::vector<std::int64_t>& rgb,
                                       const std::vector<std::int64_t>& depth) {
    std::vector<std::int64_t> both;
    std::set_intersection(rgb.begin(), rgb.end(), depth.begin(), depth.end(),
                          std::back_inserter(both));
    without_depth_ += rgb.size() - both.size();
    return both;
  }

  /// Finds the first tree in which `inside` exists; the last place looked at if there is none.
  fs::path find(std::initializer_list<const char*> trees, const fs::path& inside) const {
    fs::path place;
    for (const char* tree : trees) {
      place = root_ / tree / inside;
      if (path_exists(place)) break;
    }
    return place;
  }

  /// Reads the tables of a sequence; null if the text download is not there.
  std::shared_ptr<const Cameras> read_cameras(const fs::path& base) const {
    const auto trees = {"", "textgt", "vkitti_2.0.3_textgt"};
    auto cameras = std::make_shared<Cameras>();
    cameras->intrinsics_file = find(trees, base / "intrinsic.txt");
    cameras->extrinsics_file = find(trees, base / "extrinsic.txt");
    if (!path_exists(cameras->intrinsics_file) || !path_exists(cameras->extrinsics_file))
      return nullptr;
    cameras->intrinsics = read_vkitti_intrinsics(cameras->intrinsics_file);
    cameras->extrinsics = read_vkitti_extrinsics(cameras->extrinsics_file);
    return cameras;
  }

  void read_frame(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i) const {
    const auto& sequence = sequences_[plan.run];
    const std::int64_t number = frame_number(plan, i);
    const io::Image8 rgb = io::read_rgb(rgb_file(sequence, number));
    const Geometry g = place(plan, out, i, rgb.height, rgb.width);
    resize_rgb(rgb, g, out.rgb + 3 * i * out.pixels());
    if (out.depth != nullptr) {
      const fs::path file = depth_file(sequence, number);
      const io::Image16 depth = io::read_png16(file);
      if (depth.height != rgb.height || depth.width != rgb.width) {
        throw DataError(file, concat("depth of ", depth.width, 'x', depth.height,
                                     " for a picture of ", rgb.width, 'x', rgb.height));
      }
      const std::int64_t at = i * out.pixels();
      fill_depth(depth, g, out.depth + at, out.valid + at, out.sky + at);
    }
    if (out.poses != nullptr)
      fill_cameras(sequence, g, number, out.intrinsics + 9 * i, out.poses + 16 * i);
  }

  void fill_cameras(const VirtualKittiSequence& sequence, const Geometry& g, std::int64_t number,
                    double* intrinsics, double* pose) const {
    const FrameKey key{number, sequence.camera};
    const auto row_of = [&](const auto& rows, const fs::path& file) {
      const auto found = rows.find(key);
      if (found == rows.end())
        throw DataError(file, concat("no row for frame ", key.first, " of camera ", key.second));
      return found->second;
    };
    transform_intrinsics(
        g, row_of(sequence.cameras->intrinsics, sequence.cameras->intrinsics_file).data(),
        intrinsics);
    transform_pose(
        g,
        inverse_rigid(row_of(sequence.cameras->extrinsics, sequence.cameras->extrinsics_file))
            .data(),
        pose);
  }

  std::vector<VirtualKittiSequence> sequences_;  // one a run
  std::size_t without_depth_ = 0;
  bool found_ = false;
};

}  // namespace

std::unique_ptr<Source> open_virtual_kitti(const SourceConfig& source, const DataConfig& config,
                                           Split split) {
  return std::make_unique<VirtualKitti>(source, config, split);
}

}  // namespace vdd::data
