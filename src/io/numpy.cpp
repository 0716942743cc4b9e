// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/numpy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/mapped_file.h"
#include "vdd/core/text.h"
#include "zip.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 1 << 16, kMaxRank = 8;
constexpr std::size_t kMaxHeaderEnd = 12 + kMaxHeader;  // with the magic, the version, the length

struct Kind {
  std::string_view code;  ///< NumPy's code of the type, without the byte order
  at::ScalarType stored;
  std::int64_t bytes;
  at::ScalarType returned;  ///< the type that holds every stored value
};

// Unsigned numbers are widened from the signed type of the same size.
constexpr Kind kKinds[] = {
    {"b1", at::kBool, 1, at::kBool},     {"u1", at::kByte, 1, at::kByte},
    {"i1", at::kChar, 1, at::kChar},     {"i2", at::kShort, 2, at::kShort},
    {"u2", at::kShort, 2, at::kInt},     {"i4", at::kInt, 4, at::kInt},
    {"u4", at::kInt, 4, at::kLong},      {"i8", at::kLong, 8, at::kLong},
    {"f2", at::kHalf, 2, at::kHalf},     {"f4", at::kFloat, 4, at::kFloat},
    {"f8", at::kDouble, 8, at::kDouble},
};

/// Throws an error for a reason, wherever in a file the array lies.
using Refuse = std::function<void(std::string_view reason)>;

/// Calls `take`, which takes memory for an array.
template <typename Take>
auto with_memory(std::uint64_t bytes, const fs::path& path, const Take& take) {
  try {
    return take();
  } catch (const std::exception&) {
    throw ResourceError(concat(escape(path.native()), ": not enough memory for ", bytes, " bytes"));
  }
}

struct Header {
  Kind kind;
  bool swapped = false, fortran = false;
  std::vector<std::int64_t> shape = {};
  std::int64_t elements = 1;
  std::size_t bytes = 0;  ///< length of the header itself
};

/// The literal that NumPy writes: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class Literal {
 public:
  Literal(std::string_view text, const Refuse& refuse) : text_(text), refuse_(refuse) {}

  bool accept(std::string_view word) {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  void expect(std::string_view word) {
    if (!accept(word)) refuse_(concat("bad header: no ", word, " where it should be"));
  }
  std::string_view quoted() {
    const char quote = accept("\"") ? '"' : (expect("'"), '\'');
    const std::size_t end = text_.find(quote);
    if (end == text_.npos) refuse_("bad header: a string without an end");
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return word;
  }
  std::int64_t number() {
    accept("");
    const std::size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
    const auto value = parse_int(text_.substr(0, digits));
    if (!value) refuse_("bad header: a side that is no number");
    text_.remove_prefix(digits);
    return *value;
  }

 private:
  std::string_view text_;
  const Refuse& refuse_;
};

void read_descr(std::string_view descr, Header& header, const Refuse& refuse) {
  const char order = descr.empty() ? '?' : descr.front();
  const std::string_view code = descr.substr(std::min<std::size_t>(1, descr.size()));
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const Kind& k) { return k.code == code; });
  if (kind == std::end(kKinds) || std::string_view("<>|=").find(order) == std::string_view::npos)
    refuse(concat("numbers of type '", descr, "' cannot be read"));
  header.kind = *kind;
  header.swapped = order == '>' && kind->bytes > 1;
}

void read_dictionary(std::string_view text, Header& header, const Refuse& refuse) {
  Literal literal(text, refuse);
  bool descr = false, order = false, shape = false;
  literal.expect("{");
  while (!literal.accept("}")) {
    const std::string_view key = literal.quoted();
    literal.expect(":");
    if (key == "descr") {
      if (literal.accept("[")) refuse("an array of records cannot be read");
      read_descr(literal.quoted(), header, refuse);
      descr = true;
    } else if (key == "fortran_order") {
      header.fortran = literal.accept("True");
      if (!header.fortran) literal.expect("False");
      order = true;
    } else if (key == "shape") {
      header.shape.clear();
      literal.expect("(");
      while (!literal.accept(")")) {
        header.shape.push_back(literal.number());
        if (header.shape.size() > kMaxRank)
          refuse(concat("an array of more than ", kMaxRank, " dimensions"));
        if (!literal.accept(",")) {
          literal.expect(")");
          break;
        }
      }
      shape = true;
    } else {
      refuse(concat("bad header: unknown key '", key, "'"));
    }
    if (!literal.accept(",")) {
      literal.expect("}");
      break;
    }
  }
  if (!descr || !order || !shape) refuse("bad header: descr, fortran_order or shape is missing");
}

