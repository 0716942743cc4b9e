// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vdd::data {

/// Which sequences of a data set are drawn from; kAll: every one, for checks.
enum class Split { kTrain, kValidation, kAll };

}  // namespace vdd::data
