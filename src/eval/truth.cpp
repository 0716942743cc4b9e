// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;

/// Returns the part of a score crop that counts, as a mask.
at::Tensor score_mask(metrics::CropRule rule, std::int64_t height, std::int64_t width) {
  const metrics::Crop c = metrics::crop_of(rule, height, width);
  at::Tensor mask = at::zeros({height, width}, at::kBool);
  mask.slice(0, c.row_begin, c.row_end).slice(1, c.col_begin, c.col_end).fill_(true);
  return mask;
}

/// Returns the intrinsics of the picture after its first rows and columns are gone.
at::Tensor moved(const at::Tensor& intrinsics_33, const metrics::Crop& crop) {
  at::Tensor shift = at::eye(3, at::kDouble);
  shift[0][2] = -crop.col_begin;
  shift[1][2] = -crop.row_begin;
  return shift.matmul(intrinsics_33);
}

}  // namespace

std::vector<Chosen> choose(DataSet data, const fs::path& root, const Protocol& p, bool partial,
                           std::vector<std::string>& missing) {
  std::vector<Chosen> chosen;
  std::set<std::string> found;
  for (auto& sequence : data.sequences) {
    const bool wanted =
        std::any_of(p.sequences.begin(), p.sequences.end(),
                    [&](const auto& pattern) { return glob_match(pattern, sequence->name()); });
    if (!wanted) continue;
    auto frames = frames_of(p, sequence->frames().size());
    found.insert(sequence->name());
    if (std::ssize(frames) < p.min_frames) {
      missing.push_back(concat(sequence->name(), ": ", frames.size(), " frames of at least ",
                               p.min_frames, " from frame ", p.first, " on"));
    }
    if (!frames.empty()) chosen.push_back({std::move(sequence), std::move(frames)});
  }
  for (const std::string& pattern : p.sequences) {
    if (std::none_of(found.begin(), found.end(),
                     [&](const std::string& name) { return glob_match(pattern, name); }))
      missing.push_back(pattern);
  }
  if (missing.empty() && p.sequence_count > 0 && std::ssize(found) != p.sequence_count)
    missing.push_back(concat(found.size(), " sequences of ", p.sequence_count));
  const std::string incomplete =
      concat(p.name, " is incomplete here, ", missing.size(), " missing: ", join(missing, "; "));
  if (chosen.empty()) throw DataError(root, incomplete);
  if (!missing.empty() && !partial)
    throw DataError(root, concat(incomplete, "; --partial scores what there is"));
  return chosen;
}

Truth read_truth(const Sequence& sequence, const Protocol& p, bool partial,
                 std::vector<std::size_t>& frames, std::vector<std::string>& unusable) {
  std::vector<at::Tensor> depths, valids, intrinsics, poses;
  std::vector<std::size_t> usable;
  std::vector<std::int64_t> posed;
  for (const std::size_t frame : frames) {
    const std::string& name = sequence.frames()[frame];
    try {
      const TrueDepth stored = sequence.depth(frame);
      const metrics::Crop c =
          metrics::crop_of(p.crop, stored.depth_HW.size(0), stored.depth_HW.size(1));
      const auto cut = [&](const at::Tensor& x) {
        return x.slice(0, c.row_begin, c.row_end).slice(1, c.col_begin, c.col_end).contiguous();
      };
      at::Tensor depth = cut(stored.depth_HW);
      if (!depths.empty() && depth.sizes() != depths.front().sizes()) {
        throw DataError(sequence.name(), concat("frame ", name),
                        concat("is ", depth.sizes(), "; the first is ", depths.front().sizes()));
      }
      const Camera camera = p.temporal ? sequence.camera(frame) : Camera{};
      if (camera.intrinsics_33.defined() && camera.cam_to_world_44.defined()) {
        posed.push_back(std::ssize(depths));
        intrinsics.push_back(moved(camera.intrinsics_33, c));
        poses.push_back(camera.cam_to_world_44);
      }
      valids.push_back(cut(stored.valid_HW) & score_mask(p.score_crop, c.height(), c.width()));
      depths.push_back(std::move(depth));
      usable.push_back(frame);
    } catch (const DataError& error) {
      if (!partial) throw;
      unusable.push_back(concat(name, ": ", error.what()));
    } catch (const ShapeError& error) {  // a crop that does not fit
      throw DataError(sequence.name(), concat("frame ", name), error.what());
    }
  }
  frames = std::move(usable);
  if (frames.empty()) return {};
  Truth truth{.depth_THW = at::stack(depths), .valid_THW = at::stack(valids)};
  if (posed.size() > 1) {
    truth.posed_N = at::tensor(posed, at::kLong);
    truth.intrinsics_N33 = at::stack(intrinsics);
    truth.poses_N44 = at::stack(poses);
  }
  return truth;
}

metrics::Aligned fit_to_truth(const at::Tensor& prediction_Thw, PredictionKind kind,
                              const Truth& truth, const Protocol& p) {
  const auto align =
      kind == PredictionKind::kDepth ? metrics::align_depth : metrics::align_disparity;
  return align(prediction_Thw, truth.depth_THW, p.alignment, truth.valid_THW);
}

}  // namespace vdd::eval
