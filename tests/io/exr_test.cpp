// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/exr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

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
