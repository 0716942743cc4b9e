// SPDX-License-Identifier: Apache-2.0
#include "zip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kLocator64 = 0x07064b50, kDescriptor = 0x08074b50;
constexpr std::uint16_t kStored = 0, kDeflated = 8, kVersion64 = 45;
constexpr std::uint16_t kEncrypted = 1, kSizesFollow = 8;
constexpr std::uint32_t kIn64 = 0xffffffff;
constexpr std::uint16_t kExtra64 = 1;
constexpr std::size_t kMaxMembers = 1 << 17;
/// Deflate cannot shrink data to less than one part in so many.
constexpr std::uint64_t kMaxRatio = 1032;
/// 1980-01-01: an archive's bytes depend on its content alone.
constexpr std::uint16_t kDate = 1 << 5 | 1;

/// Reads little-endian numbers, never past the end.
class Cursor {
 public:
  Cursor(std::string_view bytes, std::uint64_t at, const fs::path& path)
      : bytes_(bytes), path_(path) {
    skip(at);
  }
  std::string_view take(std::uint64_t n) {
    if (n > bytes_.size()) throw DataError(path_, "bad ZIP archive: it is cut");
    const std::string_view part = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return part;
  }
  void skip(std::uint64_t n) { take(n); }
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  const fs::path& path_;
};

struct Directory {
  std::uint64_t members, offset;
};

Directory find_directory(std::string_view archive, const fs::path& path) {
  constexpr std::size_t kEndBytes = 22, kMaxComment = 65535, kLocatorBytes = 20;
  if (archive.size() < kEndBytes) throw DataError(path, "no ZIP archive");
  const std::size_t lowest = archive.size() - std::min(archive.size(), kEndBytes + kMaxComment);
  std::size_t at = archive.size() - kEndBytes;
  for (;; --at) {
    Cursor end(archive, at, path);
    if (end.number<std::uint32_t>() == kEnd) {
      Cursor comment(archive, at + 20, path);
      if (comment.number<std::uint16_t>() == comment.left()) break;
    }
    if (at == lowest) throw DataError(path, "no ZIP archive, or a cut one");
  }
  Cursor end(archive, at + 10, path);
  Directory directory{.members = end.number<std::uint16_t>(), .offset = 0};
  end.skip(4);
  directory.offset = end.number<std::uint32_t>();
  if (at >= kLocatorBytes) {
    Cursor locator(archive, at - kLocatorBytes, path);
    if (locator.number<std::uint32_t>() == kLocator64) {
      locator.skip(4);
      Cursor end64(archive, locator.number<std::uint64_t>(), path);
      if (end64.number<std::uint32_t>() != kEnd64)
        throw DataError(path, "bad ZIP archive: no 64-bit directory where it should be");
      end64.skip(28);
      directory.members = end64.number<std::uint64_t>();
      end64.skip(8);
      directory.offset = end64.number<std::uint64_t>();
    }
  }
  return directory;
}

ZipMember read_member(Cursor& directory, std::string_view archive, const fs::path& path) {
  if (directory.number<std::uint32_t>() != kCentral)
    throw DataError(path, "bad ZIP archive: damaged directory");
  directory.skip(4);
  const auto flags = directory.number<std::uint16_t>(), method = directory.number<std::uint16_t>();
  directory.skip(4);
  ZipMember member;
  member.crc = directory.number<std::uint32_t>();
  std::uint64_t stored = directory.number<std::uint32_t>();
  member.size = directory.number<std::uint32_t>();
  const auto name = directory.number<std::uint16_t>(), extra = directory.number<std::uint16_t>(),
             comment = directory.number<std::uint16_t>();
  directory.skip(8);
  std::uint64_t local = directory.number<std::uint32_t>();
  member.name = directory.take(name);
  Cursor extras(directory.take(extra), 0, path);
  directory.skip(comment);
  while (extras.left() >= 4) {
    const auto id = extras.number<std::uint16_t>(), bytes = extras.number<std::uint16_t>();
    Cursor field(extras.take(bytes), 0, path);
    if (id != kExtra64) continue;
    for (std::uint64_t* value : {&member.size, &stored, &local})
      if (*value == kIn64) *value = field.number<std::uint64_t>();
  }
  if ((flags & kEncrypted) != 0) throw DataError(path, member.name, "encrypted");
  if (method != kStored && method != kDeflated)
    throw DataError(path, member.name, concat("unknown compression ", method));
  member.deflated = method == kDeflated;

  Cursor header(archive, local, path);
  if (header.number<std::uint32_t>() != kLocal)
    throw DataError(path, member.name, "not where the archive's directory says");
  header.skip(22);
  const auto local_name = header.number<std::uint16_t>(),
             local_extra = header.number<std::uint16_t>();
  header.skip(std::uint64_t{local_name} + local_extra);
  member.data = header.take(stored);
  if (!member.deflated && stored != member.size)
    throw DataError(path, member.name, "two different sizes");
  if (member.size / kMaxRatio > stored)
    throw DataError(path, member.name, "less data than its size needs");
  return member;
}

