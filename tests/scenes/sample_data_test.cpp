// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/sample_data.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"
#include "vdd/scenes/geometry.h"

namespace vdd::scenes {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

constexpr SampleDataConfig kSmall{
    .seed = 5, .sequences = 6, .frames = 3, .height = 64, .width = 96};
constexpr Mat3 kFlip{{Vec3{1, 0, 0}, Vec3{0, -1, 0}, Vec3{0, 0, -1}}};

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      out[fs::relative(entry.path(), folder).string()] = read_file(entry.path(), 1 << 24);
  }
  return out;
}

std::vector<std::vector<std::string>> table(const fs::path& path, char separator) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : split(read_file(path, 1 << 24), '\n')) {
    if (!line.empty()) rows.push_back(split(line, separator));
  }
  return rows;
}

/// Depth along the axis and how the camera sees: rays are ray_from_uv (u, v, 1), axes x right, y
/// up, looking along -z.
struct View {
  int height, width;
  std::vector<double> depth;  // NaN where there is none
  Mat3 ray_from_uv;
  Pose world_from_camera;
};

/// Every pixel of `a` carried into `b`: the relative difference to the inverse depth interpolated
/// there.
std::vector<double> reprojection_errors(const View& a, const View& b) {
  std::vector<double> errors;
  const double w = a.width, h = a.height;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      const double z = a.depth[y * a.width + x];
      if (std::isnan(z)) continue;
      const Vec3 ray = a.ray_from_uv * Vec3{2 * (x + 0.5) / w - 1, 1 - 2 * (y + 0.5) / h, 1};
      const Vec3 in_b = inverse(b.world_from_camera) * (a.world_from_camera * (ray * (z / -ray.z)));
      if (in_b.z >= 0) continue;
      const Vec3 uv = inverse(b.ray_from_uv) * in_b;
      const double px = (uv.x / uv.z + 1) * w / 2 - 0.5, py = (1 - uv.y / uv.z) * h / 2 - 0.5;
      if (!(px >= 0 && py >= 0 && px < w - 1 && py < h - 1)) continue;
      const int x0 = static_cast<int>(px), y0 = static_cast<int>(py);
      const auto at = [&](int dx, int dy) { return 1 / b.depth[(y0 + dy) * b.width + x0 + dx]; };
      const double tx = px - x0, ty = py - y0;
      const double inverse_depth =
          mix(mix(at(0, 0), at(1, 0), tx), mix(at(0, 1), at(1, 1), tx), ty);
      if (!std::isnan(inverse_depth)) errors.push_back(std::abs(inverse_depth * -in_b.z - 1));
    }
  }
  return errors;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

