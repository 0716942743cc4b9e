// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/tables.h"

#include <cmath>
#include <functional>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/table_file.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace {

constexpr std::uint64_t kMaxTableBytes = 256 << 20;

class Table : public TableFile {
 public:
  Table(const std::filesystem::path& path, Separator separator)
      : TableFile(path, separator, kMaxTableBytes) {}

  std::string name(std::size_t i) const {
    const std::string_view name = text(i);
    const bool plain =
        !name.empty() && name != ".." &&
        name.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == name.npos;
    if (!plain) fail(concat("\"", name, "\" is no name"));
    return std::string(name);
  }
  std::int64_t index(std::size_t i) const {
    const auto value = parse_int(text(i));
    if (!value || *value < 0) fail(concat("\"", text(i), "\" is no frame or camera number"));
    return *value;
  }
  double number(std::size_t i) const {
    const auto value = parse_double(text(i));
    if (!value || !std::isfinite(*value)) fail(concat("\"", text(i), "\" is no finite number"));
    return *value;
  }
};

template <typename Matrix>
std::map<FrameKey, Matrix> read_frames(const std::filesystem::path& path,
                                       std::string_view third_column, std::size_t columns,
                                       const std::function<Matrix(const Table&)>& convert) {
  Table table(path, Table::Separator::kBlank);
  if (table.columns() != columns || table.header(0) != "frame" || table.header(1) != "cameraID" ||
      table.header(2) != third_column) {
    table.fail(concat("wanted ", columns, " columns: frame cameraID ", third_column, " ..."));
  }
  std::map<FrameKey, Matrix> rows;
  while (table.next()) {
    const FrameKey key{table.index(0), table.index(1)};
    if (!rows.emplace(key, convert(table)).second)
      table.fail(concat("frame ", key.first, " of camera ", key.second, " again"));
  }
  if (rows.empty()) table.fail("no rows");
  return rows;
}

}  // namespace

std::map<FrameKey, Matrix3> read_vkitti_intrinsics(const std::filesystem::path& path) {
  return read_frames<Matrix3>(path, "K[0,0]", 6, [](const Table& row) -> Matrix3 {
    const double fx = row.number(2), fy = row.number(3);
    if (fx <= 0 || fy <= 0) row.fail("focal length must be > 0");
    return {fx, 0, row.number(4), 0, fy, row.number(5), 0, 0, 1};
  });
}

std::map<FrameKey, Matrix4> read_vkitti_extrinsics(const std::filesystem::path& path) {
  return read_frames<Matrix4>(path, "r1,1", 18, [](const Table& row) {
    Matrix4 matrix{};
    for (std::size_t i = 0; i < 16; ++i) matrix[i] = row.number(2 + i);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k <= i; ++k) {
        double dot = 0;
        for (std::size_t c = 0; c < 3; ++c) dot += matrix[4 * i + c] * matrix[4 * k + c];
        if (std::abs(dot - (i == k ? 1 : 0)) > 1e-3) row.fail("the rotation is not orthonormal");
      }
    }
    if (matrix[12] != 0 || matrix[13] != 0 || matrix[14] != 0 || matrix[15] != 1)
      row.fail("wanted 0 0 0 1 at the end");
    return matrix;
  });
}

std::map<std::string, std::map<std::int64_t, HypersimImage>> read_hypersim_split(
    const std::filesystem::path& path) {
  Table table(path, Table::Separator::kComma);
  const auto scene = table.column("scene_name"), camera = table.column("camera_name"),
             frame = table.column("frame_id"),
             released = table.column("included_in_public_release"),
             partition = table.column("split_partition_name");
  std::map<std::string, std::map<std::int64_t, HypersimImage>> rows;
  while (table.next()) {
    const std::string_view is_released = table.text(released), part = table.text(partition);
    if (is_released != "True" && is_released != "False")
      table.fail(concat("\"", is_released, "\" is neither True nor False"));
    if (!part.empty() && part != "train" && part != "val" && part != "test")
      table.fail(concat("\"", part, "\" is no partition"));
    const bool fresh =
        rows[concat(table.name(scene), '/', table.name(camera))]
            .emplace(table.index(frame), HypersimImage{is_released == "True", std::string(part)})
            .second;
    if (!fresh) table.fail("the same frame again");
  }
  if (rows.empty()) table.fail("no rows");
  return rows;
}

std::map<std::string, HypersimCamera> read_hypersim_cameras(const std::filesystem::path& path) {
  Table table(path, Table::Separator::kComma);
  const auto scene = table.column("scene_name"),
             scale = table.column("settings_units_info_meters_scale");
  std::array<std::size_t, 9> cells{};
  for (std::size_t i = 0; i < 9; ++i)
    cells[i] = table.column(concat("M_cam_from_uv_", i / 3, i % 3));
  std::map<std::string, HypersimCamera> cameras;
  while (table.next()) {
    HypersimCamera camera;
    camera.meters_per_asset_unit = table.number(scale);
    for (std::size_t i = 0; i < 9; ++i) camera.camera_from_uv[i] = table.number(cells[i]);
    if (camera.camera_from_uv[8] >= 0) table.fail("M_cam_from_uv looks backwards");
    if (!cameras.emplace(table.name(scene), camera).second) table.fail("the same scene again");
  }
  if (cameras.empty()) table.fail("no rows");
  return cameras;
}

}  // namespace vdd::data
