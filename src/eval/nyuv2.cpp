// SPDX-License-Identifier: Apache-2.0
// NYUv2, single images: the labelled file (HDF5, sides reversed, read image by image) with
// splits.mat, or the extracted form test/<scene>/{rgb,filled,depth}_NNNN.png with its list. A
// sequence is one image, named by its number in the labelled file, counted from 1.
#include <ATen/ATen.h>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/matlab.h"

namespace vdd::eval {
namespace {

constexpr double kNyuv2PerMetre = 1000;
constexpr std::size_t kDigits = 4;

std::string number_name(std::int64_t number) {
  const std::string text = std::to_string(number);
  return text.size() < kDigits ? std::string(kDigits - text.size(), '0') + text : text;
}

class Labelled : public Sequence {
 public:
  Labelled(std::int64_t number, fs::path file, bool filled)
      : Sequence(number_name(number), {number_name(number)}),
        index_(number - 1),
        file_(std::move(file)),
        filled_(filled) {}

  at::Tensor rgb_HW3(std::size_t) const override {
    const at::Tensor image_13WH = io::read_hdf5(
        file_,
        {.dataset = "images", .dtype = at::kByte, .shape = {-1, 3, -1, -1}, .region = only_this()});
    return image_13WH[0].permute({2, 1, 0}).contiguous();
  }
  TrueDepth depth(std::size_t) const override {
    const at::Tensor stored_1WH = io::read_hdf5(file_, {.dataset = filled_ ? "depths" : "rawDepths",
                                                        .dtype = at::kFloat,
                                                        .shape = {-1, -1, -1},
                                                        .region = only_this()});
    const at::Tensor depth = stored_1WH[0].t().contiguous();
    return {.depth_HW = depth, .valid_HW = depth > 0};
  }

 private:
  std::function<io::Region(at::IntArrayRef)> only_this() const {
    return [this](at::IntArrayRef shape) {
      if (index_ >= shape[0])
        throw DataError(file_, concat("holds ", shape[0], " images; wanted number ", index_ + 1));
      return io::Region{index_, index_ + 1, 0, shape[1]};
    };
  }

  std::int64_t index_;
  fs::path file_;
  bool filled_;
};

class Extracted : public Sequence {
 public:
  Extracted(const std::string& number, fs::path rgb, fs::path depth)
      : Sequence(number, {number}), rgb_(std::move(rgb)), depth_(std::move(depth)) {}

  at::Tensor rgb_HW3(std::size_t) const override { return to_tensor(io::read_rgb(rgb_)); }
  TrueDepth depth(std::size_t) const override {
    return depth_of(io::read_png16(depth_), kNyuv2PerMetre);
  }

 private:
  fs::path rgb_, depth_;
};

/// Opens a list with three columns: picture, raw depth, filled depth.
DataSet open_extracted(const fs::path& list, bool filled) {
  DataSet data;
  std::size_t line = 0;
  for (const std::string& text : split(read_file(list, 16 << 20), '\n')) {
    ++line;
    if (trim(text).empty()) continue;
    const auto columns = split(trim(text), ' ');
    const std::string stem = fs::path(columns.front()).stem().string();
    if (columns.size() != 3 || !stem.starts_with("rgb_"))
      throw DataError(list, concat("line ", line), "wanted rgb_NNNN, depth_NNNN, filled_NNNN");
    const auto file = [&](std::size_t column) {
      return listed_file(list.parent_path(), columns[column], [&](std::string_view reason) {
        throw DataError(list, concat("line ", line), reason);
      });
    };
    data.sequences.push_back(
        std::make_unique<Extracted>(stem.substr(4), file(0), file(filled ? 2 : 1)));
  }
  return data;
}

}  // namespace

DataSet open_nyuv2(const fs::path& root, const ReaderConfig& config) {
  const bool filled = config.depth == NyuDepth::kFilled;
  const fs::path file = root / "nyu_depth_v2_labeled.mat";
  if (!path_exists(file)) {
    const fs::path list =
        find_below(root, {"filename_list_test.txt", "extracted/filename_list_test.txt"});
    if (list.empty())
      throw DataError(root, "neither nyu_depth_v2_labeled.mat nor filename_list_test.txt here");
    return open_extracted(list, filled);
  }
  DataSet data;
  for (const double number : io::read_matlab_array(root / "splits.mat", "testNdxs")) {
    if (!(number >= 1 && number <= 1e6))
      throw DataError(root / "splits.mat", "testNdxs holds no numbers of images");
    data.sequences.push_back(
        std::make_unique<Labelled>(static_cast<std::int64_t>(number), file, filled));
  }
  return data;
}

}  // namespace vdd::eval