std::vector<View> read_virtual_kitti(const fs::path& folder) {
  std::vector<View> views;
  const auto intrinsics = table(folder / "intrinsic.txt", ' '),
             extrinsics = table(folder / "extrinsic.txt", ' ');
  for (std::int64_t frame = 0; frame < kSmall.frames; ++frame) {
    const auto number = [](const std::string& text) { return parse_double(text).value(); };
    const auto& k = intrinsics.at(1 + 2 * frame);
    const auto& e = extrinsics.at(1 + 2 * frame);
    EXPECT_EQ(k[0] + k[1], std::to_string(frame) + "0");
    EXPECT_EQ(e[0] + e[1], std::to_string(frame) + "0");
    const double fx = number(k[2]), fy = number(k[3]), cx = number(k[4]), cy = number(k[5]);
    const double w = kSmall.width / 2.0, h = kSmall.height / 2.0;
    View view{kSmall.height, kSmall.width, {}, {}, {}};
    view.ray_from_uv = {{Vec3{w / fx, 0, (w - 0.5 - cx) / fx}, Vec3{0, h / fy, (cy + 0.5 - h) / fy},
                         Vec3{0, 0, -1}}};
    Pose camera_from_world;
    for (int i = 0; i < 3; ++i) {
      camera_from_world.rotation.rows[i] = {number(e[2 + 4 * i]), number(e[3 + 4 * i]),
                                            number(e[4 + 4 * i])};
      camera_from_world.translation[i] = number(e[5 + 4 * i]);
    }
    view.world_from_camera = inverse(camera_from_world) * Pose{kFlip, {}};
    const io::Image16 depth =
        io::read_png16(folder / "frames/depth/Camera_0" / concat("depth_0000", frame, ".png"));
    for (std::size_t i = 0; i < depth.size(); ++i) {
      view.depth.push_back(depth.pixels[i] == 65535 ? NAN : depth.pixels[i] / 100.0);
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<View> read_hypersim(const fs::path& root, const std::string& scene,
                                const std::string& camera, bool planar = true) {
  const fs::path folder = root / "evermotion_dataset/scenes" / scene;
  const auto cameras = table(root / "contrib/mikeroberts3000/metadata_camera_parameters.csv", ',');
  Mat3 m;
  for (const auto& row : cameras) {
    if (row[0] != scene) continue;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string& name = cameras[0].at(i);
      if (name.starts_with("M_cam_from_uv_"))
        m.rows[name[14] - '0'][name[15] - '0'] = parse_double(row[i]).value();
    }
  }
  const double unit =
      parse_double(table(folder / "_detail/metadata_scene.csv", ',').at(1).at(1)).value();
  const at::Tensor turns = io::read_hdf5(folder / "_detail" / camera /
                                         "camera_keyframe_orientations.hdf5"),
                   places = io::read_hdf5(folder / "_detail" / camera /
                                          "camera_keyframe_positions.hdf5");
  std::vector<View> views;
  for (std::int64_t frame = 0; frame < kSmall.frames; ++frame) {
    View view{kSmall.height, kSmall.width, {}, m, {}};
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j)
        view.world_from_camera.rotation.rows[i][j] = turns[frame][i][j].item<double>();
      view.world_from_camera.translation[i] = places[frame][i].item<double>() * unit;
    }
    const at::Tensor distance =
        io::read_hdf5(folder / "images" / concat("scene_", camera, "_geometry_hdf5") /
                          concat("frame.000", frame, ".depth_meters.hdf5"),
                      {.dtype = at::kHalf, .shape = {kSmall.height, kSmall.width}})
            .to(at::kDouble);
    for (int y = 0; y < view.height; ++y) {
      for (int x = 0; x < view.width; ++x) {
        const Vec3 ray =
            m * Vec3{2 * (x + 0.5) / view.width - 1, 1 - 2 * (y + 0.5) / view.height, 1};
        const double d = distance[y][x].item<double>();
        view.depth.push_back(planar ? d * -ray.z / length(ray) : d);
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

class SampleData : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    write_sample_data(root(), kSmall);
  }
  static void TearDownTestSuite() { delete folder_; }
  static fs::path root() { return *folder_ / "data"; }
  static inline TempDir* folder_ = nullptr;
};

TEST_F(SampleData, HasThePublishedTrees) {
  const auto files = contents(root());
  for (const char* name :
       {"vkitti2/Scene02/clone/frames/rgb/Camera_0/rgb_00002.jpg",
        "vkitti2/Scene02/clone/frames/depth/Camera_0/depth_00000.png",
        "vkitti2/Scene01/morning/intrinsic.txt", "vkitti2/Scene06/rain/extrinsic.txt",
        "vkitti2/Scene06/rain/pose.txt", "vkitti2/Scene06/rain/info.txt",
        "hypersim/evermotion_dataset/scenes/ai_001_001/images/scene_cam_00_final_hdf5/"
        "frame.0002.color.hdf5",
        "hypersim/evermotion_dataset/scenes/ai_001_001/images/scene_cam_01_geometry_hdf5/"
        "frame.0001.render_entity_id.hdf5",
        "hypersim/evermotion_dataset/scenes/ai_001_002/images/scene_cam_00_final_preview/"
        "frame.0000.tonemap.jpg",
        "hypersim/evermotion_dataset/scenes/ai_001_002/_detail/metadata_cameras.csv",
        "hypersim/evermotion_dataset/analysis/metadata_images_split_scene_v1.csv"}) {
    EXPECT_TRUE(files.contains(name)) << name;
  }
  // 3 streets of 3 frames and 4 text files; 3 trajectories of 3 frames and 2 files, 2 scenes of 2
  // tables, 2 tables; and what was rendered.
  EXPECT_EQ(files.size(), 3 * (2 * 3 + 4) + 3 * (4 * 3 + 2) + 2 * 2 + 2 + 1);
  EXPECT_EQ(files.at("sample_data.json"),
            "{\"version\": \"" + version() +
                "\", \"seed\": 5, \"sequences\": 6, \"frames\": 3, \"height\": 64, \"width\": 96, "
                "\"all_train\": false}\n");
}

TEST_F(SampleData, SplitTableNamesEveryFrame) {
  const auto rows = table(
      root() / "hypersim/evermotion_dataset/analysis/metadata_images_split_scene_v1.csv", ',');
  ASSERT_EQ(rows.size(), 1 + 3 * 3);
  EXPECT_EQ(join(rows[1], ","), "ai_001_001,cam_00,0,True,,train");
  EXPECT_EQ(join(rows[9], ","), "ai_001_002,cam_00,2,True,,val");
}

TEST_F(SampleData, AllRoomsCanBeForTraining) {
  const TempDir other;
  SampleDataConfig config = kSmall;
  config.all_train = true;
  write_sample_data(other / "data", config);
  auto wanted = contents(root());
  std::string& rows =
      wanted.at("hypersim/evermotion_dataset/analysis/metadata_images_split_scene_v1.csv");
  ASSERT_NE(rows.find(",val\n"), std::string::npos);
  for (std::size_t at; (at = rows.find(",val\n")) != std::string::npos;)
    rows.replace(at, 4, ",train");
  std::string& marker = wanted.at("sample_data.json");
  marker.replace(marker.find("false"), 5, "true");
  EXPECT_TRUE(contents(other / "data") == wanted);
}

TEST_F(SampleData, IntrinsicsAreThePublishedOnesScaled) {
  const auto row = table(root() / "vkitti2/Scene02/clone/intrinsic.txt", ' ').at(1);
  EXPECT_NEAR(parse_double(row[2]).value(), 725.0087 * 96 / 1242, 1e-6);
  EXPECT_EQ(row[4] + ' ' + row[5], "47.5 31.5");
}

TEST_F(SampleData, StereoCamerasStandApart) {
  const auto rows = table(root() / "vkitti2/Scene02/clone/extrinsic.txt", ' ');
  EXPECT_NEAR(parse_double(rows[1][5]).value() - parse_double(rows[2][5]).value(), 0.532725, 1e-6);
}

TEST_F(SampleData, DepthAndPosesOfStreetsAgree) {
  for (const char* name : {"Scene02/clone", "Scene01/morning", "Scene06/rain"}) {
    const auto views = read_virtual_kitti(root() / "vkitti2" / name);
    for (std::size_t k = 0; k + 1 < views.size(); ++k) {
      const auto errors = reprojection_errors(views[k], views[k + 1]);
      ASSERT_GT(errors.size(), 500) << name;
      EXPECT_LT(median(errors), 1e-3) << name;
    }
  }
}

TEST_F(SampleData, DepthAndPosesOfRoomsAgree) {
  for (const auto& [scene, camera] :
       {std::pair{"ai_001_001", "cam_00"}, {"ai_001_001", "cam_01"}, {"ai_001_002", "cam_00"}}) {
    const auto views = read_hypersim(root() / "hypersim", scene, camera);
    const auto wrong = read_hypersim(root() / "hypersim", scene, camera, /*planar=*/false);
    const auto errors = reprojection_errors(views[0], views[2]);
    ASSERT_GT(errors.size(), 500) << scene;
    EXPECT_LT(median(errors), 1e-3) << scene;
    EXPECT_GT(median(reprojection_errors(wrong[0], wrong[2])), 2 * median(errors))
        << "distance taken as depth: " << scene;
  }
}

TEST_F(SampleData, OneSceneInThreeHasATiltedLens) {
  const auto rows =
      table(root() / "hypersim/contrib/mikeroberts3000/metadata_camera_parameters.csv", ',');
  EXPECT_EQ(rows[1][4], "False");
  EXPECT_EQ(rows[2][4], "True");
  EXPECT_EQ(rows[0].size(), rows[1].size());
  EXPECT_EQ(rows[0].size(), rows[2].size());
}

TEST_F(SampleData, EntitiesMarkWhatHasNoDepth) {
  const fs::path images = root() / "hypersim/evermotion_dataset/scenes/ai_001_001/images";
  const at::Tensor id =
      io::read_hdf5(images / "scene_cam_00_geometry_hdf5/frame.0000.render_entity_id.hdf5",
                    {.dtype = at::kShort});
  const at::Tensor distance =
      io::read_hdf5(images / "scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5");
  const at::Tensor color =
      io::read_hdf5(images / "scene_cam_00_final_hdf5/frame.0000.color.hdf5", {.dtype = at::kHalf});
  EXPECT_TRUE(at::equal(id.lt(0), distance.isnan()));
  EXPECT_FALSE(id.eq(0).any().item<bool>());
  EXPECT_TRUE(color.isfinite().all().item<bool>());
  EXPECT_EQ(color.sizes(), (std::vector<std::int64_t>{64, 96, 3}));
}

TEST_F(SampleData, SameSeedSameBytesForAnyNumberOfThreads) {
  TempDir other;
  SampleDataConfig config = kSmall;
  for (const int threads : {1, 5}) {
    config.threads = threads;
    config.overwrite = true;
    write_sample_data(other / "data", config);
    EXPECT_TRUE(contents(other / "data") == contents(root())) << threads;
  }
  EXPECT_EQ(other.names(), std::vector<std::string>{"data"});
}

TEST_F(SampleData, AnotherSeedGivesOtherScenes) {
  TempDir other;
  SampleDataConfig config = kSmall;
  config.seed = 6, config.frames = 1;
  write_sample_data(other / "data", config);
  const std::string name = "Scene02/clone/frames/depth/Camera_0/depth_00000.png";
  const io::Image16 a = io::read_png16(root() / "vkitti2" / name),
                    b = io::read_png16(other / "data/vkitti2" / name);
  std::int64_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) different += a.pixels[i] != b.pixels[i];
  EXPECT_GT(different, 64 * 96 / 4);
}

TEST_F(SampleData, RefusesToReplaceWhatItDidNotWrite) {
  TempDir other;
  other.write("data/thesis.tex", "x");
  EXPECT_NE(test::thrown<ConfigError>([&] {
              write_sample_data(other / "data", kSmall);
            }).find("use --overwrite"),
            std::string::npos);
  SampleDataConfig config = kSmall;
  config.overwrite = true;
  EXPECT_NE(test::thrown<ConfigError>([&] {
              write_sample_data(other / "data", config);
            }).find("holds thesis.tex"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(other / "data/thesis.tex"));
  other.write("real/vkitti2/Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg", "x");
  EXPECT_NE(test::thrown<ConfigError>([&] {
              write_sample_data(other / "real", config);
            }).find("has no sample_data.json"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(other / "real/vkitti2"));
}

TEST_F(SampleData, RefusesNumbersOutOfRange) {
  TempDir other;
  for (const SampleDataConfig& config : {SampleDataConfig{.sequences = 0},
                                         {.sequences = 201},
                                         {.frames = 0},
                                         {.height = 8},
                                         {.width = 5000}}) {
    EXPECT_THROW(write_sample_data(other / "data", config), ConfigError);
  }
  EXPECT_TRUE(other.names().empty());
}

}  // namespace
}  // namespace vdd::scenes
