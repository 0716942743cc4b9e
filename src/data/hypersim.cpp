// SPDX-License-Identifier: Apache-2.0
// Hypersim:
// scenes/ai_VVV_NNN/images/scene_cam_XX_{final_hdf5,geometry_hdf5,final_preview}/frame.IIII.*, one
// array "dataset" a file. Colour is linear; depth_meters is the Euclidean distance from the camera,
// NaN where there is nothing.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "hypersim_tone.h"
#include "resample.h"
#include "source.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/data/tables.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

constexpr float kNearest = 1e-3f, kFarthest = 65;  // metres; what published work takes as valid

// Scenes (or "scene/camera") whose rendering is known to be broken: ml-hypersim issue 22 and the
// lists of its users.
const std::set<std::string> kBroken = {
    "ai_003_001/cam_00", "ai_004_009/cam_01", "ai_012_007", "ai_013_001", "ai_015_006",
    "ai_023_004",        "ai_023_006",        "ai_023_008", "ai_023_009", "ai_026_013",
    "ai_026_018",        "ai_026_020",        "ai_038_007", "ai_046_001", "ai_046_009",
    "ai_048_004",        "ai_053_005",
};

struct HypersimSequence {
  fs::path color = {}, geometry = {}, preview = {};
  bool has_entity_ids = false;
  const HypersimCamera* camera = nullptr;
  at::Tensor orientations_N33 = {}, positions_N3 = {};  // undefined unless poses are wanted
};

io::Region region_of(const Window& w) {
  return {w.top, w.bottom, w.left, w.right};
}

/// Throws DataError unless `shape` is that of a picture, not larger than anything sensible.
void check_sides(const fs::path& file, at::IntArrayRef shape, std::size_t rank) {
  if (shape.size() != rank || shape[0] > kMaxSide || shape[1] > kMaxSide ||
      (rank == 3 && shape[2] != 3)) {
    throw DataError(file, concat("array of shape ", shape, "; wanted a picture",
                                 rank == 3 ? " of 3 channels" : ""));
  }
}

/// From distance along the ray to depth along the axis: -r_z / |r| with r = M (u, v, 1), for a
/// whole picture, so for any lens.
class RayScale {
 public:
  RayScale(const Matrix3& camera_from_uv, const Geometry& g, const std::vector<int>& columns)
      : m_(camera_from_uv), height_(g.in_height) {
    for (const int column : columns) {
      const double u = 2 * (column + 0.5) / g.in_width - 1;
      for (std::size_t k = 0; k < 3; ++k)
        by_column_[k].push_back(static_cast<float>(m_[3 * k] * u));
    }
  }

  /// Turns a row of distances into depth.
  void apply(int row, float* distances) const {
    const double v = 1 - 2 * (row + 0.5) / height_;
    float base[3];
    for (std::size_t k = 0; k < 3; ++k)
      base[k] = static_cast<float>(m_[3 * k + 1] * v + m_[3 * k + 2]);
    const float *xs = by_column_[0].data(), *ys = by_column_[1].data(), *zs = by_column_[2].data();
    for (std::size_t i = 0; i < by_column_[0].size(); ++i) {
      const float x = xs[i] + base[0], y = ys[i] + base[1], z = zs[i] + base[2];
      distances[i] *= -z / std::sqrt(x * x + y * y + z * z);
    }
  }

 private:
  Matrix3 m_;
  int height_;
  std::array<std::vector<float>, 3> by_column_;
};

/// Returns K with pixel ~ K X for camera axes x right, y down, z forward: the inverse of
/// diag(1,-1,-1) M A, with A from pixel to (u, v, 1).
Matrix3 intrinsics_of(const Matrix3& m, int height, int width) {
  Matrix3 ray{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double sign = i == 0 ? 1 : -1;
    ray[3 * i] = sign * m[3 * i] * 2 / width;
    ray[3 * i + 1] = -sign * m[3 * i + 1] * 2 / height;
    ray[3 * i + 2] =
        sign * (m[3 * i] * (1.0 / width - 1) + m[3 * i + 1] * (1 - 1.0 / height) + m[3 * i + 2]);
  }
  const auto minor = [&](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    return ray[a] * ray[d] - ray[b] * ray[c];
  };
  Matrix3 k = {minor(4, 5, 7, 8),  -minor(1, 2, 7, 8), minor(1, 2, 4, 5),   //
               -minor(3, 5, 6, 8), minor(0, 2, 6, 8),  -minor(0, 2, 3, 5),  //
               minor(3, 4, 6, 7),  -minor(0, 1, 6, 7), minor(0, 1, 3, 4)};
  const double scale = std::abs(k[8]) > 1e-12 ? 1 / k[8] : 1;
  for (double& value : k) value *= scale;
  return k;
}

