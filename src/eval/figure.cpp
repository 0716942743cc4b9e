// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/figure.h"

#include <ATen/ATen.h>

#include "truth.h"
#include "vdd/core/folders.h"
#include "vdd/io/pictures.h"
#include "vdd/metrics/crop.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;
using enum io::RowKind;

/// Reads pictures cut as the depth is, [T,3,H,W] in [-1,1].
at::Tensor pictures(const Sequence& sequence, const std::vector<std::size_t>& frames,
                    const Protocol& p) {
  std::vector<at::Tensor> planes;
  for (const std::size_t frame : frames) {
    const at::Tensor rgb_HW3 = sequence.rgb_HW3(frame);
    const metrics::Crop c = metrics::crop_of(p.crop, rgb_HW3.size(0), rgb_HW3.size(1));
    planes.push_back(rgb_HW3.slice(0, c.row_begin, c.row_end)
                         .slice(1, c.col_begin, c.col_end)
                         .permute({2, 0, 1}));
  }
  return at::stack(planes).to(at::kFloat) / 127.5 - 1;
}

std::vector<io::PictureRow> rows_of(const ScoredClip& clip, const std::vector<Method>& methods) {
  const Truth& truth = clip.truth;
  const at::Tensor depth_THW = truth.depth_THW.to(at::kDouble);
  const at::Tensor known_THW = truth.valid_THW & (depth_THW > clip.protocol.alignment.min_depth);
  const at::Tensor disparity_THW = at::where(known_THW, 1 / depth_THW, at::zeros_like(depth_THW));
  const at::Tensor sorted = std::get<0>(disparity_THW.masked_select(known_THW).sort());
  double low = 0, high = 1;
  if (sorted.numel() > 0) {
    low = sorted[sorted.numel() * 2 / 100].item<double>();
    high = sorted[(sorted.numel() - 1) * 98 / 100].item<double>();
  }
  if (!(high > low)) high = low + 1;

  std::vector<io::PictureRow> rows{
      {"RGB", kRgb, pictures(clip.sequence, clip.frames, clip.protocol)},
      {"truth", kDisparity, disparity_THW, low, high}};
  for (const auto& [name, predictions] : methods) {
    const metrics::Aligned aligned =
        fit_to_truth(predictions->predict(clip), predictions->kind(), truth, clip.protocol);
    rows.push_back({name, kDisparity, 1 / aligned.depth_THW, low, high});
  }
  return rows;
}

}  // namespace

std::vector<fs::path> draw_figures(const fs::path& root, const Protocol& protocol,
                                   const std::vector<Method>& methods, const fs::path& folder,
                                   const FigureOptions& options) {
  std::vector<std::string> missing;
  std::vector<fs::path> files;
  for (auto& [sequence, frames] :
       choose(open_data_set(root, protocol.data), root, protocol, options.partial, missing)) {
    const Truth truth = read_truth(*sequence, protocol, options.partial, frames, missing);
    if (frames.empty()) continue;
    files.push_back(folder / (sequence->name() + ".png"));
    make_folders(files.back().parent_path());
    io::write_strip(files.back(), rows_of({*sequence, frames, protocol, truth}, methods),
                    options.columns);
    sequence.reset();  // and with it what it has cached
  }
  return files;
}

}  // namespace vdd::eval
