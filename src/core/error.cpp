// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/error.h"

#include "vdd/core/text.h"

namespace vdd {

DataError::DataError(const std::filesystem::path& path, std::string_view where,
                     std::string_view reason)
    : Error(where.empty() ? concat(shown(path), ": ", escape(reason, 1000))
                          : concat(shown(path), ": ", escape(where), ": ", escape(reason, 1000)),
            ExitCode::kData) {}

}  // namespace vdd