class Hypersim : public Source {
 public:
  Hypersim(const SourceConfig& source, const DataConfig& config, Split split)
      : Source(source.root, config), from_preview_(source.rgb == HypersimRgb::kTonemapJpg) {
    const fs::path scenes = find({"evermotion_dataset/scenes", "scenes", "."}, "ai_*");
    if (scenes.empty())
      throw DataError(root_, "no ai_*/ here, nor below scenes/ or evermotion_dataset/scenes/");
    const fs::path table = first_file({"evermotion_dataset/analysis", "analysis", "."},
                                      "metadata_images_split_scene_v1.csv");
    if (!table.empty()) {
      split_ = read_hypersim_split(table);
      tables_.push_back(table);
    }
    if (!config_.rgb_only || config_.poses) {
      const std::string name = "metadata_camera_parameters.csv";
      const fs::path cameras =
          first_file({"contrib/mikeroberts3000", "evermotion_dataset/analysis", "."}, name);
      if (cameras.empty())
        throw DataError(root_, concat(name,
                                      " is in none of contrib/mikeroberts3000/, "
                                      "evermotion_dataset/analysis/, ./; depth needs it"));
      cameras_ = read_hypersim_cameras(cameras);
      tables_.push_back(cameras);
    }
    const Selection selection(source, config, split);
    for (const auto& scene : list_folders(scenes, "ai_*")) {
      for (const auto& folder : list_folders(scenes / scene / "images", "scene_cam_*_final_*")) {
        const std::string camera = folder.substr(6, folder.find("_final_") - 6);
        if (folder.ends_with(from_preview_ ? "_final_preview" : "_final_hdf5"))
          add(scenes / scene, scene, camera, selection);
      }
    }
    if (broken_ > 0) left_out_ = concat(broken_, " trajectories known to be broken");
    if (incomplete_ > 0)
      left_out_ +=
          concat(left_out_.empty() ? "" : ", ", incomplete_, " frames without all their files");
    if (split_.empty())
      left_out_ +=
          concat(left_out_.empty() ? "" : ", ", "no split csv: every scene counts as train");
  }

  bool has_depth() const override { return true; }
  bool has_poses() const override { return true; }

  std::vector<fs::path> rgb_files(const Run& run, std::int64_t number) const override {
    const auto& sequence = sequences_[index_of(run)];
    if (from_preview_) return {preview_file(sequence, number)};
    std::vector<fs::path> files = {color_file(sequence, number)};
    if (sequence.has_entity_ids)
      files.push_back(geometry_file(sequence, number, "render_entity_id"));
    return files;
  }
  std::vector<fs::path> depth_files(const Run& run, std::int64_t number) const override {
    const auto& sequence = sequences_[index_of(run)];
    return {geometry_file(sequence, number, "depth_meters")};
  }

  std::vector<TaskGroup> read(const ClipPlan& plan, const ClipBuffers& out) const override {
    if (from_preview_) {
      return {{plan.frames, [this, plan, out](std::int64_t i) { read_preview(plan, out, i); }}};
    }
    // One exposure for the clip: first every frame's brightness, then the pictures.
    auto frames = std::make_shared<std::vector<LinearFrame>>(static_cast<std::size_t>(plan.frames));
    auto tone = std::make_shared<ToneMap>();
    const auto decode = [this, plan, out, frames](std::int64_t i) {
      (*frames)[static_cast<std::size_t>(i)] = read_linear(plan, out, i);
    };
    const auto expose = [frames, tone] {
      Brightness pooled;
      for (const auto& frame : *frames) pooled.add(frame.brightness);
      *tone = ToneMap(pooled.exposure());
    };
    const auto develop = [plan, out, frames, tone](std::int64_t i) {
      auto& frame = (*frames)[static_cast<std::size_t>(i)];
      const io::Image8 picture = tone->apply(frame.color_CHW);
      resize_rgb(picture, frame.geometry, out.rgb + 3 * i * out.pixels(), frame.window.top,
                 frame.window.left);
      frame = {};
    };
    return {{plan.frames, decode, expose}, {plan.frames, develop}};
  }

 private:
  struct LinearFrame {
    at::Tensor color_CHW;  // halves, the window of the stored picture that the clip needs
    Geometry geometry;
    Window window;
    Brightness brightness;
  };

  fs::path find(std::initializer_list<const char*> places, const std::string& pattern) const {
    for (const char* place : places) {
      if (!list_folders(root_ / place, pattern).empty()) return root_ / place;
    }
    return {};
  }
  fs::path first_file(std::initializer_list<const char*> places, const std::string& name) const {
    for (const char* place : places) {
      if (path_exists(root_ / place / name)) return root_ / place / name;
    }
    return {};
  }

