// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "support/temp_dir.h"
#include "vdd/core/error.h"

namespace vdd::run {
namespace {

using test::content;
using test::TempDir;

template <typename T>
T at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.substr(offset, sizeof value).data(), sizeof value);
  return value;
}

/// Bit by bit, straight from the polynomial.
std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int i = 0; i < 8; ++i) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// Checks the frames of a file; returns the events as hexadecimal digits without their time stamps.
std::vector<std::string> events(const std::filesystem::path& path) {
  const std::string file = content(path);
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::string> out;
  for (std::size_t offset = 0; offset < file.size();) {
    const auto length = at<std::uint64_t>(file, offset);
    EXPECT_EQ(at<std::uint32_t>(file, offset + 8), masked_crc(file.substr(offset, 8)));
    const std::string payload = file.substr(offset + 12, length);
    EXPECT_EQ(at<std::uint32_t>(file, offset + 12 + length), masked_crc(payload));
    EXPECT_EQ(payload[0], 0x09);  // field 1, a double: seconds since 1970
    EXPECT_NEAR(at<double>(payload, 1), now, 60);
    std::string hex;
    for (const unsigned char byte : payload.substr(9)) {
      hex += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    }
    out.push_back(hex);
    offset += 16 + length;
  }
  return out;
}

const std::string kPng("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\3\x08\2\0\0\0\0\0\0\0", 33);

TEST(TensorBoard, TheCheckOfTheFramesIsRight) {
  EXPECT_EQ(masked_crc("123456789"), 0xc78ab0e5u);
}

// Expected: Event(...).SerializeToString() of tensorboard 2.x in Python, the wall time taken off.
TEST(TensorBoard, EventsAreTheBytesThatProtobufWrites) {
  const TempDir run;
  std::filesystem::path path;
  {
    EventWriter writer(run / "tb", 300);
    const EventWriter::Scalar values[] = {{"train/loss", 0.1}, {"lr", 1e-5}};
    writer.scalars(300, values);
    writer.image(7, "clip", kPng);
    writer.text(0, "config", "lr: 1");
    path = writer.path();
  }
  EXPECT_THAT(path.filename().string(),
              testing::MatchesRegex("events.out.tfevents.[0-9]+\\..+\\.[0-9]+\\.0"));
  EXPECT_THAT(events(path),
              testing::ElementsAre(
                  "1a0d627261696e2e4576656e743a32", "10ad023a020801",
                  "10ac022a1e0a110a0a747261696e2f6c6f737315cdcccc3d0a090a026c7215acc52737",
                  "10072a330a310a04636c69702229080310021803222189504e470d0a1a0a0000000d494844520000"
                  "0002000000030802"
                  "00000000000000",
                  "2a230a210a06636f6e666967420b0807120042056c723a20314a0a0a060a04746578742002"));
}

TEST(TensorBoard, ANewRunHasNoSessionStartAndEachStartItsOwnFile) {
  const TempDir run;
  EventWriter first(run.path(), -1), second(run.path(), -1);
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(events(first.path()).size(), 1);
}

// tensorboard_reader.py runs this case with VDD_EVENTS and looks at the files with TensorBoard's
// own reader.
TEST(TensorBoard, AResumedRunWritesASecondFile) {
  const TempDir run;
  const char* asked = std::getenv("VDD_EVENTS");
  const std::filesystem::path folder = asked != nullptr ? asked : run.path().string();
  {
    EventWriter writer(folder, -1);
    for (int step = 1; step <= 8; ++step) writer.scalar(step, "loss", 1.0 / step);
    writer.image(8, "clip", kPng);
    writer.text(0, "config", "lr: 1");
  }
  EventWriter writer(folder, 5);  // killed after 8, goes on from the checkpoint of 5
  for (int step = 6; step <= 10; ++step) {
    const EventWriter::Scalar values[] = {{"loss", -step},
                                          {"lr", std::numeric_limits<double>::quiet_NaN()}};
    writer.scalars(step, values);
  }
  writer.image(300, "clip", kPng);
  EXPECT_EQ(events(writer.path()).size(), 8);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2);
}

TEST(TensorBoard, WhatIsNoPngIsRefused) {
  const TempDir run;
  EventWriter writer(run.path(), -1);
  EXPECT_THROW(writer.image(1, "clip", "\xff\xd8\xff"), DataError);
  EXPECT_THROW(writer.image(1, "clip", std::string_view(kPng).substr(0, 20)), DataError);
}

}  // namespace
}  // namespace vdd::run