void check_sum(const ZipMember& member, const void* content, const fs::path& path) {
  if (libdeflate_crc32(0, content, member.size) != member.crc)
    throw DataError(path, member.name, "wrong checksum");
}

template <typename T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::vector<ZipMember> list_zip(std::string_view archive, const fs::path& path) {
  const Directory found = find_directory(archive, path);
  if (found.members > kMaxMembers)
    throw DataError(path, concat("a ZIP archive of more than ", kMaxMembers, " members"));
  Cursor directory(archive, found.offset, path);
  std::vector<ZipMember> members;
  for (std::uint64_t i = 0; i < found.members; ++i)
    members.push_back(read_member(directory, archive, path));
  return members;
}

void extract(const ZipMember& member, void* out, const fs::path& path) {
  if (!member.deflated) {
    if (member.size > 0) std::memcpy(out, member.data.data(), member.size);
  } else {
    struct Free {
      void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
    };
    const std::unique_ptr<libdeflate_decompressor, Free> inflate(libdeflate_alloc_decompressor());
    if (!inflate) throw ResourceError("libdeflate: out of memory");
    // Without a place for the true size, libdeflate accepts no other.
    if (libdeflate_deflate_decompress(inflate.get(), member.data.data(), member.data.size(), out,
                                      member.size, nullptr) != LIBDEFLATE_SUCCESS) {
      throw DataError(path, member.name, "damaged data");
    }
  }
  check_sum(member, out, path);
}

std::string extract_start(const ZipMember& member, std::size_t most, const fs::path& path) {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(most, member.size));
  if (!member.deflated) return std::string(member.data.substr(0, bytes));
  std::string out(bytes, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(member.data.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(member.data.size(), UINT32_MAX));
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(bytes);
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw ResourceError("zlib: out of memory");
  ::inflate(&stream, Z_SYNC_FLUSH);
  ::inflateEnd(&stream);
  if (stream.avail_out != 0) throw DataError(path, member.name, "damaged data");
  return out;
}

std::string_view content_in_place(const ZipMember& member, const fs::path& path) {
  if (member.deflated) throw DataError(path, member.name, "is compressed");
  check_sum(member, member.data.data(), path);
  return member.data;
}

struct ZipWriter::State {
  FileWriter file;
  std::string member;
  std::uint64_t size;
  bool deflated, wide;
  std::uint32_t crc = 0;
  std::uint64_t taken = 0, stored = 0, position = 0;
  z_stream stream{};
  std::string buffer = std::string(1 << 16, '\0');

