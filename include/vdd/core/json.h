// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace vdd {

/// Parses `text`, all of which must be one document. The result is_discarded() if it is not, if
/// lists and objects lie in one another more than 64 deep, or if an object has more than 1024
/// members. Without these limits a file of a megabyte could use up the stack, of which copying,
/// writing and freeing a document take some for each level, or much time, since finding a member
/// passes others.
nlohmann::ordered_json parse_json(std::string_view text);

}  // namespace vdd
