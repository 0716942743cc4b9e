// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // as in the Python library
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxMetadata = 65'536;
constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kMaxNameBytes = 512;

struct DtypeRow {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DtypeRow, 13> kDtypes = {{{"BOOL", 1},
                                               {"U8", 1},
                                               {"I8", 1},
                                               {"I16", 2},
                                               {"U16", 2},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"I32", 4},
                                               {"U32", 4},
                                               {"F32", 4},
                                               {"F64", 8},
                                               {"I64", 8},
                                               {"U64", 8}}};

/// What a file is that starts like this and is no safetensors file.
std::string_view other_kind(std::string_view start) {
  struct Kind {
    std::string_view magic, name;
  };
  using namespace std::string_view_literals;
  constexpr std::array<Kind, 16> kKinds = {{
      {"version https://git-lfs",
       "a Git LFS pointer, the weights themselves were not downloaded (git lfs pull)"},
      {"PK\x03\x04"sv,
       "a zip archive, perhaps a PyTorch .pt or .bin file; only safetensors are read"},
      {"PK\x05\x06"sv, "an empty zip archive"},
      {"\x80\x02"sv,
       "a Python pickle, perhaps a PyTorch .pt or .bin file; only safetensors are read"},
      {"\x80\x03"sv, "a Python pickle; only safetensors are read"},
      {"\x80\x04"sv, "a Python pickle; only safetensors are read"},
      {"\x80\x05"sv, "a Python pickle; only safetensors are read"},
      {"\x89HDF\r\n"sv, "an HDF5 file; only safetensors are read"},
      {"\x93NUMPY"sv, "a NumPy file; only safetensors are read"},
      {"\x1f\x8b"sv, "gzip-compressed data"},
      {"\x28\xb5\x2f\xfd"sv, "zstd-compressed data"},
      {"GGUF", "a GGUF file; only safetensors are read"},
      {"\x89PNG"sv, "a PNG picture"},
      {"\xff\xd8\xff"sv, "a JPEG picture"},
      {"\x7f"
       "ELF"sv,
       "a program"},
      {"%PDF", "a PDF document"},
  }};
  for (const Kind& kind : kKinds) {
    if (start.starts_with(kind.magic)) return kind.name;
  }
  const std::string_view text = trim(start.starts_with("\xef\xbb\xbf") ? start.substr(3) : start);
  if (text.size() < 2 || text[1] < ' ') return "";
  if (text.starts_with('<'))
    return "a web page or XML text, perhaps an error message saved by a download";
  if (text.starts_with('{') || text.starts_with('[')) return "JSON text";
  return "";
}

