// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <array>
#include <iomanip>
#include <limits>
#include <memory>
#include <sstream>

#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"
#include "vdd/scenes/room.h"
#include "vdd/scenes/tilted_lens.h"
#include "writers.h"

// Hypersim. Camera axes as ours (x right, y up, looking along -z); the world's z points up.
namespace vdd::scenes {
namespace {

namespace fs = std::filesystem;

constexpr int kCameras = 2;  // trajectories a scene
// Volumes of the data set without a scene that loaders leave out by name.
constexpr std::array<int, 5> kVolumes{1, 2, 5, 7, 8};
constexpr std::array<double, 6> kAssetUnits{0.01, 0.0254, 0.01, 0.001, 1, 0.0254};  // metres
constexpr const char* kCameraColumns =
    "scene_name,settings_output_img_height,settings_output_img_width,"
    "settings_units_info_meters_scale,use_camera_physical,camera_physical_anisotropy,"
    "camera_physical_blades_enable,camera_physical_blades_num,camera_physical_blades_rotation,"
    "camera_physical_bmpaperture_affects_exposure,camera_physical_bmpaperture_enable,"
    "camera_physical_bmpaperture_resolution,camera_physical_bmpaperture_tex,"
    "camera_physical_center_bias,camera_physical_distortion,camera_physical_distortion_tex,"
    "camera_physical_distortion_type,camera_physical_dof_display_threshold,"
    "camera_physical_dont_affect_settings,camera_physical_enable_thin_lens_equation,"
    "camera_physical_exposure,camera_physical_f_number,camera_physical_film_width,"
    "camera_physical_focal_length,camera_physical_focus_distance,camera_physical_fov,"
    "camera_physical_horizontal_offset,camera_physical_horizontal_shift,camera_physical_ISO,"
    "camera_physical_latency,camera_physical_lens_file,camera_physical_lens_shift,"
    "camera_physical_optical_vignetting,camera_physical_rolling_shutter_duration,"
    "camera_physical_rolling_shutter_mode,camera_physical_shutter_angle,"
    "camera_physical_shutter_offset,camera_physical_shutter_speed,camera_physical_specify_focus,"
    "camera_physical_specify_fov,camera_physical_subdivs,camera_physical_target_distance,"
    "camera_physical_targeted,camera_physical_type,camera_physical_use_dof,"
    "camera_physical_use_moblur,camera_physical_vertical_offset,camera_physical_vignetting,"
    "camera_physical_white_balance,camera_physical_zoom_factor,"
    "settings_camera_auto_corrections_mode,settings_camera_auto_exposure,"
    "settings_camera_auto_exposure_compensation,settings_camera_auto_fit,"
    "settings_camera_auto_white_balance,settings_camera_curve,settings_camera_dist,"
    "settings_camera_dont_affect_settings,settings_camera_fov,settings_camera_height,"
    "settings_camera_image_planes,settings_camera_type";

struct Trajectory {
  fs::path images;  // .../scenes/ai_VVV_NNN/images
  std::string camera;
  Mat3 ray_from_uv;
  Scene scene;
};

/// Picks chunks as h5py picks them for gzip: halved in turn until they hold about 16 KiB, more for
/// large arrays.
std::vector<std::int64_t> chunks_for(const at::Tensor& array) {
  std::vector<std::int64_t> chunks = array.sizes().vec();
  const auto bytes_of = [&](const std::vector<std::int64_t>& shape) {
    double bytes = static_cast<double>(array.element_size());
    for (const std::int64_t side : shape) bytes *= static_cast<double>(side);
    return bytes;
  };
  const double target =
      std::clamp(16384 * std::exp2(std::log10(bytes_of(chunks) / 1048576)), 8192.0, 1048576.0);
  for (std::size_t axis = 0;; axis = (axis + 1) % chunks.size()) {
    const double bytes = bytes_of(chunks);
    if ((bytes < target || std::abs(bytes - target) / target < 0.5) && bytes < 1048576)
      return chunks;
    chunks[axis] = (chunks[axis] + 1) / 2;
  }
}

void write_array(const fs::path& path, const at::Tensor& array) {
  io::write_hdf5(path, array, {.chunks = chunks_for(array), .deflate = 9});
}

/// Returns the scale of the data set's own tone map: the 90th percentile of the brightness becomes
/// 0.8.
double tone_scale(const Frame& frame) {
  std::vector<double> brightness;
  for (std::size_t i = 0; i < frame.entity.size(); ++i) {
    const float* c = &frame.radiance[3 * i];
    if (frame.entity[i] >= 0) brightness.push_back(0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]);
  }
  if (brightness.empty()) return 1;
  std::sort(brightness.begin(), brightness.end());
  const double at = 0.9 * static_cast<double>(brightness.size() - 1);
  const std::size_t low = static_cast<std::size_t>(at),
                    high = std::min(low + 1, brightness.size() - 1);
  const double p90 = mix(brightness[low], brightness[high], at - static_cast<double>(low));
  return p90 < 1e-4 ? 0 : std::pow(0.8, 2.2) / p90;
}

void write_frame(const Trajectory& trajectory, std::int64_t number,
                 const SampleDataConfig& config) {
  const double time = static_cast<double>(number) / kFramesPerSecond;
  const Renderer renderer(trajectory.scene, time);
  const Frame frame = renderer.render(
      {trajectory.scene.camera(time), trajectory.ray_from_uv, config.height, config.width});

  // Filled by hand: LibTorch would put its own threads to every one of these small arrays.
  const std::int64_t height = config.height, width = config.width;
  const at::Tensor color = at::empty({height, width, 3}, at::kHalf);
  const at::Tensor distance = at::empty({height, width}, at::kHalf);
  const at::Tensor id = at::empty({height, width}, at::kShort);
  std::copy(frame.radiance.begin(), frame.radiance.end(), color.data_ptr<at::Half>());
  for (std::size_t i = 0; i < frame.entity.size(); ++i) {
    const bool nothing = frame.entity[i] < 0;
    distance.data_ptr<at::Half>()[i] =
        nothing ? std::numeric_limits<float>::quiet_NaN() : frame.distance[i];
    // The data set's ids are -1 or positive, never 0.
    id.data_ptr<std::int16_t>()[i] = static_cast<std::int16_t>(nothing ? -1 : frame.entity[i] + 1);
  }

  std::ostringstream name;
  name << "frame." << std::setw(4) << std::setfill('0') << number << '.';
  const fs::path base = trajectory.images / concat("scene_", trajectory.camera);
  const auto file = [&](const char* folder, const char* kind) {
    return fs::path(base.string() + folder) / (name.str() + kind);
  };
  write_array(file("_final_hdf5", "color.hdf5"), color);
  write_array(file("_geometry_hdf5", "depth_meters.hdf5"), distance);
  write_array(file("_geometry_hdf5", "render_entity_id.hdf5"), id);

  const double scale = tone_scale(frame);
  io::Image8 preview(static_cast<int>(height), static_cast<int>(width), 3);
  for (std::size_t i = 0; i < preview.size(); ++i)
    preview.pixels[i] = tone(frame.radiance[i], scale);
  io::write_jpeg(file("_final_preview", "tonemap.jpg"), preview);
}

void write_keyframes(const fs::path& folder, const Scene& scene, double asset_unit,
                     std::int64_t frames) {
  make_folders(folder);
  at::Tensor orientations = at::empty({frames, 3, 3}, at::kDouble),
             positions = at::empty({frames, 3}, at::kDouble);
  const Mat3 z_up{{Vec3{1, 0, 0}, Vec3{0, 0, -1}, Vec3{0, 1, 0}}};
  for (std::int64_t k = 0; k < frames; ++k) {
    const Pose pose = Pose{z_up, {}} * scene.camera(static_cast<double>(k) / kFramesPerSecond);
    for (int i = 0; i < 3; ++i) {
      positions[k][i] = pose.translation[i] / asset_unit;
      for (int j = 0; j < 3; ++j) orientations[k][i][j] = pose.rotation.rows[i][j];
    }
  }
  io::write_hdf5(folder / "camera_keyframe_orientations.hdf5", orientations);
  io::write_hdf5(folder / "camera_keyframe_positions.hdf5", positions);
}

/// Writes a row of metadata_camera_parameters.csv. Fields that no reader uses stay empty.
std::string camera_row(const std::string& scene, const TiltedLens* tilted, const TiltedLens& lens,
                       const Mat3& m, double asset_unit, const SampleDataConfig& config) {
  std::ostringstream out;
  for (const std::string& column : split(kCameraColumns, ',')) {
    const std::string physical = "camera_physical_";
    std::string value;
    if (column == "scene_name") value = scene;
    if (column == "settings_output_img_height") value = concat(config.height, ".0");
    if (column == "settings_output_img_width") value = concat(config.width, ".0");
    if (column == "settings_units_info_meters_scale") value = shortest(asset_unit);
    if (column == "use_camera_physical") value = tilted ? "True" : "False";
    if (column == "settings_camera_fov") value = shortest(lens.fov_x);
    if (tilted) {
      if (column == physical + "fov") value = shortest(lens.fov_x);
      if (column == physical + "horizontal_offset") value = shortest(lens.horizontal_offset);
      if (column == physical + "vertical_offset") value = shortest(lens.vertical_offset);
      if (column == physical + "lens_shift") value = shortest(lens.lens_shift);
      if (column == physical + "horizontal_shift") value = "0.0";
      if (column == physical + "zoom_factor") value = "1.0";
    }
    out << (column == "scene_name" ? "" : ",") << value;
  }
  for (const Vec3& row : m.rows) {
    for (int i = 0; i < 3; ++i) out << ',' << shortest(row[i] + 0.0);
  }
  for (const auto& row : projection(m)) {
    for (const double value : row) out << ',' << shortest(value + 0.0);  // no -0
  }
  out << '\n';
  return out.str();
}

std::string camera_header() {
  std::string out = kCameraColumns;
  for (int i = 0; i < 9; ++i) out += concat(",M_cam_from_uv_", i / 3, i % 3);
  for (int i = 0; i < 16; ++i) out += concat(",M_proj_", i / 4, i % 4);
  return out + "\n";
}

std::string scene_name(std::int64_t index) {
  std::ostringstream out;
  out << "ai_" << std::setfill('0') << std::setw(3)
      << kVolumes.at(static_cast<std::size_t>(index / 10)) << '_' << std::setw(3) << index % 10 + 1;
  return out.str();
}

/// One scene in five each for validation and test, as far as there are enough.
const char* split_of(std::int64_t scene) {
  return scene % 5 == 1 ? "val" : scene % 5 == 2 ? "test" : "train";
}

}  // namespace

