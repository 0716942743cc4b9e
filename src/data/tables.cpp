// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/tables.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace {

constexpr std::uint64_t kMaxTableBytes = 256 << 20;

/// Rows of a text table; the first line names the columns.
class Table {
 public:
  Table(const std::filesystem::path& path, char separator)
      : path_(path), text_(read_file(path, kMaxTableBytes)), separator_(separator) {
    if (!next()) fail("the file is empty");
    header_ = cells_;
  }

  /// Goes to the next row that is not empty. All rows have as many cells as the first.
  bool next() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      const std::string_view line = trim(std::string_view(text_).substr(at_, end - at_));
      at_ = end + 1;
      ++line_;
      if (line.empty()) continue;
      cells_.clear();
      for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t stop = std::min(line.find(separator_, begin), line.size());
        if (separator_ == ',' || stop > begin) cells_.push_back(line.substr(begin, stop - begin));
        begin = stop + 1;
      }
      if (!header_.empty() && cells_.size() != header_.size()) {
        fail(concat("has ", cells_.size(), " columns; the first line has ", header_.size()));
      }
      return true;
    }
    return false;
  }

  std::size_t columns() const { return header_.size(); }
  std::size_t column(std::string_view name) const {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end()) fail(concat("no column \"", name, '"'));
    return static_cast<std::size_t>(found - header_.begin());
  }
  std::string_view header(std::size_t i) const { return header_[i]; }
  std::string_view text(std::size_t i) const { return cells_[i]; }
  std::string name(std::size_t i) const {
    const std::string_view text = cells_[i];
    const bool plain =
        !text.empty() && text != ".." &&
        text.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == text.npos;
    if (!plain) fail(concat("\"", text, "\" is no name"));
    return std::string(text);
  }
  std::int64_t index(std::size_t i) const {
    const auto value = parse_int(cells_[i]);
    if (!value || *value < 0) fail(concat("\"", cells_[i], "\" is no frame or camera number"));
    return *value;
  }
  double number(std::size_t i) const {
    const auto value = parse_double(cells_[i]);
    if (!value || !std::isfinite(*value)) fail(concat("\"", cells_[i], "\" is no finite number"));
    return *value;
  }
  [[noreturn]] void fail(std::string_view reason) const {
    throw DataError(path_, concat("line ", line_), reason);
  }

 private:
  std::filesystem::path path_;
  std::string text_;
  char separator_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::vector<std::string_view> header_, cells_;
};

template <typename Matrix>
std::map<FrameKey, Matrix> read_frames(const std::filesystem::path& path,
                                       std::string_view third_column, std::size_t columns,
                                       const std::function<Matrix(const Table&)>& convert) {
  Table table(path, ' ');
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
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k <= i; ++k) {
        double dot = 0;
        for (int c = 0; c < 3; ++c)
          dot += matrix[static_cast<std::size_t>(4 * i + c)] *
                 matrix[static_cast<std::size_t>(4 * k + c)];
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
  Table table(path, ',');
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
  Table table(path, ',');
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
