// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vdd::report {

/// Writes any bytes as the content of an element or of a quoted attribute: what HTML would read as
/// markup becomes an entity, what is no valid UTF-8 or a control character other than tab and line
/// end becomes U+FFFD.
std::string html_text(std::string_view text);

/// Encodes by RFC 4648, with padding.
std::string base64(std::string_view bytes);

/// Writes four significant digits, for people: "0.04752", "1.2e-05", "nan".
std::string short_number(double value);

}  // namespace vdd::report