Header read_header(std::string_view bytes, const Refuse& refuse) {
  if (!bytes.starts_with(kMagic)) refuse("no NumPy array");
  if (bytes.size() < 12) refuse("the array is cut");
  const auto version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3)
    refuse(concat("unknown version ", int{version}, " of the format"));
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  Header header{.kind = kKinds[0]};
  header.bytes = 8 + length_bytes + length;
  if (length > kMaxHeader) refuse(concat("a header of ", length, " bytes"));
  if (header.bytes > bytes.size()) refuse("the array is cut");
  read_dictionary(bytes.substr(8 + length_bytes, length), header, refuse);
  for (const std::int64_t side : header.shape) {
    if (__builtin_mul_overflow(header.elements, side, &header.elements) ||
        header.elements > (std::int64_t{1} << 40)) {
      refuse("an array of unreasonable size");
    }
  }
  return header;
}

/// Reads the header of an array of `total` bytes whose first are `start`, if its numbers fill the
/// rest.
Header checked_header(std::string_view start, std::uint64_t total, const ShapeCheck& check,
                      const Refuse& refuse) {
  const Header header = read_header(start, refuse);
  const auto wanted = static_cast<std::uint64_t>(header.elements * header.kind.bytes);
  const std::uint64_t found = total - header.bytes;
  if (found != wanted) {
    refuse(concat(found < wanted ? "the array is cut: " : "bytes after the array: ", found,
                  " bytes of numbers; its shape ", at::IntArrayRef(header.shape), " needs ",
                  wanted));
  }
  if (check) check(header.shape);
  return header;
}

template <typename Word>
void swap_words(char* data, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i, data += sizeof(Word))
    std::reverse(data, data + sizeof(Word));
}

at::Tensor array_of(std::string_view bytes, const Header& header, const fs::path& path,
                    const Refuse& refuse) {
  std::vector<std::int64_t> stored_shape = header.shape;
  if (header.fortran) std::reverse(stored_shape.begin(), stored_shape.end());
  const char* numbers = bytes.data() + header.bytes;
  if (header.kind.stored == at::kBool &&
      std::any_of(numbers, numbers + header.elements, [](char c) { return c != 0 && c != 1; })) {
    refuse("a truth value that is neither 0 nor 1");
  }
  at::Tensor array =
      with_memory(bytes.size(), path, [&] { return at::empty(stored_shape, header.kind.stored); });
  auto* data = static_cast<char*>(array.data_ptr());
  if (header.elements > 0)
    std::memcpy(data, numbers, static_cast<std::size_t>(header.elements * header.kind.bytes));
  if (header.swapped) {
    if (header.kind.bytes == 2) swap_words<std::uint16_t>(data, header.elements);
    if (header.kind.bytes == 4) swap_words<std::uint32_t>(data, header.elements);
    if (header.kind.bytes == 8) swap_words<std::uint64_t>(data, header.elements);
  }
  if (header.kind.returned != header.kind.stored) {
    const std::int64_t mask = (std::int64_t{1} << (8 * header.kind.bytes)) - 1;
    array = array.to(at::kLong).bitwise_and_(mask).to(header.kind.returned);
  }
  if (header.fortran)
    array = array.permute([&] {
      std::vector<std::int64_t> order;
      for (std::int64_t i = array.dim(); i-- > 0;) order.push_back(i);
      return order;
    }());
  return array.contiguous();
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string array_name(const ZipMember& member) {
  const std::string_view name = member.name;
  return std::string(name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name);
}

/// Writes magic, version 1, length and dictionary, padded with spaces to a multiple of 64 bytes.
std::string make_header(at::ScalarType dtype, at::IntArrayRef shape) {
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) {
    return k.stored == dtype && k.returned == dtype;
  });
  if (kind == std::end(kKinds))
    throw ShapeError(concat("NumPy: cannot write numbers of type ", at::toString(dtype)));
  std::string sides;
  for (const std::int64_t side : shape) sides += concat(sides.empty() ? "" : ", ", side);
  if (shape.size() == 1) sides += ',';
  std::string text = concat("{'descr': '", kind->bytes == 1 ? '|' : '<', kind->code,
                            "', 'fortran_order': False, 'shape': (", sides, "), }");
  const std::size_t used = kMagic.size() + 4 + text.size() + 1;
  text.append((64 - used % 64) % 64, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string header(kMagic);
  header += std::string_view("\1\0", 2);
  header.append(reinterpret_cast<const char*>(&length), sizeof length);
  return header + text;
}

}  // namespace

