// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/sequence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

struct Layout {
  DataLayout name;
  DataSet (*open)(const fs::path& root, const ReaderConfig& config);
  /// What shows that a folder has this layout.
  std::vector<std::string> places;
};

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {
      {DataLayout::kBonn, open_bonn, {}},
      {DataLayout::kDepthCrafter, open_depthcrafter, {"csv"}},
      {DataLayout::kKitti, open_kitti, {"data_depth_annotated"}},
      {DataLayout::kNyuV2,
       open_nyuv2,
       {"nyu_depth_v2_labeled.mat", "filename_list_test.txt", "extracted"}},
      {DataLayout::kScanNet, open_scannet, {"scans_test"}},
      {DataLayout::kSintel, open_sintel, {"training/depth"}},
      {DataLayout::kVirtualKitti, open_clips, {}},
      {DataLayout::kHypersim, open_clips, {}}};
  return all;
}

const Layout& layout_of(const fs::path& root, DataLayout name) {
  for (const Layout& layout : layouts()) {
    if (name == layout.name) return layout;
    if (name == DataLayout::kAny && !find_below(root, layout.places).empty()) return layout;
  }
  return names_in(root, "rgbd_bonn_", "").empty() ? layouts().back() : layouts().front();
}

DataSet open_folder(const fs::path& root, const ReaderConfig& config) {
  if (!is_folder(root)) throw DataError(root, "no such folder");
  DataSet data = layout_of(root, config.layout).open(root, config);
  if (data.sequences.empty()) {
    throw DataError(root,
                    concat("no sequence with true depth here, layout ", to_name(config.layout)));
  }
  return data;
}

/// Returns the part of a pattern before its first level with * or ?.
fs::path constant_part(const fs::path& pattern) {
  fs::path constant;
  for (const fs::path& level : pattern) {
    if (level.string().find_first_of("*?") != std::string::npos) break;
    constant /= level;
  }
  return constant;
}

}  // namespace

at::Tensor Sequence::clip_T3hw(const std::vector<std::size_t>& frames, metrics::CropRule crop,
                               std::int64_t height, std::int64_t width) const {
  at::Tensor clip = at::empty({std::ssize(frames), 3, height, width}, at::kFloat);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const at::Tensor rgb = rgb_HW3(frames[i]);
    const metrics::Crop cut = metrics::crop_of(crop, rgb.size(0), rgb.size(1));
    const at::Tensor planes = rgb.slice(0, cut.row_begin, cut.row_end)
                                  .slice(1, cut.col_begin, cut.col_end)
                                  .permute({2, 0, 1})
                                  .unsqueeze(0)
                                  .to(at::kFloat);
    at::Tensor slot = clip[static_cast<std::int64_t>(i)];
    slot.copy_(at::_upsample_bilinear2d_aa(planes, {height, width}, false).squeeze(0));
  }
  return clip.div_(127.5).sub_(1).clamp_(-1, 1);
}

DataSet open_data_set(const fs::path& root, const ReaderConfig& config) {
  DataSet data;
  for (const fs::path folder : match_folders(root.string())) {
    DataSet part = open_folder(folder, config);
    if (folder != root) {
      const std::string prefix =
          folder.lexically_relative(constant_part(root)).generic_string() + '/';
      for (const auto& sequence : part.sequences) sequence->rename(prefix + sequence->name());
      for (std::string& line : part.left_out) line.insert(0, prefix);
    }
    std::ranges::move(part.sequences, std::back_inserter(data.sequences));
    std::ranges::move(part.left_out, std::back_inserter(data.left_out));
  }
  std::sort(data.sequences.begin(), data.sequences.end(),
            [](const auto& a, const auto& b) { return natural_less(a->name(), b->name()); });
  // Two sequences of one name would be scored with the same predictions.
  const auto twin =
      std::adjacent_find(data.sequences.begin(), data.sequences.end(),
                         [](const auto& a, const auto& b) { return a->name() == b->name(); });
  if (twin != data.sequences.end())
    throw DataError(root, concat("two sequences are named ", (*twin)->name()));
  return data;
}

}  // namespace vdd::eval
