// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/error.h"

#include "vdd/core/text.h"

namespace vdd {

DataError::DataError(const std::filesystem::path& path, std::string_view where,
                     std::string_view reason)
    : Error(where.empty() ? concat(escape(path.string(), 1000), ": ", escape(reason, 1000))
                          : concat(escape(path.string(), 1000), ": ", escape(where), ": ",
                                   escape(reason, 1000)),
            ExitCode::kData) {}

}  // namespace vdd
