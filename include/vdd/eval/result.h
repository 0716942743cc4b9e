// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/eval/protocol.h"

// What an evaluation found: the JSON file of `vdd eval --output`.
namespace vdd::eval {

/// Scores of a sequence, which are means over its frames, or of a data set, means over its
/// sequences.
struct Scores {
  double abs_rel = 0, sq_rel = 0, rmse = 0, rmse_log = 0, log10 = 0;
  double delta1 = 0, delta2 = 0, delta3 = 0, silog100 = 0;
  std::optional<double> tae = {};
  std::optional<double> boundary_f1 = {}, boundary_precision = {}, boundary_recall = {};

  constexpr void fields(auto& f) {
    f("abs_rel", abs_rel, "|p - g| / g");
    f("sq_rel", sq_rel, "(p - g)^2 / g, metres");
    f("rmse", rmse, "metres");
    f("rmse_log", rmse_log, "root of the mean square of ln p - ln g");
    f("log10", log10, "|log10 p - log10 g|");
    f("delta1", delta1, "share of max(p/g, g/p) < 1.25");
    f("delta2", delta2, "share of max(p/g, g/p) < 1.25^2");
    f("delta3", delta3, "share of max(p/g, g/p) < 1.25^3");
    f("silog100", silog100, "100 times the standard deviation of ln p - ln g");
    f("tae", tae, "temporal alignment error, a fraction; null: not computed");
    f("boundary_f1", boundary_f1, "Depth Pro's boundary F1; null: not computed");
    f("boundary_precision", boundary_precision, "its precision");
    f("boundary_recall", boundary_recall, "its recall");
  }
};

struct SequenceResult {
  std::string name = "";
  std::vector<std::string> frames = {}, unusable = {};
  std::int64_t scored_frames = 0, pixels = 0, temporal_pairs = 0, temporal_skipped = 0;
  std::string truth_hash = "", prediction_hash = "";
  std::optional<double> scale = {}, shift = {};
  Scores scores = {};

  constexpr void fields(auto& f) {
    f("name", name, "name of the sequence");
    f("frames", frames, "names of the frames that were used");
    f("unusable", unusable, "frames that could not be read, and why; left out");
    f("scored_frames", scored_frames, "frames of them with at least one pixel that counts");
    f("pixels", pixels, "number of pixels that count");
    f("temporal_pairs", temporal_pairs, "directed pairs of neighbours in the TAE");
    f("temporal_skipped", temporal_skipped, "directed pairs without overlap, left out of it");
    f("truth_hash", truth_hash, "SHA-256 of the true depth that was used");
    f("prediction_hash", prediction_hash, "SHA-256 of the prediction");
    f("scale", scale, "scale of the fit; null: one for each frame");
    f("shift", shift, "shift of the fit");
    f("scores", scores, "scores of the sequence");
  }
};

struct EvalResult {
  std::int64_t format = 1;
  std::string version = "", method = "", method_hash = "", method_settings = "";
  PredictionKind predictions_are = PredictionKind::kDisparity;
  Protocol protocol = {};
  std::string protocol_hash = "";
  bool protocol_changed = false, partial = false;
  std::vector<std::string> missing = {}, left_out = {};
  std::vector<SequenceResult> sequences = {};
  Scores mean = {};

  constexpr void fields(auto& f) {
    f("format", format, "version of this file's format", in_range(1, 1));
    f("version", version, "version of vdd");
    f("method", method, "name for tables");
    f("method_hash", method_hash, "content hash of the model; empty for stored predictions");
    f("method_settings", method_settings, "how the model ran; empty for stored predictions");
    f("predictions_are", predictions_are, "disparity or depth");
    f("protocol", protocol, "all of it");
    f("protocol_hash", protocol_hash, "SHA-256 of what decides a score");
    f("protocol_changed", protocol_changed, "it differs from the built-in one of its name");
    f("partial", partial, "sequences or frames of the protocol are missing");
    f("missing", missing, "missing sequences and frames");
    f("left_out", left_out, "what the reader left out");
    f("sequences", sequences, "results of each sequence");
    f("mean", mean, "mean of the scores over the sequences");
  }
};

}  // namespace vdd::eval
