// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace vdd::run {

class AppendFile;

/// Writes TensorBoard event files: TFRecord frames (length, masked CRC-32C) around protocol buffer
/// `Event` messages. Source: tensorflow/core/util/event.proto, framework/summary.proto and
/// lib/io/record_writer.h. A write that fails is reported once and dropped.
class EventWriter {
 public:
  using Scalar = std::pair<std::string, double>;

  /// Starts a new file events.out.tfevents.<time>.<host>.<pid>.<n> in `folder`, which is made if
  /// missing. Unless `last_step` is negative, the file begins with a session start at
  /// last_step + 1, which makes TensorBoard forget what earlier files of the folder say from there
  /// on. Throws ResourceError if the file cannot be made.
  EventWriter(const std::filesystem::path& folder, std::int64_t last_step);
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  void scalars(std::int64_t step, std::span<const Scalar> values);
  void scalar(std::int64_t step, std::string_view tag, double value);
  /// `png`: a whole PNG file, 8-bit grey, RGB or RGBA; its size and colours are read from its
  /// header. Throws DataError if it is no PNG.
  void image(std::int64_t step, std::string_view tag, std::string_view png);
  /// Free text, shown as Markdown: the config, for example.
  void text(std::int64_t step, std::string_view tag, std::string_view markdown);

  const std::filesystem::path& path() const;

 private:
  void write_event(std::int64_t step, int field, std::string_view message);

  std::unique_ptr<AppendFile> file_;
};

}  // namespace vdd::run
