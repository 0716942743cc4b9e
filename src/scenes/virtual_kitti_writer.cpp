// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <iomanip>
#include <memory>
#include <sstream>

#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/io/image.h"
#include "vdd/scenes/street.h"
#include "writers.h"

// Virtual KITTI 2.0.3. Its axes: x right, y down, z forward, for the world as for the cameras.
namespace vdd::scenes {
namespace {

namespace fs = std::filesystem;

constexpr double kFocal = 725.0087, kFullWidth = 1242;  // of the published pictures
constexpr double kBaseline = 0.532725;                  // of the two cameras, metres
constexpr double kExposure = 1.2;
constexpr double kDegree = 3.141592653589793 / 180;

struct Variant {
  const char* name;
  Weather weather;
  double yaw_degrees;
};
constexpr std::array<Variant, 10> kVariants{{{"clone", Weather::kClear, 0},
                                             {"fog", Weather::kFog, 0},
                                             {"morning", Weather::kMorning, 0},
                                             {"overcast", Weather::kOvercast, 0},
                                             {"rain", Weather::kRain, 0},
                                             {"sunset", Weather::kSunset, 0},
                                             {"15-deg-left", Weather::kClear, 15},
                                             {"15-deg-right", Weather::kClear, -15},
                                             {"30-deg-left", Weather::kClear, 30},
                                             {"30-deg-right", Weather::kClear, -30}}};
// Scene01 is what people hold out, so it is not the first.
constexpr std::array<int, 5> kScenes{2, 1, 6, 18, 20};

struct Sequence {
  fs::path folder;
  int camera = 0;
  Scene scene;
};

Camera camera_at(const Scene& scene, double time, int index, const SampleDataConfig& config) {
  Pose pose = scene.camera(time);
  pose.translation += pose.rotation * Vec3{index * kBaseline, 0, 0};
  const double tan_half = kFullWidth / (2 * kFocal);
  const double tall = static_cast<double>(config.height) / static_cast<double>(config.width);
  return {pose,
          {{Vec3{tan_half, 0, 0}, Vec3{0, tan_half * tall, 0}, Vec3{0, 0, -1}}},
          config.height,
          config.width};
}

/// Turns y up, z backward into y down, z forward, and back.
Vec3 flip(Vec3 v) {
  return {v.x, -v.y, -v.z};
}
Pose flip(const Pose& pose) {
  Pose out{pose.rotation, flip(pose.translation)};
  for (int i = 0; i < 3; ++i) {
    const Vec3 row = flip(pose.rotation.rows[i]);
    out.rotation.rows[i] = i == 0 ? row : Vec3{} - row;
  }
  return out;
}

/// Returns the turn about y of something that looks along `forward`, 0 towards +x as in KITTI.
double heading(Vec3 forward) {
  return std::atan2(-forward.z, forward.x);
}

std::string intrinsics(const SampleDataConfig& config) {
  const double focal = kFocal * static_cast<double>(config.width) / kFullWidth;
  const double cx = static_cast<double>(config.width) / 2 - 0.5,
               cy = static_cast<double>(config.height) / 2 - 0.5;
  std::ostringstream out;
  out << "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n" << std::setprecision(9);
  for (std::int64_t frame = 0; frame < config.frames; ++frame) {
    for (int camera = 0; camera < 2; ++camera) {
      out << frame << ' ' << camera << ' ' << focal << ' ' << focal << ' ' << cx << ' ' << cy
          << '\n';
    }
  }
  return out.str();
}

std::string extrinsics(const Scene& scene, const SampleDataConfig& config) {
  std::ostringstream out;
  out << "frame cameraID r1,1 r1,2 r1,3 t1 r2,1 r2,2 r2,3 t2 r3,1 r3,2 r3,3 t3 0 0 0 1\n"
      << std::setprecision(9);
  for (std::int64_t frame = 0; frame < config.frames; ++frame) {
    for (int camera = 0; camera < 2; ++camera) {
      const double time = static_cast<double>(frame) / kFramesPerSecond;
      const Pose camera_from_world =
          flip(inverse(camera_at(scene, time, camera, config).world_from_camera));
      out << frame << ' ' << camera;
      for (int i = 0; i < 3; ++i) {
        const Vec3 row = camera_from_world.rotation.rows[i];
        out << ' ' << row.x << ' ' << row.y << ' ' << row.z << ' '
            << camera_from_world.translation[i];
      }
      out << " 0 0 0 1\n";
    }
  }
  return out.str();
}

/// Lists traffic within 100 m in front of the camera.
std::string poses(const Scene& scene, const SampleDataConfig& config) {
  std::ostringstream out;
  out << "frame cameraID trackID alpha width height length world_space_X world_space_Y "
         "world_space_Z "
         "rotation_world_space_y rotation_world_space_x rotation_world_space_z camera_space_X "
         "camera_space_Y "
         "camera_space_Z rotation_camera_space_y rotation_camera_space_x rotation_camera_space_z\n"
      << std::setprecision(9);
  for (std::int64_t frame = 0; frame < config.frames; ++frame) {
    const double time = static_cast<double>(frame) / kFramesPerSecond;
    for (int camera = 0; camera < 2; ++camera) {
      const Pose camera_from_world =
          inverse(camera_at(scene, time, camera, config).world_from_camera);
      int track = -1;
      for (const Object& object : scene.objects) {
        if (object.label.empty()) continue;
        ++track;
        const Pose pose = object.pose_at(time);
        const Vec3 world = flip(pose.translation),
                   seen = flip(camera_from_world * pose.translation);
        if (seen.z < 0 || length(seen) > 100) continue;
        const Vec3 forward = pose.rotation * Vec3{0, 0, -1};
        const double turn = heading(flip(forward)),
                     turn_seen = heading(flip(camera_from_world.rotation * forward));
        out << frame << ' ' << camera << ' ' << track << ' '
            << turn_seen - std::atan2(seen.x, seen.z) << ' ' << object.size.x << ' '
            << object.size.y << ' ' << object.size.z << ' ' << world.x << ' ' << world.y << ' '
            << world.z << ' ' << turn << " 0 0 " << seen.x << ' ' << seen.y << ' ' << seen.z << ' '
            << turn_seen << " 0 0\n";
      }
    }
  }
  return out.str();
}

std::string tracks(const Scene& scene) {
  std::string out = "trackID label model color\n";
  int track = 0;
  for (const Object& object : scene.objects) {
    if (!object.label.empty()) out += concat(track++, ' ', object.label, " Procedural Mixed\n");
  }
  return out;
}

void write_frame(const Sequence& sequence, std::int64_t number, const SampleDataConfig& config) {
  const double time = static_cast<double>(number) / kFramesPerSecond;
  const Renderer renderer(sequence.scene, time);
  const Frame frame = renderer.render(camera_at(sequence.scene, time, sequence.camera, config));

  const int height = static_cast<int>(config.height), width = static_cast<int>(config.width);
  io::Image8 rgb(height, width, 3);
  io::Image16 depth(height, width, 1);
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb.pixels[i] = tone(frame.radiance[i], kExposure);
  for (std::size_t i = 0; i < depth.size(); ++i) {
    const double centimetres = std::round(100.0 * frame.depth[i]);
    depth.pixels[i] =
        static_cast<std::uint16_t>(std::clamp(centimetres, 1.0, 65535.0));  // 65535: sky
  }
  std::ostringstream digits;
  digits << std::setw(5) << std::setfill('0') << number;
  const std::string camera = concat("Camera_", sequence.camera);
  io::write_jpeg(sequence.folder / "frames/rgb" / camera / concat("rgb_", digits.str(), ".jpg"),
                 rgb);
  io::write_png(sequence.folder / "frames/depth" / camera / concat("depth_", digits.str(), ".png"),
                depth);
}

}  // namespace

std::vector<Job> plan_virtual_kitti(const fs::path& root, std::int64_t sequences,
                                    const SampleDataConfig& config) {
  std::vector<Job> jobs;
  const std::int64_t scenes = kScenes.size(), variants = kVariants.size();
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::int64_t scene = i % scenes, round = i / scenes;
    // Each scene starts with another variant and meets all ten before its second camera follows.
    const Variant& variant =
        kVariants[static_cast<std::size_t>((2 * scene + 3 * round) % variants)];
    const auto sequence = std::make_shared<Sequence>();
    const int number = kScenes[static_cast<std::size_t>(scene)];
    sequence->folder = root / concat("Scene", number < 10 ? "0" : "", number) / variant.name;
    sequence->camera = static_cast<int>(round / variants);
    sequence->scene =
        make_street({.seed = derive_seed(config.seed, scene, "virtual kitti scene"),
                     .weather = variant.weather,
                     .yaw = variant.yaw_degrees * kDegree,
                     .duration = static_cast<double>(config.frames) / kFramesPerSecond});
    const std::string camera = concat("Camera_", sequence->camera);
    for (const char* kind : {"rgb", "depth"})
      make_folders(sequence->folder / "frames" / kind / camera);
    write_file_atomic(sequence->folder / "intrinsic.txt", intrinsics(config));
    write_file_atomic(sequence->folder / "extrinsic.txt", extrinsics(sequence->scene, config));
    write_file_atomic(sequence->folder / "pose.txt", poses(sequence->scene, config));
    write_file_atomic(sequence->folder / "info.txt", tracks(sequence->scene));
    for (std::int64_t frame = 0; frame < config.frames; ++frame) {
      jobs.push_back([=] { write_frame(*sequence, frame, config); });
    }
  }
  return jobs;
}

}  // namespace vdd::scenes
