// SPDX-License-Identifier: Apache-2.0
// What a protocol takes out of a data set. Legend: T frames, H W pixels.
#pragma once

#include "vdd/eval/predictions.h"
#include "vdd/metrics/alignment.h"

namespace vdd::eval {

/// A sequence and the frames of it that the protocol takes.
struct Chosen {
  std::unique_ptr<Sequence> sequence;
  std::vector<std::size_t> frames;
};

/// Chooses the sequences that the protocol names; notes those that are missing. Throws DataError
/// naming `root` if there is none, or one is missing and `partial` is not set.
std::vector<Chosen> choose(DataSet data, const std::filesystem::path& root,
                           const Protocol& protocol, bool partial,
                           std::vector<std::string>& missing);

/// Reads the truth; with `partial`, frames that cannot be read leave `frames` and are noted.
Truth read_truth(const Sequence& sequence, const Protocol& protocol, bool partial,
                 std::vector<std::size_t>& frames, std::vector<std::string>& unusable);

/// Fits a prediction to the truth as the protocol says for that `kind` of predictions.
metrics::Aligned fit_to_truth(const at::Tensor& prediction_Thw, PredictionKind kind,
                              const Truth& truth, const Protocol& protocol);

}  // namespace vdd::eval
