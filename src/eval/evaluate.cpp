// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/evaluate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/progress.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;

/// A sequence and the frames of it that the protocol takes.
struct Chosen {
  std::unique_ptr<Sequence> sequence;
  std::vector<std::size_t> frames;
};

/// Takes the sequences that the protocol names out of a data set; notes those that are missing.
std::vector<Chosen> choose(DataSet& data, const Protocol& p, std::vector<std::string>& missing) {
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
  for (const std::string& name : p.sequences) {
    if (name.find_first_of("*?") == name.npos && !found.contains(name)) missing.push_back(name);
  }
  if (missing.empty() && p.sequence_count > 0 && std::ssize(found) != p.sequence_count)
    missing.push_back(concat(found.size(), " sequences of ", p.sequence_count));
  return chosen;
}

/// The part of a score crop that counts, as a mask.
at::Tensor score_mask(const std::string& name, std::int64_t height, std::int64_t width) {
  const metrics::Crop c = metrics::crop_of(name, height, width);
  at::Tensor mask = at::zeros({height, width}, at::kBool);
  mask.slice(0, c.row_begin, c.row_end).slice(1, c.col_begin, c.col_end).fill_(true);
  return mask;
}

/// Intrinsics of the picture after its first rows and columns are gone.
at::Tensor moved(const at::Tensor& intrinsics_33, const metrics::Crop& crop) {
  at::Tensor shift = at::eye(3, at::kDouble);
  shift[0][2] = -crop.col_begin;
  shift[1][2] = -crop.row_begin;
  return shift.matmul(intrinsics_33);
}

/// Reads the truth; with `partial`, frames that cannot be read leave `frames` and are noted.
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

std::string hash_of(const at::Tensor& values) {
  const at::Tensor bytes = values.contiguous();
  return Sha256().update(bytes.const_data_ptr(), static_cast<std::size_t>(bytes.nbytes())).hex();
}

Scores scores_of(const metrics::DepthScores& s) {
  return {.abs_rel = s.abs_rel,
          .sq_rel = s.sq_rel,
          .rmse = s.rmse,
          .rmse_log = s.rmse_log,
          .log10 = s.log10,
          .delta1 = s.delta1,
          .delta2 = s.delta2,
          .delta3 = s.delta3,
          .silog100 = s.silog100};
}

SequenceResult score(const Task& task, Predictions& predictions) {
  const Protocol& p = task.protocol;
  const Truth& truth = task.truth;
  SequenceResult result{.name = task.sequence.name()};
  for (const std::size_t frame : task.frames)
    result.frames.push_back(task.sequence.frames()[frame]);
  result.truth_hash = hash_of(truth.depth_THW);

  const at::Tensor prediction = predictions.predict(task);
  result.prediction_hash = hash_of(prediction);
  const auto align =
      predictions.kind() == "depth" ? metrics::align_depth : metrics::align_disparity;
  const metrics::Aligned aligned = align(prediction, truth.depth_THW, p.alignment, truth.valid_THW);
  const metrics::DepthScores depth =
      metrics::score_depth(aligned.depth_THW, truth.depth_THW, aligned.valid_THW);
  if (depth.frames == 0) {
    throw DataError(task.sequence.name(),
                    concat("frames ", result.frames.front(), " to ", result.frames.back()),
                    concat("no pixel has a true depth between ", p.alignment.min_depth, " and ",
                           p.alignment.max_depth, " m"));
  }
  result.scores = scores_of(depth);
  result.scored_frames = depth.frames;
  result.pixels = depth.pixels;
  if (p.alignment.scope == "clip") {
    result.scale = aligned.scale_shift_G2[0][0].item<double>();
    result.shift = aligned.scale_shift_G2[0][1].item<double>();
  }
  if (truth.posed_N.defined()) {
    const auto posed = [&](const at::Tensor& x) { return x.index_select(0, truth.posed_N); };
    const auto temporal = metrics::score_temporal(
        posed(aligned.depth_THW), truth.intrinsics_N33, truth.poses_N44, p.temporal_error,
        p.temporal_mask == "valid" ? posed(aligned.valid_THW) : at::Tensor());
    result.temporal_pairs = temporal.pairs;
    result.temporal_skipped = temporal.skipped;
    if (temporal.pairs > 0) result.scores.tae = temporal.tae;
  }
  if (p.boundary) {
    const auto edges = metrics::score_boundaries(
        aligned.depth_THW,
        truth.depth_THW.to(at::kDouble).clamp(p.alignment.floor, p.alignment.max_depth),
        p.boundary_score);
    result.scores.boundary_f1 = edges.f1;
    result.scores.boundary_precision = edges.precision;
    result.scores.boundary_recall = edges.recall;
  }
  return result;
}

Scores mean_of(const std::vector<SequenceResult>& sequences) {
  Scores mean;
  const auto average = [&](auto member) {
    double sum = 0;
    for (const auto& s : sequences) sum += s.scores.*member;
    mean.*member = sum / static_cast<double>(sequences.size());
  };
  for (const auto member :
       {&Scores::abs_rel, &Scores::sq_rel, &Scores::rmse, &Scores::rmse_log, &Scores::log10,
        &Scores::delta1, &Scores::delta2, &Scores::delta3, &Scores::silog100})
    average(member);
  // Over the sequences that have one.
  for (const auto member : {&Scores::tae, &Scores::boundary_f1, &Scores::boundary_precision,
                            &Scores::boundary_recall}) {
    double sum = 0, count = 0;
    for (const auto& s : sequences) {
      if (s.scores.*member) sum += *(s.scores.*member), ++count;
    }
    if (count > 0) mean.*member = sum / count;
  }
  return mean;
}

}  // namespace

EvalResult evaluate(const fs::path& root, const Protocol& protocol, Predictions& predictions,
                    const EvalOptions& options) {
  EvalResult result{.version = version(),
                    .method = options.method,
                    .method_hash = options.method_hash,
                    .method_settings = options.method_settings,
                    .predictions_are = predictions.kind(),
                    .protocol = protocol,
                    .protocol_hash = fingerprint(protocol)};
  for (const Protocol& built_in : protocols()) {
    if (built_in.name == protocol.name)
      result.protocol_changed = fingerprint(built_in) != result.protocol_hash;
  }
  DataSet data = open_data_set(root, protocol.data);
  result.left_out = data.left_out;
  auto chosen = choose(data, protocol, result.missing);
  data.sequences.clear();
  if (chosen.empty() || (!result.missing.empty() && !options.partial)) {
    throw DataError(
        root, concat(protocol.name, " is incomplete here, ", result.missing.size(),
                     " missing: ", join(result.missing, "; "), "; --partial scores what there is"));
  }
  Progress progress("eval", {.total = std::ssize(chosen)});
  for (auto& [sequence, frames] : chosen) {
    std::vector<std::string> unusable;
    const Truth truth = read_truth(*sequence, protocol, options.partial, frames, unusable);
    if (frames.empty()) {
      result.missing.push_back(concat(sequence->name(), ": no readable frame"));
    } else {
      result.sequences.push_back(score({*sequence, frames, protocol, truth}, predictions));
      result.sequences.back().unusable = unusable;
      for (const std::string& frame : unusable)
        result.missing.push_back(concat(sequence->name(), ": ", frame));
    }
    progress.update(std::ssize(result.sequences), sequence->name());
    sequence.reset();  // and with it what it has cached
  }
  if (result.sequences.empty()) throw DataError(root, "no sequence could be read");
  result.partial = !result.missing.empty();
  result.mean = mean_of(result.sequences);
  return result;
}

}  // namespace vdd::eval