/// Reads the header's JSON as a stream of events, so that a key that appears twice is seen and
/// nothing but the entries is kept.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::filesystem::path& path, SafetensorsHeader& out)
      : path_(path), out_(out) {}

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) return enter(Place::kRoot);
    if (place_ == Place::kTensor && field_ == Field::kNone && !opened_) return opened_ = true;
    if (place_ == Place::kMetadata && !opened_) return opened_ = true;
    fail("an object where none belongs");
  }

  bool key(std::string& text) override {
    if (place_ == Place::kRoot)
      return text == "__metadata__" ? begin_metadata() : begin_tensor(text);
    if (place_ == Place::kMetadata) {
      metadata_key_ = text;
      if (out_.metadata.size() == kMaxMetadata)
        fail(concat("more than ", kMaxMetadata, " metadata keys"));
      if (out_.metadata.contains(text)) fail(concat("metadata key '", text, "' appears twice"));
      return true;
    }
    constexpr std::array<std::string_view, 3> kFields = {"dtype", "shape", "data_offsets"};
    const auto found = std::find(kFields.begin(), kFields.end(), text);
    if (found == kFields.end()) fail(concat("unknown field '", text.substr(0, 60), "'"));
    const auto index = static_cast<std::size_t>(found - kFields.begin());
    if (std::exchange(seen_[index], true)) fail(concat("field '", text, "' appears twice"));
    field_ = static_cast<Field>(index);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kRoot) return enter(Place::kEnd);
    if (place_ == Place::kTensor) finish_tensor();
    return enter(Place::kRoot);
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor || !opened_ || in_array_ ||
        (field_ != Field::kShape && field_ != Field::kOffsets)) {
      fail("a list where none belongs");
    }
    return in_array_ = true;
  }

  bool end_array() override {
    if (field_ == Field::kOffsets && numbers_.size() != 2) fail("data_offsets are not two numbers");
    if (field_ == Field::kShape) shape_ = std::move(numbers_);
    if (field_ == Field::kOffsets) offsets_ = {numbers_[0], numbers_[1]};
    numbers_.clear();
    in_array_ = false;
    field_ = Field::kNone;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!in_array_) fail("a number where none belongs");
    if (field_ == Field::kShape && numbers_.size() == kMaxRank)
      fail(concat("has more than ", kMaxRank, " dimensions"));
    if (field_ == Field::kOffsets && numbers_.size() == 2) fail("data_offsets are not two numbers");
    numbers_.push_back(value);
    return true;
  }
  bool number_integer(std::int64_t value) override { fail(concat("negative number ", value)); }
  bool number_float(double, const std::string& text) override {
    fail(concat("'", text.substr(0, 40), "' is no whole number of at most 64 bits"));
  }

  bool string(std::string& text) override {
    if (place_ == Place::kMetadata && opened_) {
      out_.metadata.emplace(std::move(metadata_key_), std::move(text));
      return true;
    }
    if (place_ != Place::kTensor || field_ != Field::kDtype) fail("a text where none belongs");
    const auto row =
        std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& d) { return d.name == text; });
    if (row == kDtypes.end()) fail(concat("unknown dtype '", text.substr(0, 40), "'"));
    entry_.dtype = static_cast<SafetensorsDtype>(row - kDtypes.begin());
    field_ = Field::kNone;
    return true;
  }

  bool null() override { fail("null where a value belongs"); }
  bool boolean(bool) override { fail("true or false where none belongs"); }
  bool binary(nlohmann::json::binary_t&) override { fail("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail_header(concat("header is no valid JSON at byte ", position + 7));
  }

 private:
  enum class Place { kStart, kRoot, kMetadata, kTensor, kEnd };
  enum class Field { kDtype, kShape, kOffsets, kNone };

  [[noreturn]] void fail(std::string_view reason) const {
    if (place_ != Place::kTensor) fail_header(concat("header: ", reason));
    throw DataError(path_, concat("tensor '", entry_.name, "'"), reason);
  }
  [[noreturn]] void fail_header(std::string_view reason) const { throw DataError(path_, reason); }

  bool enter(Place place) {
    place_ = place;
    opened_ = false;
    return true;
  }

  bool begin_metadata() {
    if (std::exchange(has_metadata_, true)) fail("'__metadata__' appears twice");
    return enter(Place::kMetadata);
  }

  bool begin_tensor(const std::string& name) {
    enter(Place::kTensor);
    entry_ = {};
    entry_.name = name;
    field_ = Field::kNone;
    seen_ = {};
    if (const std::string_view reason = bad_tensor_name(name); !reason.empty()) fail(reason);
    if (out_.entries.size() == kMaxTensors)
      fail_header(concat("header names more than ", kMaxTensors, " tensors"));
    if (!names_.insert(name).second) fail("appears twice");
    return true;
  }

  void finish_tensor() {
    if (!seen_[0] || !seen_[1] || !seen_[2]) fail("dtype, shape or data_offsets is missing");
    std::uint64_t bytes = safetensors_bytes(entry_.dtype);
    bool empty = false;
    for (const std::uint64_t size : shape_) {  // a zero must not hide that the others overflow
      empty = empty || size == 0;
      if (size > INT64_MAX ||
          __builtin_mul_overflow(bytes, std::max<std::uint64_t>(size, 1), &bytes) ||
          bytes > INT64_MAX) {
        fail("shape is larger than any file");
      }
      entry_.shape.push_back(static_cast<std::int64_t>(size));
    }
    if (empty) bytes = 0;
    const auto [begin, end] = offsets_;
    if (end < begin) fail(concat("data_offsets [", begin, ',', end, "] run backwards"));
    if (end - begin != bytes) {
      fail(concat("shape and dtype need ", bytes, " bytes, data_offsets hold ", end - begin));
    }
    entry_.begin = begin;
    entry_.end = end;
    out_.entries.push_back(std::move(entry_));
  }

  const std::filesystem::path& path_;
  SafetensorsHeader& out_;
  Place place_ = Place::kStart;
  Field field_ = Field::kNone;
  bool opened_ = false, in_array_ = false, has_metadata_ = false;
  std::array<bool, 3> seen_{};
  std::vector<std::uint64_t> numbers_, shape_;
  std::pair<std::uint64_t, std::uint64_t> offsets_;
  std::string metadata_key_;
  SafetensorsEntry entry_;
  std::unordered_set<std::string> names_;
};

