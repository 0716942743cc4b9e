// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/matlab.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

// A file is a header of 128 bytes and elements: a tag (type, bytes), the data, and padding to 8
// bytes. An array is an element of elements: flags, sides, name, numbers.
namespace vdd::io {
namespace {

constexpr std::size_t kHeaderBytes = 128;
constexpr std::uint64_t kMaxBytes = 64 << 20;  // of the file, and of an inflated element
enum Type : std::uint32_t { kMatrix = 14, kDeflated = 15 };

struct Element {
  std::uint32_t type = 0;
  std::string_view data;
};

/// Walks over elements.
class Elements {
 public:
  Elements(const std::filesystem::path& path, std::string_view bytes) : path_(path), rest_(bytes) {}

  std::optional<Element> next() {
    if (rest_.empty()) return std::nullopt;
    std::uint32_t type = word(0), bytes = 0;
    std::size_t at = 8, padded = 0;
    if (type > 0xffff) {  // a short one: both numbers in four bytes, the data in the next four
      bytes = type >> 16, type &= 0xffff, at = 4, padded = 8;
      if (bytes > 4) refuse("damaged element");
    } else {
      bytes = word(4);
      padded = at + bytes;
      if (type != kDeflated) padded = (padded + 7) / 8 * 8;
    }
    if (at + bytes > rest_.size()) refuse("the file is cut");
    const Element element{type, rest_.substr(at, bytes)};
    rest_.remove_prefix(std::min(padded, rest_.size()));
    return element;
  }
  Element require() {
    const auto element = next();
    if (!element) refuse("damaged array");
    return *element;
  }
  [[noreturn]] void refuse(std::string_view reason) const { throw DataError(path_, reason); }

 private:
  std::uint32_t word(std::size_t at) const {
    if (at + 4 > rest_.size()) refuse("the file is cut");
    std::uint32_t value = 0;
    std::memcpy(&value, rest_.data() + at, sizeof value);
    return value;
  }

  const std::filesystem::path& path_;
  std::string_view rest_;
};

std::string inflated(const std::filesystem::path& path, std::string_view deflated) {
  std::string out(std::clamp<std::size_t>(8 * deflated.size(), 4096, kMaxBytes), '\0');
  while (true) {
    uLongf bytes = out.size();
    const int status =
        ::uncompress(reinterpret_cast<Bytef*>(out.data()), &bytes,
                     reinterpret_cast<const Bytef*>(deflated.data()), deflated.size());
    if (status == Z_OK) return out.substr(0, bytes);
    if (status != Z_BUF_ERROR || out.size() >= kMaxBytes)
      throw DataError(path, "damaged or unreasonably large element");
    out.resize(std::min<std::size_t>(4 * out.size(), kMaxBytes));
  }
}

template <typename T>
std::vector<double> numbers(std::string_view data) {
  std::vector<double> out;
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof value);
    out.push_back(static_cast<double>(value));
  }
  return out;
}

std::vector<double> numbers(const Elements& where, const Element& element) {
  switch (element.type) {
    case 1:
      return numbers<std::int8_t>(element.data);
    case 2:
      return numbers<std::uint8_t>(element.data);
    case 3:
      return numbers<std::int16_t>(element.data);
    case 4:
      return numbers<std::uint16_t>(element.data);
    case 5:
      return numbers<std::int32_t>(element.data);
    case 6:
      return numbers<std::uint32_t>(element.data);
    case 7:
      return numbers<float>(element.data);
    case 9:
      return numbers<double>(element.data);
    default:
      where.refuse(concat("numbers of unsupported type ", element.type));
  }
}

}  // namespace

std::vector<double> read_matlab_array(const std::filesystem::path& path, const std::string& name) {
  const std::string file = read_file(path, kMaxBytes);
  if (file.size() < kHeaderBytes || file.compare(kHeaderBytes - 2, 2, "IM") != 0)
    throw DataError(path, "is no MATLAB file of version 5 to 7");
  Elements elements(path, std::string_view(file).substr(kHeaderBytes));
  while (auto element = elements.next()) {
    std::string bytes;
    if (element->type == kDeflated) {
      bytes = inflated(path, element->data);
      element = Elements(path, bytes).require();
    }
    if (element->type != kMatrix) continue;
    Elements parts(path, element->data);
    parts.require();  // flags
    const std::vector<double> sides = numbers(parts, parts.require());
    if (parts.require().data != name) continue;
    std::vector<double> values = numbers(parts, parts.require());
    double wanted = 1;
    for (const double side : sides) wanted *= side;
    if (static_cast<double>(values.size()) != wanted) parts.refuse("damaged array");
    return values;
  }
  throw DataError(path, concat("no array \"", name, '"'));
}

}  // namespace vdd::io
