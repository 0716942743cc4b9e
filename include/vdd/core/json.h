// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace vdd {

/// The document that is the whole of `text`; is_discarded() if there is none, if lists and objects
/// lie in one another more than 64 deep, or if an object has more than 1024 members. Copying,
/// writing and freeing a document takes stack for each level, and finding a member time for each
/// other, which a file of a megabyte could ask more of than there is.
nlohmann::ordered_json parse_json(std::string_view text);

}  // namespace vdd