/// The entries must cover the data without hole or overlap. Makes their offsets count from the
/// start of the file.
void check_layout(SafetensorsHeader& header, std::uint64_t data_begin, std::uint64_t file_size,
                  const std::filesystem::path& path) {
  std::stable_sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  const std::uint64_t data_bytes = file_size - data_begin;
  std::uint64_t expected = 0;
  for (SafetensorsEntry& entry : header.entries) {
    const std::string where = concat("tensor '", entry.name, "'");
    if (entry.end > data_bytes) {
      throw DataError(path, where,
                      concat("ends at byte ", entry.end, " of the data, the file holds ",
                             data_bytes, "; is it cut off?"));
    }
    if (entry.begin != expected) {
      throw DataError(path, where,
                      concat("starts at byte ", entry.begin, " of the data, ", expected,
                             " is next: ", entry.begin > expected ? "a hole" : "an overlap"));
    }
    expected = entry.end;
    entry.begin += data_begin;
    entry.end += data_begin;
  }
  if (expected != data_bytes) {
    throw DataError(path,
                    concat(data_bytes - expected, " bytes after the last tensor belong to none"));
  }
}

}  // namespace

std::string_view safetensors_name(SafetensorsDtype dtype) {
  return kDtypes[static_cast<std::size_t>(dtype)].name;
}

std::size_t safetensors_bytes(SafetensorsDtype dtype) {
  return kDtypes[static_cast<std::size_t>(dtype)].bytes;
}

std::string_view bad_tensor_name(std::string_view name) {
  if (name.empty()) return "has an empty name";
  if (name.size() > kMaxNameBytes) return "has a name of more than 512 bytes";
  if (name.find_first_of("/\\") != std::string_view::npos ||
      name.find("..") != std::string_view::npos) {
    return "has a name like a path";
  }
  if (escape(name, name.size() * 4) != name) return "has control characters in its name";
  return "";
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::filesystem::path& path) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const bool plausible =
      text.size() > 8 && text[8] == '{' && text.substr(4, 4) == std::string_view("\0\0\0\0", 4);
  const std::string_view kind = plausible ? "" : other_kind(text.substr(0, 64));
  const auto fail = [&](std::string_view reason) {
    throw DataError(path, kind.empty() ? concat("no safetensors file: ", reason)
                                       : concat("no safetensors file but ", kind));
  };
  if (file.empty()) fail("it is empty");
  if (file.size() < 8) fail(concat("it has only ", file.size(), " bytes"));
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | std::to_integer<std::uint64_t>(file[static_cast<std::size_t>(i)]);
  if (length < 2) fail("the header is empty");
  if (length > kMaxHeaderBytes)
    fail(concat("a header of ", length, " bytes is more than ", kMaxHeaderBytes));
  if (length > file.size() - 8) {
    fail(concat("the header should have ", length, " bytes, the file ends after ", file.size() - 8,
                "; is it cut off?"));
  }
  const std::string_view json = text.substr(8, length);
  if (json.front() != '{') fail("the header does not start with '{'");

  // The JSON library takes a NUL for the end of its input, so whatever follows one would go unread.
  if (json.find('\0') != std::string_view::npos)
    fail("the header is no valid JSON: it holds a NUL");

  SafetensorsHeader header;
  HeaderReader reader(path, header);
  nlohmann::json::sax_parse(json, &reader);
  check_layout(header, 8 + length, file.size(), path);
  return header;
}

}  // namespace vdd::io
