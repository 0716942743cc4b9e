// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/evaluate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "truth.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/progress.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;

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

SequenceResult score(const ScoredClip& clip, Predictions& predictions) {
  const Protocol& p = clip.protocol;
  const Truth& truth = clip.truth;
  SequenceResult result{.name = clip.sequence.name()};
  for (const std::size_t frame : clip.frames)
    result.frames.push_back(clip.sequence.frames()[frame]);
  result.truth_hash = hash_of(truth.depth_THW);

  const at::Tensor prediction = predictions.predict(clip);
  result.prediction_hash = hash_of(prediction);
  const metrics::Aligned aligned = fit_to_truth(prediction, predictions.kind(), truth, p);
  const metrics::DepthScores depth =
      metrics::score_depth(aligned.depth_THW, truth.depth_THW, aligned.valid_THW);
  if (depth.frames == 0) {
    throw DataError(clip.sequence.name(),
                    concat("frames ", result.frames.front(), " to ", result.frames.back()),
                    concat("no pixel has a true depth between ", p.alignment.min_depth, " and ",
                           p.alignment.max_depth, " m"));
  }
  result.scores = scores_of(depth);
  result.scored_frames = depth.frames;
  result.pixels = depth.pixels;
  if (p.alignment.scope == metrics::FitScope::kClip) {
    result.scale = aligned.scale_shift_G2[0][0].item<double>();
    result.shift = aligned.scale_shift_G2[0][1].item<double>();
  }
  if (truth.posed_N.defined()) {
    const auto posed = [&](const at::Tensor& x) { return x.index_select(0, truth.posed_N); };
    const auto temporal = metrics::score_temporal(
        posed(aligned.depth_THW), truth.intrinsics_N33, truth.poses_N44, p.temporal_error,
        p.temporal_mask == TemporalMask::kValid ? posed(aligned.valid_THW) : at::Tensor());
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
  // The mean of these is over the sequences that have the score.
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
  auto chosen = choose(std::move(data), root, protocol, options.partial, result.missing);
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
