// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/exr.h"

#include <ImfChannelList.h>
#include <ImfCompression.h>
#include <ImfHeader.h>
#include <ImfOutputFile.h>
#include <ImfTiledOutputFile.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

Image<float> ramp(int height, int width) {
  Image<float> image(height, width, 1);
  for (std::size_t i = 0; i < image.size(); ++i)
    image.pixels[i] = std::ldexp(static_cast<float>(i) + 0.1f, static_cast<int>(i % 60) - 30);
  return image;
}

TEST(Exr, GivesBackEveryBit) {
  const test::TempDir dir;
  Image<float> image = ramp(37, 53);
  image.pixels[5] = std::numeric_limits<float>::infinity();
  write_exr(dir / "a.exr", image);
  const Image<float> read = read_exr(dir / "a.exr");
  ASSERT_EQ(read.height, 37);
  ASSERT_EQ(read.width, 53);
  EXPECT_TRUE(std::equal(image.pixels.get(), image.pixels.get() + image.size(), read.pixels.get()));
}

TEST(Exr, TheSameNumbersGiveTheSameBytes) {
  const test::TempDir dir;
  write_exr(dir / "a.exr", ramp(20, 30));
  write_exr(dir / "b.exr", ramp(20, 30));
  EXPECT_EQ(test::content(dir / "a.exr"), test::content(dir / "b.exr"));
}

TEST(Exr, ACutFileIsRefusedAtEveryLength) {
  const test::TempDir dir;
  write_exr(dir / "a.exr", ramp(8, 8));
  const std::string bytes = test::content(dir / "a.exr");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = dir.write("cut.exr", std::string_view(bytes).substr(0, length));
    EXPECT_THROW(read_exr(cut), DataError) << length;
  }
}

TEST(Exr, AChangedByteGivesAPictureOrADataError) {
  const test::TempDir dir;
  write_exr(dir / "a.exr", ramp(8, 8));
  const std::string bytes = test::content(dir / "a.exr");
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    try {
      read_exr(dir.write("damaged.exr", damaged));
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

/// A file of one pixel that names `type` as its kind, with a deep chunk of `samples` samples.
std::string deep_exr(const std::string& type, std::uint32_t flags, std::int32_t samples) {
  const auto text = [](const std::string& value) { return value + '\0'; };
  const auto word = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto attribute = [&](const char* name, const char* kind, const std::string& value) {
    return text(name) + text(kind) + word(static_cast<std::uint32_t>(value.size())) + value;
  };
  const std::string nought = word(0), one = word(1.f);
  const std::string window = std::string(16, '\0');
  std::string channels;
  for (const char* name : {"A", "Z"})
    channels += text(name) + word(2) + nought + word(1) + word(1);  // float, every pixel
  std::string file = word(20000630) + word(2 | flags);
  file +=
      attribute("channels", "chlist", channels + '\0') + attribute("chunkCount", "int", word(1));
  file += attribute("compression", "compression", std::string(1, '\0'));
  file += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window);
  file += attribute("lineOrder", "lineOrder", std::string(1, '\0'));
  file += attribute("maxSamplesPerPixel", "int", word(-1)) + attribute("name", "string", "a") +
          attribute("pixelAspectRatio", "float", one);
  file += attribute("screenWindowCenter", "v2f", nought + nought);
  file += attribute("screenWindowWidth", "float", one) + attribute("type", "string", type);
  file += attribute("version", "int", word(1)) + '\0';
  if ((flags & 0x1000) != 0) file += '\0';
  file += word(std::uint64_t{file.size() + 8});  // where the chunk is
  if ((flags & 0x1000) != 0) file += nought;
  return file + nought + word(std::uint64_t{4}) + word(std::uint64_t{64}) +
         word(std::uint64_t{8} * static_cast<std::uint64_t>(samples)) + word(samples) +
         std::string(64, '\0');
}

TEST(Exr, DeepSamplesAreRefusedBeforeMemoryIsTakenForThem) {
  const test::TempDir dir;
  constexpr std::uint32_t kDeep = 0x800, kParts = 0x1000;
  for (const std::uint32_t flags : {kDeep, kDeep | kParts, kParts}) {
    const auto file = dir.write("deep.exr", deep_exr("deepscanline", flags, 1 << 29));
    EXPECT_THAT(test::thrown<DataError>([&] { read_exr(file); }),
                testing::HasSubstr("deep samples"))
        << flags;
  }
}

TEST(Exr, BlocksOfManyWideChannelsAreRefused) {
  const test::TempDir dir;
  const auto write = [&](int width, int channels, bool tiles) {
    Imf::Header header(width, 1);
    header.compression() = Imf::ZIP_COMPRESSION;
    for (int i = 0; i < channels; ++i)
      header.channels().insert(i == 0 ? "Y" : concat('c', i), Imf::Channel(Imf::FLOAT));
    const auto file = dir / "wide.exr";
    if (tiles) {
      header.setTileDescription(Imf::TileDescription(16384, 16384));
      Imf::TiledOutputFile{file.c_str(), header, 0};
    } else {
      Imf::OutputFile{file.c_str(), header, 0};
    }
    return test::thrown<DataError>([&] { read_exr(file); });
  };
  EXPECT_THAT(write(65536, 8, false), testing::HasSubstr("cut")) << "not written, but not too wide";
  EXPECT_THAT(write(65536, 9, false), testing::HasSubstr("blocks of more than 512 MiB"));
  EXPECT_THAT(write(64, 1, true), testing::HasSubstr("blocks of more than 512 MiB"));
}

TEST(Exr, RefusesWhatIsNoExrInOneLine) {
  const test::TempDir dir;
  const std::string message =
      test::thrown<DataError>([&] { read_exr(dir.write("a.exr", "no picture")); });
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THROW(read_exr(dir.path()), DataError);
  EXPECT_THROW(read_exr(dir / "none.exr"), DataError);
}

TEST(Exr, AFolderThatIsMissingIsAResourceError) {
  const test::TempDir dir;
  EXPECT_THROW(write_exr(dir / "none/a.exr", ramp(2, 2)), ResourceError);
}

}  // namespace
}  // namespace vdd::io
