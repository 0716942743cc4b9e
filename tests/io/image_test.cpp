// SPDX-License-Identifier: Apache-2.0
// The fixtures come from tools/reference/make_io_fixtures.py.
#include "vdd/io/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "fixture.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd::io {
namespace {

using test::fixture;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int kHeight = 37, kWidth = 53;

template <typename T>
void expect_equal(const Image<T>& a, const Image<T>& b) {
  ASSERT_EQ(a.height, b.height);
  ASSERT_EQ(a.width, b.width);
  ASSERT_EQ(a.channels, b.channels);
  EXPECT_TRUE(std::equal(a.pixels.get(), a.pixels.get() + a.size(), b.pixels.get()));
}

template <typename T>
Image<T> pattern(int channels) {
  Image<T> image(9, 14, channels);
  for (std::size_t i = 0; i < image.size(); ++i)
    image.pixels[i] = static_cast<T>(i * 2654435761u >> 7);
  return image;
}

class JpegFixture : public testing::TestWithParam<const char*> {};

TEST_P(JpegFixture, DecodesAsOpenCvDoes) {
  const std::string name = GetParam();
  expect_equal(read_rgb(fixture(name + ".jpg")), read_rgb(fixture(name + ".decoded.png")));
}

INSTANTIATE_TEST_SUITE_P(Image, JpegFixture, testing::Values("420", "progressive", "grey"));

TEST(Image, ReadsEightBitPng) {
  for (const char* name : {"rgb.png", "rgba.png"}) {
    const Image8 image = read_rgb(fixture(name));
    ASSERT_EQ(image.height, kHeight);
    ASSERT_EQ(image.width, kWidth);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        ASSERT_EQ(image.row(y)[3 * x], y * 5 % 256);
        ASSERT_EQ(image.row(y)[3 * x + 1], x * 3 % 256);
        ASSERT_EQ(image.row(y)[3 * x + 2], (x + y) % 256);
      }
    }
  }
}

TEST(Image, ReadsSixteenBitPng) {
  const Image16 image = read_png16(fixture("depth16.png"));
  ASSERT_EQ(image.width, kWidth);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) ASSERT_EQ(image.row(y)[x], (y * 1009 + x * 257) % 65536);
  }
}

TEST(Image, PngKeepsEveryPixelAndItsBytes) {
  const auto rgb = pattern<std::uint8_t>(3);
  expect_equal(decode_rgb(encode_png(rgb), "x.png"), rgb);
  const auto depth = pattern<std::uint16_t>(1);
  expect_equal(decode_png16(encode_png(depth), "x.png"), depth);
  EXPECT_EQ(encode_png(depth), encode_png(depth));
}

TEST(Image, GreyPngBecomesThreeChannels) {
  const auto grey = pattern<std::uint8_t>(1);
  const Image8 rgb = decode_rgb(encode_png(grey), "x.png");
  ASSERT_EQ(rgb.channels, 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) ASSERT_EQ(rgb.pixels[i], grey.pixels[i / 3]);
}

TEST(Image, JpegWriterIsCloseAtHighQuality) {
  Image8 smooth(32, 48, 3);
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 48; ++x) {
      for (int c = 0; c < 3; ++c)
        smooth.row(y)[3 * x + c] = static_cast<std::uint8_t>(40 + 2 * x + 3 * y);
    }
  }
  const Image8 back = decode_rgb(encode_jpeg(smooth, 95), "x.jpg");
  for (std::size_t i = 0; i < back.size(); ++i) ASSERT_NEAR(back.pixels[i], smooth.pixels[i], 4);
}

TEST(Image, RefusesEveryCutFile) {
  for (const char* name : {"420.jpg", "progressive.jpg", "rgb.png"}) {
    const std::string whole = read_file(fixture(name), 1 << 20);
    for (std::size_t size = 0; size + 8 < whole.size(); size += 1 + size / 16) {
      EXPECT_THROW(decode_rgb(whole.substr(0, size), name), DataError)
          << name << " cut to " << size;
    }
  }
  const std::string jpeg = read_file(fixture("420.jpg"), 1 << 20);
  EXPECT_THAT(
      test::thrown<DataError>([&] { decode_rgb(jpeg.substr(0, jpeg.size() / 2), "half.jpg"); }),
      StartsWith("half.jpg: bad JPEG: "));
}

TEST(Image, RefusesAChangedByteOfAPng) {
  const std::string whole = read_file(fixture("depth16.png"), 1 << 20);
  for (std::size_t i = 8; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THROW(decode_png16(damaged, "x.png"), DataError) << "byte " << i;
  }
}