  static fs::path color_file(const HypersimSequence& s, std::int64_t number) {
    return s.color / concat("frame.", padded(number, 4), ".color.hdf5");
  }
  static fs::path preview_file(const HypersimSequence& s, std::int64_t number) {
    return s.preview / concat("frame.", padded(number, 4), ".tonemap.jpg");
  }
  static fs::path geometry_file(const HypersimSequence& s, std::int64_t number, const char* kind) {
    return s.geometry / concat("frame.", padded(number, 4), '.', kind, ".hdf5");
  }

  void add(const fs::path& folder, const std::string& scene, const std::string& camera,
           const Selection& selection) {
    const std::string key = concat(scene, '/', camera), name = concat("hypersim/", key);
    const auto rows = split_.find(key);
    if (!split_.empty() && rows == split_.end()) return;
    const std::string partition = rows == split_.end() ? "train" : partition_of(rows->second);
    const bool known = partition == "train" || partition == "val";
    if (!known && selection.split() != Split::kAll) return;
    if (!selection.takes(name, partition == "val")) return;
    if (kBroken.contains(scene) || kBroken.contains(key)) {
      ++broken_;
      return;
    }
    const auto images = [&](const char* kind) {
      return folder / "images" / concat("scene_", camera, kind);
    };
    HypersimSequence sequence{.color = images("_final_hdf5"),
                              .geometry = images("_geometry_hdf5"),
                              .preview = images("_final_preview"),
                              .orientations_N33 = {},
                              .positions_N3 = {}};
    auto numbers = from_preview_ ? list_numbers(sequence.preview, "frame.", ".tonemap.jpg")
                                 : list_numbers(sequence.color, "frame.", ".color.hdf5");
    const auto present = numbers.size();
    const auto keep_common = [&](const std::vector<std::int64_t>& other) {
      std::vector<std::int64_t> both;
      std::set_intersection(numbers.begin(), numbers.end(), other.begin(), other.end(),
                            std::back_inserter(both));
      numbers = std::move(both);
    };
    if (rows != split_.end()) {
      std::erase_if(numbers, [&](std::int64_t n) {
        const auto row = rows->second.find(n);
        return row == rows->second.end() || !row->second.released;
      });
    }
    if (!from_preview_) {
      const auto ids = list_numbers(sequence.geometry, "frame.", ".render_entity_id.hdf5");
      sequence.has_entity_ids = !ids.empty();
      if (sequence.has_entity_ids) keep_common(ids);
    }
    if (!config_.rgb_only)
      keep_common(list_numbers(sequence.geometry, "frame.", ".depth_meters.hdf5"));
    incomplete_ += present - numbers.size();

    if (!cameras_.empty()) {
      const auto found = cameras_.find(scene);
      if (found == cameras_.end())
        throw DataError(folder, "scene is not in metadata_camera_parameters.csv");
      sequence.camera = &found->second;
    }
    if (config_.poses) {
      const fs::path detail = folder / "_detail" / camera;
      sequence.orientations_N33 = io::read_hdf5(detail / "camera_keyframe_orientations.hdf5",
                                                {.dtype = at::kDouble, .shape = {-1, 3, 3}});
      sequence.positions_N3 = io::read_hdf5(detail / "camera_keyframe_positions.hdf5",
                                            {.dtype = at::kDouble, .shape = {-1, 3}});
    }
    append_runs(name, "", numbers, config_, runs_);
    sequences_.resize(runs_.size(), sequence);
  }

  static std::string partition_of(const std::map<std::int64_t, HypersimImage>& rows) {
    for (const auto& [number, row] : rows) {
      if (row.released) return row.partition;
    }
    return "";
  }

  void read_preview(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i) const {
    const auto& sequence = sequences_[plan.run];
    const fs::path file = preview_file(sequence, frame_number(plan, i));
    const io::Image8 rgb = io::read_rgb(file);
    if (std::all_of(rgb.pixels.get(), rgb.pixels.get() + rgb.size(),
                    [](std::uint8_t v) { return v == 0; }))
      throw DataError(file, "the picture is black everywhere");
    const Geometry g = place(plan, out, i, rgb.height, rgb.width);
    resize_rgb(rgb, g, out.rgb + 3 * i * out.pixels());
    read_geometry(plan, out, i, g);
  }