at::Tensor read_npy(const fs::path& path, const ShapeCheck& check) {
  const MappedFile file(path);
  const std::string_view bytes = text_of(file);
  const Refuse refuse = [&](std::string_view reason) { throw DataError(path, reason); };
  return array_of(bytes, checked_header(bytes, bytes.size(), check, refuse), path, refuse);
}

std::vector<std::string> npz_members(const fs::path& path) {
  const MappedFile file(path);
  std::vector<std::string> names;
  for (const ZipMember& member : list_zip(text_of(file), path)) names.push_back(array_name(member));
  return names;
}

at::Tensor read_npz(const fs::path& path, const std::string& member, const ShapeCheck& check) {
  const MappedFile file(path);
  const std::vector<ZipMember> members = list_zip(text_of(file), path);
  const ZipMember* found = member.empty() && members.size() == 1 ? &members.front() : nullptr;
  std::vector<std::string> names;
  for (const ZipMember& one : members) {
    names.push_back(array_name(one));
    if (found == nullptr && names.back() == member) found = &one;
  }
  if (found == nullptr) {
    throw DataError(path, concat(member.empty() ? "not one array" : "no array '", member,
                                 member.empty() ? "" : "'", "; it holds ",
                                 names.empty() ? "none" : join(names, ", ")));
  }
  const Refuse refuse = [&](std::string_view reason) {
    throw DataError(path, found->name, reason);
  };
  const Header header =
      checked_header(extract_start(*found, kMaxHeaderEnd, path), found->size, check, refuse);
  auto content = with_memory(found->size, path, [&] { return std::string(found->size, '\0'); });
  extract(*found, content.data(), path);
  return array_of(content, header, path, refuse);
}

struct NumpyWriter::State {
  at::ScalarType dtype;
  std::int64_t left;  ///< numbers that are still to come
  std::optional<FileWriter> file;
  std::optional<ZipWriter> archive;

  void put(const void* data, std::size_t bytes) {
    if (file) {
      file->write(data, bytes);
    } else {
      archive->write(data, bytes);
    }
  }
};

NumpyWriter::NumpyWriter(const fs::path& path, NumpyFormat format, at::ScalarType dtype,
                         at::IntArrayRef shape, const std::string& member)
    : state_(new State{
          .dtype = dtype, .left = c10::multiply_integers(shape), .file = {}, .archive = {}}) {
  const std::string header = make_header(dtype, shape);
  if (format == NumpyFormat::kNpy) {
    state_->file.emplace(path);
  } else {
    const auto numbers = static_cast<std::uint64_t>(state_->left) * c10::elementSize(dtype);
    state_->archive.emplace(path, member + ".npy", header.size() + numbers,
                            format == NumpyFormat::kNpzCompressed);
  }
  state_->put(header.data(), header.size());
}

NumpyWriter::~NumpyWriter() = default;

void NumpyWriter::write(const at::Tensor& piece) {
  if (piece.scalar_type() != state_->dtype || piece.numel() > state_->left) {
    throw ShapeError(concat("NumPy: wanted at most ", state_->left, " numbers of type ",
                            at::toString(state_->dtype), ", got ", piece.numel(), " of ",
                            at::toString(piece.scalar_type())));
  }
  const at::Tensor data = piece.detach().cpu().contiguous();
  state_->put(data.data_ptr(), data.nbytes());
  state_->left -= data.numel();
}

void NumpyWriter::commit() {
  if (state_->left != 0) throw ShapeError(concat("NumPy: ", state_->left, " numbers are missing"));
  if (state_->file) {
    state_->file->commit();
  } else {
    state_->archive->commit();
  }
}

void write_npy(const fs::path& path, const at::Tensor& array) {
  NumpyWriter writer(path, NumpyFormat::kNpy, array.scalar_type(), array.sizes());
  writer.write(array);
  writer.commit();
}

void write_npz(const fs::path& path, const at::Tensor& array, const std::string& member,
               bool compressed) {
  NumpyWriter writer(path, compressed ? NumpyFormat::kNpzCompressed : NumpyFormat::kNpz,
                     array.scalar_type(), array.sizes(), member);
  writer.write(array);
  writer.commit();
}

}  // namespace vdd::io
