// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/eval/sequence.h"
#include "vdd/metrics/alignment.h"
#include "vdd/metrics/boundary.h"
#include "vdd/metrics/temporal.h"

namespace vdd::eval {

/// What a prediction is, up to its fit: disparity is affine in 1/depth, as that of most video
/// methods; depth is affine in depth.
enum class PredictionKind { kDisparity, kDepth };
constexpr auto names(PredictionKind) {
  return enum_names<PredictionKind>(
      {{PredictionKind::kDisparity, "disparity"}, {PredictionKind::kDepth, "depth"}});
}

/// Pixels that the temporal alignment error uses: those with valid truth, or all.
enum class TemporalMask { kValid, kAll };
constexpr auto names(TemporalMask) {
  return enum_names<TemporalMask>({{TemporalMask::kValid, "valid"}, {TemporalMask::kAll, "all"}});
}

/// Everything that decides a score, apart from the method and the files. What differs in any of it
/// is another protocol, and is never compared.
struct Protocol {
  std::string name = "";
  std::string about = "";
  ReaderConfig data = {};
  std::vector<std::string> sequences = {"*"};
  std::int64_t sequence_count = 0;
  std::int64_t first = 0, step = 1, frames = 0, min_frames = 1;
  std::int64_t height = 320, width = 640;
  metrics::CropRule crop = metrics::CropRule::kNone;
  metrics::CropRule score_crop = metrics::CropRule::kNone;
  metrics::AlignmentConfig alignment = {};
  bool temporal = false;
  TemporalMask temporal_mask = TemporalMask::kValid;
  metrics::TemporalConfig temporal_error = {};
  bool boundary = false;
  metrics::BoundaryConfig boundary_score = {};

  constexpr void fields(auto& f) {
    f("name", name, "name@version; a change of anything below is a new version", non_empty);
    f("about", about, "description: what it is, and where it comes from");
    f("data", data, "how the data set is read");
    f("sequences", sequences, "names, or patterns such as vkitti2/Scene01/*/Camera_0", non_empty);
    f("sequence_count", sequence_count, "number of sequences that there must be; 0: any",
      non_negative);
    f("first", first, "index of the first frame of a sequence", non_negative);
    f("step", step, "step between the frames", at_least(1));
    f("frames", frames, "largest number of frames of a sequence; 0: all", non_negative);
    f("min_frames", min_frames, "smallest number of frames; a sequence with fewer is incomplete",
      at_least(1));
    f("height", height, "height of the network's input, in pixels; frames are stretched to it",
      multiple_of(64), positive);
    f("width", width, "width of the network's input, in pixels", multiple_of(64), positive);
    f("crop", crop, "crop of pictures and truth before anything else");
    f("score_crop", score_crop, "part of the cropped frame in which pixels count");
    f("alignment", alignment, "from the prediction to metres, and which true depths count");
    f("temporal", temporal, "temporal alignment error (TAE), where the data set has poses");
    f("temporal_mask", temporal_mask, "pixels that it uses: those with valid truth, or all");
    f("temporal_error", temporal_error, "how it is computed");
    f("boundary", boundary, "boundary scores; for dense truth only");
    f("boundary_score", boundary_score, "how they are computed");
  }
};

/// Lists the built-in protocols, sorted by name.
const std::vector<Protocol>& protocols();

/// Finds a built-in protocol by name, or reads one from a YAML file (text that ends in .yaml),
/// changed by `key.sub=value` overrides. Throws ConfigError, with what was probably meant.
Protocol find_protocol(const std::string& name, std::span<const std::string> overrides = {});

/// Returns the indices of the frames that a protocol takes of `available` ones.
std::vector<std::size_t> frames_of(const Protocol& protocol, std::size_t available);

/// Computes SHA-256 of all that decides a score: every field but `name` and `about`.
std::string fingerprint(Protocol protocol);

/// Writes a Markdown table: name, start of the fingerprint, and what it is.
std::string list_protocols();

}  // namespace vdd::eval
