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
constexpr std::uint64_t kMaxMatlabBytes = 16 << 20;  // of the file, and of an inflated array
constexpr std::size_t kTagBytes = 8;
constexpr std::size_t kStartBytes = 4096;  // of an array: far more than comes before its numbers
enum ElementType : std::uint32_t { kMatrixElement = 14, kDeflatedElement = 15 };

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
    std::size_t at = kTagBytes, padded = 0;
    if (type > 0xffff) {  // a short one: both numbers in four bytes, the data in the next four
      bytes = type >> 16, type &= 0xffff, at = 4, padded = 8;
      if (bytes > 4) refuse("damaged element");
    } else {
      bytes = word(4);
      padded = at + bytes;
      if (type != kDeflatedElement) padded = (padded + 7) / 8 * 8;
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

/// An element that lies deflated in another.
class Deflated {
 public:
  Deflated(const std::filesystem::path& path, std::string_view bytes) : path_(path) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    if (::inflateInit(&stream_) != Z_OK) throw ResourceError("zlib: out of memory");
  }
  ~Deflated() { ::inflateEnd(&stream_); }
  Deflated(const Deflated&) = delete;
  Deflated& operator=(const Deflated&) = delete;

  /// Inflates the next bytes, at most `most`.
  std::string next(std::size_t most) {
    std::string out(most, '\0');
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(most);
    const int status = ::inflate(&stream_, Z_SYNC_FLUSH);
    ended_ = status == Z_STREAM_END;
    if (!ended_ && stream_.avail_out != 0) throw DataError(path_, "damaged element");
    out.resize(most - stream_.avail_out);
    return out;
  }
  /// True once everything is read, and its checksum verified.
  bool ended() const { return ended_; }

 private:
  const std::filesystem::path& path_;
  z_stream stream_{};
  bool ended_ = false;
};

template <typename T>
std::vector<double> numbers(std::string_view data) {
  std::vector<double> out;
  out.reserve(data.size() / sizeof(T));
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

/// Tells whether the array is called `name`; the start of its content is enough.
bool is_called(const std::filesystem::path& path, std::string_view content,
               const std::string& name) {
  Elements parts(path, content);
  parts.require();  // flags
  parts.require();  // sides
  return parts.require().data == name;
}

std::vector<double> array_of(const std::filesystem::path& path, std::string_view content) {
  Elements parts(path, content);
  parts.require();  // flags
  const std::vector<double> sides = numbers(parts, parts.require());
  parts.require();  // name
  std::vector<double> values = numbers(parts, parts.require());
  double wanted = 1;
  for (const double side : sides) wanted *= side;
  if (static_cast<double>(values.size()) != wanted) parts.refuse("damaged array");
  return values;
}

/// Inflates the element inside if it is the array called `name`; of others only the start.
std::string inflated_array(const std::filesystem::path& path, std::string_view bytes,
                           const std::string& name) {
  Deflated deflated(path, bytes);
  std::string out = deflated.next(kStartBytes);
  if (out.size() < kTagBytes) throw DataError(path, "damaged element");
  std::uint32_t type = 0, size = 0;
  std::memcpy(&type, out.data(), sizeof type);
  std::memcpy(&size, out.data() + sizeof type, sizeof size);
  if (type != kMatrixElement || !is_called(path, std::string_view(out).substr(kTagBytes), name))
    return "";
  if (size > kMaxMatlabBytes) throw DataError(path, "unreasonably large array");
  const std::size_t most = kTagBytes + size + kTagBytes;  // it may be padded
  if (!deflated.ended() && most > out.size()) out += deflated.next(most - out.size());
  if (!deflated.ended()) throw DataError(path, "damaged element");
  return out;
}

}  // namespace

std::vector<double> read_matlab_array(const std::filesystem::path& path, const std::string& name) {
  const std::string file = read_file(path, kMaxMatlabBytes);
  if (file.size() < kHeaderBytes || file.compare(kHeaderBytes - 2, 2, "IM") != 0)
    throw DataError(path, "is no MATLAB file of version 5 to 7");
  Elements elements(path, std::string_view(file).substr(kHeaderBytes));
  while (const auto element = elements.next()) {
    if (element->type == kDeflatedElement) {
      const std::string inside = inflated_array(path, element->data, name);
      if (!inside.empty()) return array_of(path, Elements(path, inside).require().data);
    } else if (element->type == kMatrixElement && is_called(path, element->data, name)) {
      return array_of(path, element->data);
    }
  }
  throw DataError(path, concat("no array \"", name, '"'));
}

}  // namespace vdd::io