std::vector<Job> plan_hypersim(const fs::path& root, std::int64_t sequences,
                               const SampleDataConfig& config) {
  std::vector<Job> jobs;
  if (sequences == 0) return jobs;
  std::string cameras_csv = camera_header();
  std::string split_csv =
      "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,"
      "split_partition_name\n";
  const double tall = static_cast<double>(config.height) / static_cast<double>(config.width);
  for (std::int64_t index = 0; index * kCameras < sequences; ++index) {
    Random random(derive_seed(config.seed, index, "hypersim scene"));
    const std::uint64_t room = random.next() >> 1;
    const double asset_unit =
        kAssetUnits[static_cast<std::size_t>(random.below(kAssetUnits.size()))];
    TiltedLens lens;
    const bool tilted = index % 3 == 1;
    if (tilted) {
      lens.fov_x = random.uniform(0.85, 1.25);
      lens.horizontal_offset = random.uniform(-0.02, 0.02);
      lens.vertical_offset = random.uniform(-0.1, 0.1);
      lens.lens_shift = random.uniform(0.08, 0.25) * (random.coin(0.5) ? 1 : -1);
    }
    const Mat3 ray_from_uv = cam_from_uv(lens, tall);
    const std::string name = scene_name(index);
    const fs::path folder = root / "evermotion_dataset/scenes" / name;
    cameras_csv +=
        camera_row(name, tilted ? &lens : nullptr, lens, ray_from_uv, asset_unit, config);
    std::string cameras = "camera_name\n";
    for (int take = 0; take < kCameras && index * kCameras + take < sequences; ++take) {
      const auto trajectory = std::make_shared<Trajectory>();
      trajectory->images = folder / "images";
      trajectory->camera = concat("cam_0", take);
      trajectory->ray_from_uv = ray_from_uv;
      trajectory->scene =
          make_room({.seed = room,
                     .take = take,
                     .duration = static_cast<double>(config.frames) / kFramesPerSecond,
                     .tan_half_width = std::tan(lens.fov_x / 2)});
      for (const char* kind : {"_final_hdf5", "_geometry_hdf5", "_final_preview"}) {
        make_folders(trajectory->images / concat("scene_", trajectory->camera, kind));
      }
      write_keyframes(folder / "_detail" / trajectory->camera, trajectory->scene, asset_unit,
                      config.frames);
      cameras += trajectory->camera + "\n";
      for (std::int64_t frame = 0; frame < config.frames; ++frame) {
        split_csv += concat(name, ',', trajectory->camera, ',', frame, ",True,,",
                            config.all_train ? "train" : split_of(index), '\n');
        jobs.push_back([=] { write_frame(*trajectory, frame, config); });
      }
    }
    write_file_atomic(folder / "_detail/metadata_cameras.csv", cameras);
    write_file_atomic(folder / "_detail/metadata_scene.csv",
                      concat("parameter_name,parameter_value\nmeters_per_asset_unit,",
                             shortest(asset_unit), '\n'));
  }
  make_folders(root / "evermotion_dataset/analysis");
  make_folders(root / "contrib/mikeroberts3000");
  write_file_atomic(root / "evermotion_dataset/analysis/metadata_images_split_scene_v1.csv",
                    split_csv);
  write_file_atomic(root / "contrib/mikeroberts3000/metadata_camera_parameters.csv", cameras_csv);
  return jobs;
}

}  // namespace vdd::scenes