TEST(Image, RefusesWhatIsNoPicture) {
  const test::TempDir dir;
  EXPECT_THAT(test::thrown<DataError>([&] { read_rgb(dir.write("empty.jpg", "")); }),
              HasSubstr("is empty"));
  EXPECT_THAT(test::thrown<DataError>([&] { read_rgb(dir.write("text.jpg", "<html>\n")); }),
              HasSubstr("no JPEG or PNG file; it starts with \"<html>\\n\""));
  EXPECT_THAT(test::thrown<DataError>([&] { read_rgb(dir / "none.jpg"); }), HasSubstr("none.jpg"));
  EXPECT_THAT(test::thrown<DataError>([&] { read_rgb(fixture("depth16.png")); }),
              HasSubstr("16-bit"));
  EXPECT_THAT(test::thrown<DataError>([&] { read_png16(fixture("rgb.png")); }),
              HasSubstr("wanted 16-bit grey"));
  EXPECT_THROW(read_png16(fixture("420.jpg")), DataError);
}

TEST(Image, RefusesAFifoAtOnce) {
  const test::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe.jpg").c_str(), 0600), 0);
  EXPECT_THROW(read_rgb(dir / "pipe.jpg"), DataError);
  EXPECT_THROW(read_rgb(dir.path()), DataError);
}

TEST(Image, ChecksTheSizeBeforeItTakesMemory) {
  // A valid JPEG whose header is changed to 65500 x 65500 pixels.
  std::string jpeg = read_file(fixture("420.jpg"), 1 << 20);
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, jpeg.npos);
  jpeg.replace(frame + 5, 4, "\xFF\xDC\xFF\xDC");
  EXPECT_THAT(test::thrown<DataError>([&] { decode_rgb(jpeg, "bomb.jpg"); }),
              HasSubstr("65500x65500"));

  // 8192 x 8192 pixels are allowed, but not out of 40 bytes.
  Image16 small(2, 2, 1);
  std::fill_n(small.pixels.get(), 4, std::uint16_t{1});
  std::string png = encode_png(small);
  png.replace(16, 8, std::string("\0\0\x20\0\0\0\x20\0", 8));
  EXPECT_THROW(decode_png16(png, "bomb.png"), DataError);
}

/// A progressive JPEG whose header claims this size and no subsampling.
std::string progressive(int height, int width) {
  std::string jpeg = read_file(fixture("progressive.jpg"), 1 << 20);
  const std::size_t frame = jpeg.find("\xFF\xC2");
  if (frame == jpeg.npos) throw std::runtime_error("no progressive JPEG");
  for (const auto& [at, value] : {std::pair{5, height}, {7, width}}) {
    jpeg[frame + at] = static_cast<char>(value >> 8);
    jpeg[frame + at + 1] = static_cast<char>(value);
  }
  for (std::size_t component = 0; component < 3; ++component)
    jpeg[frame + 11 + 3 * component] = 0x11;
  return jpeg;
}

TEST(Image, ProgressiveJpegsHaveALimitThat8KHasNot) {
  EXPECT_THAT(test::thrown<DataError>([&] { decode_rgb(progressive(8192, 8192), "large.jpg"); }),
              HasSubstr("needs more than 256 MiB"));
  EXPECT_THAT(test::thrown<DataError>([&] { decode_rgb(progressive(4320, 7680), "cut.jpg"); }),
              StartsWith("cut.jpg: bad JPEG: "));
}

TEST(Image, IgnoresExifRotation) {
  const std::string plain = read_file(fixture("420.jpg"), 1 << 20);
  // APP1 with one entry: orientation 6, a quarter turn.
  const std::string exif(
      "\xFF\xE1\x00\x22"
      "Exif\0\0"
      "II*\0\x08\0\0\0"
      "\x01\0"
      "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
      "\0\0\0\0",
      36);
  std::string turned = plain;
  turned.insert(2, exif);
  expect_equal(decode_rgb(turned, "turned.jpg"), decode_rgb(plain, "plain.jpg"));
}

TEST(Image, ReadsSintelDepth) {
  const test::TempDir dir;
  const float tag = 202021.25f, depth[6] = {1, 2, 3, 4, 5, 1e5f};
  const std::int32_t size[2] = {3, 2};
  std::string bytes(reinterpret_cast<const char*>(&tag), 4);
  bytes.append(reinterpret_cast<const char*>(size), 8)
      .append(reinterpret_cast<const char*>(depth), 24);
  const auto image = read_dpt(dir.write("a.dpt", bytes));
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.row(1)[0], 4);
  EXPECT_THROW(read_dpt(dir.write("cut.dpt", bytes.substr(0, 30))), DataError);
  bytes[0] = 'x';
  EXPECT_THROW(read_dpt(dir.write("tag.dpt", bytes)), DataError);
}

TEST(Image, WritingIntoAMissingFolderIsAnError) {
  const test::TempDir dir;
  EXPECT_THROW(write_png(dir / "no/such/x.png", pattern<std::uint8_t>(3)), ResourceError);
}

}  // namespace
}  // namespace vdd::io