  LinearFrame read_linear(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i) const {
    const auto& sequence = sequences_[plan.run];
    const std::int64_t number = frame_number(plan, i);
    const fs::path file = color_file(sequence, number);
    const at::Tensor color = io::read_hdf5(file, {.dtype = at::kHalf,
                                                  .region =
                                                      [&](at::IntArrayRef shape) {
                                                        check_sides(file, shape, 3);
                                                        return io::Region{0, shape[0], 0, shape[1]};
                                                      },
                                                  .channels_first = true});
    const auto height = color.size(1), width = color.size(2);
    at::Tensor ids;
    if (sequence.has_entity_ids) {
      ids = io::read_hdf5(geometry_file(sequence, number, "render_entity_id"),
                          {.dtype = at::kShort, .shape = {height, width}});
    }
    LinearFrame frame;
    frame.brightness.measure(color, ids);
    if (frame.brightness.black()) throw DataError(file, "the picture is black everywhere");
    frame.geometry = place(plan, out, i, height, width);
    const Window w = frame.window = stored_window(frame.geometry);
    frame.color_CHW = color.slice(1, w.top, w.bottom).slice(2, w.left, w.right);
    const bool whole = w.bottom - w.top == height && w.right - w.left == width;
    if (!whole) frame.color_CHW = frame.color_CHW.contiguous();
    read_geometry(plan, out, i, frame.geometry);
    return frame;
  }

  void read_geometry(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i,
                     const Geometry& g) const {
    const auto& sequence = sequences_[plan.run];
    const std::int64_t number = frame_number(plan, i), at = i * out.pixels();
    if (out.depth != nullptr) {
      fill_depth(geometry_file(sequence, number, "depth_meters"), *sequence.camera, g,
                 out.depth + at, out.valid + at);
      std::fill_n(out.sky + at, out.pixels(), false);
    }
    if (out.poses != nullptr) {
      transform_intrinsics(
          g, intrinsics_of(sequence.camera->camera_from_uv, g.in_height, g.in_width).data(),
          out.intrinsics + 9 * i);
      transform_pose(g, pose_of(sequence, number).data(), out.poses + 16 * i);
    }
  }

  static void fill_depth(const fs::path& file, const HypersimCamera& camera, const Geometry& g,
                         float* depth, bool* valid) {
    const auto rows = nearest_rows(g), columns = nearest_columns(g);
    const Window window{rows.front(), rows.back() + 1,
                        *std::min_element(columns.begin(), columns.end()),
                        *std::max_element(columns.begin(), columns.end()) + 1};
    const at::Tensor stored =
        io::read_hdf5(file, {.dtype = at::kFloat,
                             .shape = {g.in_height, g.in_width},
                             .region = [&](at::IntArrayRef) { return region_of(window); }});
    const RayScale scale(camera.camera_from_uv, g, columns);
    for (const int row : rows) {
      const float* in =
          stored.const_data_ptr<float>() +
          static_cast<std::ptrdiff_t>(row - window.top) * (window.right - window.left);
      for (std::size_t x = 0; x < columns.size(); ++x) depth[x] = in[columns[x] - window.left];
      scale.apply(row, depth);
      for (int x = 0; x < g.out_width; ++x) {
        const bool good = depth[x] > kNearest && depth[x] < kFarthest;  // false for NaN
        valid[x] = good;
        depth[x] = good ? depth[x] : 0;
      }
      depth += g.out_width, valid += g.out_width;
    }
  }

  /// Returns the pose, camera-to-world in metres, OpenGL's camera axes turned to x right, y down, z
  /// forward.
  static Matrix4 pose_of(const HypersimSequence& sequence, std::int64_t number) {
    if (number >= sequence.orientations_N33.size(0) || number >= sequence.positions_N3.size(0)) {
      throw DataError(sequence.geometry, concat("no camera pose for frame ", number));
    }
    const double* r = sequence.orientations_N33.const_data_ptr<double>() + 9 * number;
    const double* t = sequence.positions_N3.const_data_ptr<double>() + 3 * number;
    Matrix4 pose{};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) pose[4 * i + k] = k == 0 ? r[3 * i] : -r[3 * i + k];
      pose[4 * i + 3] = t[i] * sequence.camera->meters_per_asset_unit;
    }
    pose[15] = 1;
    return pose;
  }

  const bool from_preview_;
  std::map<std::string, std::map<std::int64_t, HypersimImage>> split_;
  std::map<std::string, HypersimCamera> cameras_;
  std::vector<HypersimSequence> sequences_;  // one a run
  std::size_t broken_ = 0, incomplete_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_hypersim(const SourceConfig& source, const DataConfig& config,
                                      Split split) {
  return std::make_unique<Hypersim>(source, config, split);
}

}  // namespace vdd::data
