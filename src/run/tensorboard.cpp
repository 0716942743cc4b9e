// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "append_file.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::run {
namespace fs = std::filesystem;
namespace {

static_assert(std::endian::native == std::endian::little);  // both formats are

/// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78.
std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? 0x82f63b78u : 0u);
      table[i] = c;
    }
    return table;
  }();
  std::uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 255] ^ (crc >> 8);
  return ~crc;
}

/// A CRC of data that holds CRCs is weak, so the format stores it rotated and shifted.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// A TFRecord frame.
std::string frame(std::string_view payload) {
  const std::string length = raw(static_cast<std::uint64_t>(payload.size()));
  return concat(length, raw(masked_crc(length)), payload, raw(masked_crc(payload)));
}

/// A protocol buffer message under construction: field numbers as in the .proto files.
class Message {
 public:
  Message& varint(int field, std::int64_t value) {
    key(field, 0);
    return plain(static_cast<std::uint64_t>(value));
  }
  Message& fixed(int field, double value) {
    key(field, 1);
    return append(raw(value));
  }
  Message& fixed(int field, float value) {
    key(field, 5);
    return append(raw(value));
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    plain(value.size());
    return append(value);
  }
  const std::string& text() const { return text_; }

 private:
  void key(int field, int wire_type) { plain(static_cast<std::uint64_t>(field) << 3 | wire_type); }
  Message& plain(std::uint64_t value) {
    for (; value >= 128; value >>= 7) text_ += static_cast<char>(value | 128);
    text_ += static_cast<char>(value);
    return *this;
  }
  Message& append(std::string_view value) {
    text_ += value;
    return *this;
  }

  std::string text_;
};

// Fields of Event.
constexpr int kFileVersion = 3, kSummary = 5, kSessionLog = 7;

struct PngHeader {
  std::uint32_t width, height;
  int channels;
};

PngHeader png_header(std::string_view png) {
  const auto big_endian = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(png[at + i]);
    return value;
  };
  constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
  if (png.size() < 33 || png.substr(0, 8) != kSignature || png.substr(12, 4) != "IHDR") {
    throw DataError("picture for TensorBoard", "is no PNG");
  }
  const auto color =
      static_cast<unsigned char>(png[25]);  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  return {big_endian(16), big_endian(20), color == 0 ? 1 : color == 4 ? 2 : color == 6 ? 4 : 3};
}

std::string one_value(const Message& value) {
  return Message().bytes(1, value.text()).text();
}

}  // namespace

EventWriter::EventWriter(const fs::path& folder, std::int64_t last_step) {
  make_folders(folder);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const std::string stem =
      concat("events.out.tfevents.", seconds, '.', host_name(), '.', ::getpid(), '.');
  int number = 0;  // TensorBoard reads the files of a folder in the order of their names
  while (path_exists(folder / concat(stem, number))) ++number;
  file_ = std::make_unique<AppendFile>(folder / concat(stem, number), AppendFile::Start::kNew);

  write_event(0, kFileVersion, "brain.Event:2");
  if (last_step >= 0)
    write_event(last_step + 1, kSessionLog, Message().varint(1, 1).text());  // START
}

EventWriter::~EventWriter() = default;

const fs::path& EventWriter::path() const {
  return file_->path();
}

void EventWriter::scalars(std::int64_t step, std::span<const Scalar> values) {
  Message summary;
  for (const auto& [tag, value] : values) {
    summary.bytes(1, Message().bytes(1, tag).fixed(2, static_cast<float>(value)).text());
  }
  write_event(step, kSummary, summary.text());
}

void EventWriter::scalar(std::int64_t step, std::string_view tag, double value) {
  const Scalar one{tag, value};
  scalars(step, {&one, 1});
}

void EventWriter::image(std::int64_t step, std::string_view tag, std::string_view png) {
  const PngHeader header = png_header(png);
  const Message picture = Message()
                              .varint(1, header.height)
                              .varint(2, header.width)
                              .varint(3, header.channels)
                              .bytes(4, png);
  write_event(step, kSummary, one_value(Message().bytes(1, tag).bytes(4, picture.text())));
}

void EventWriter::text(std::int64_t step, std::string_view tag, std::string_view markdown) {
  const Message plugin = Message().bytes(1, "text");
  const Message metadata = Message().bytes(1, plugin.text()).varint(4, 2);  // DATA_CLASS_TENSOR
  const Message tensor =
      Message().varint(1, 7).bytes(2, "").bytes(8, markdown);  // DT_STRING, rank 0
  write_event(step, kSummary,
              one_value(Message().bytes(1, tag).bytes(8, tensor.text()).bytes(9, metadata.text())));
}

void EventWriter::write_event(std::int64_t step, int field, std::string_view message) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  Message event;
  event.fixed(1, now.count());
  if (step != 0) event.varint(2, step);  // a default is not written
  file_->append(frame(event.bytes(field, message).text()));
}

}  // namespace vdd::run