  void put(std::string_view bytes) {
    file.write(bytes);
    position += bytes.size();
  }
  void put_data(const char* data, std::size_t bytes) {
    put({data, bytes});
    stored += bytes;
  }
  void run(int flush) {
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      ::deflate(&stream, flush);
      put_data(buffer.data(), buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  /// What the local header and the directory share: version, flags, method, time, date.
  void append_kind(std::string& out) const {
    append<std::uint16_t>(out, kVersion64);
    append<std::uint16_t>(out, kSizesFollow);
    append<std::uint16_t>(out, deflated ? kDeflated : kStored);
    append<std::uint16_t>(out, 0);
    append<std::uint16_t>(out, kDate);
  }
};

ZipWriter::ZipWriter(const fs::path& path, std::string member, std::uint64_t size, bool deflate)
    : state_(new State{.file = FileWriter(path),
                       .member = std::move(member),
                       .size = size,
                       .deflated = deflate,
                       // Deflate may make noise a little longer.
                       .wide = size > 0xf0000000}) {
  if (deflate &&
      ::deflateInit2(&state_->stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw ResourceError("zlib: out of memory");
  }
  // Checksum and sizes follow the data, because nobody knows them yet.
  std::string header;
  append(header, kLocal);
  state_->append_kind(header);
  append<std::uint32_t>(header, 0);
  append<std::uint32_t>(header, state_->wide ? kIn64 : 0);
  append<std::uint32_t>(header, state_->wide ? kIn64 : 0);
  append(header, static_cast<std::uint16_t>(state_->member.size()));
  append<std::uint16_t>(header, state_->wide ? 20 : 0);
  header += state_->member;
  if (state_->wide) {
    append<std::uint16_t>(header, kExtra64);
    append<std::uint16_t>(header, 16);
    append<std::uint64_t>(header, 0);
    append<std::uint64_t>(header, 0);
  }
  state_->put(header);
}

ZipWriter::~ZipWriter() {
  if (state_->deflated) ::deflateEnd(&state_->stream);
}

void ZipWriter::write(const void* data, std::size_t bytes) {
  if (bytes == 0) return;  // an empty tensor's null would reset the checksum
  State& s = *state_;
  s.taken += bytes;
  s.crc = libdeflate_crc32(s.crc, data, bytes);
  auto* next = static_cast<const char*>(data);
  if (!s.deflated) return s.put_data(next, bytes);
  while (bytes > 0) {
    const std::size_t part = std::min<std::size_t>(bytes, 1 << 30);
    s.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(next));
    s.stream.avail_in = static_cast<uInt>(part);
    s.run(Z_NO_FLUSH);
    next += part;
    bytes -= part;
  }
}

void ZipWriter::commit() {
  State& s = *state_;
  if (s.taken != s.size) {
    throw ShapeError(concat(s.member, ": ", s.taken, " bytes were written of ", s.size));
  }
  if (s.deflated) s.run(Z_FINISH);
  std::string out;
  append(out, kDescriptor);
  append(out, s.crc);
  for (const std::uint64_t bytes : {s.stored, s.size}) {
    if (s.wide) {
      append(out, bytes);
    } else {
      append(out, static_cast<std::uint32_t>(bytes));
    }
  }
  s.put(out);

  const std::uint64_t start = s.position;
  out.clear();
  append(out, kCentral);
  append<std::uint16_t>(out, kVersion64);
  s.append_kind(out);
  append(out, s.crc);
  append(out, s.wide ? kIn64 : static_cast<std::uint32_t>(s.stored));
  append(out, s.wide ? kIn64 : static_cast<std::uint32_t>(s.size));
  append(out, static_cast<std::uint16_t>(s.member.size()));
  append<std::uint16_t>(out, s.wide ? 20 : 0);
  out.append(10, '\0');  // comment, disk, attributes
  append<std::uint32_t>(out, 0);
  out += s.member;
  if (s.wide) {
    append<std::uint16_t>(out, kExtra64);
    append<std::uint16_t>(out, 16);
    append(out, s.size);
    append(out, s.stored);
  }
  s.put(out);
  const std::uint64_t bytes = out.size();

  out.clear();
  if (s.wide) {
    const std::uint64_t end64 = s.position;
    append(out, kEnd64);
    append<std::uint64_t>(out, 44);
    append<std::uint16_t>(out, kVersion64);
    append<std::uint16_t>(out, kVersion64);
    append<std::uint64_t>(out, 0);
    for (const std::uint64_t value : {std::uint64_t{1}, std::uint64_t{1}, bytes, start})
      append(out, value);
    append(out, kLocator64);
    append<std::uint32_t>(out, 0);
    append(out, end64);
    append<std::uint32_t>(out, 1);
  }
  append(out, kEnd);
  append<std::uint32_t>(out, 0);
  append<std::uint16_t>(out, 1);
  append<std::uint16_t>(out, 1);
  append(out, static_cast<std::uint32_t>(bytes));
  append(out, s.wide ? kIn64 : static_cast<std::uint32_t>(start));
  append<std::uint16_t>(out, 0);
  s.put(out);
  s.file.commit();
}

}  // namespace vdd::io
