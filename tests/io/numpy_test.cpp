// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/numpy.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "zip_bytes.h"

namespace vdd::io {
namespace {

using testing::HasSubstr;

/// A file as the format's description gives it.
std::string npy(const std::string& descr, const std::string& order, const std::string& shape,
                std::string_view numbers) {
  std::string text =
      concat("{'descr': '", descr, "', 'fortran_order': ", order, ", 'shape': ", shape, ", }");
  text.append((64 - (10 + text.size() + 1) % 64) % 64, ' ');
  text += '\n';
  std::string file("\x93NUMPY\1\0", 8);
  file += static_cast<char>(text.size() % 256);
  file += static_cast<char>(text.size() / 256);
  return file.append(text).append(numbers);
}

at::Tensor read_bytes(const std::string& bytes) {
  const test::TempDir dir;
  return read_npy(dir.write("a.npy", bytes));
}

TEST(Numpy, GivesBackEveryTypeAndShape) {
  const test::TempDir dir;
  for (const auto dtype : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                           at::kFloat, at::kDouble, at::kBool}) {
    const std::vector<std::vector<std::int64_t>> shapes = {{}, {6}, {2, 3}, {2, 0}, {1, 2, 3, 1}};
    for (const auto& shape : shapes) {
      const at::Tensor array =
          at::arange(c10::multiply_integers(shape)).remainder(2).to(dtype).view(shape);
      write_npy(dir / "a.npy", array);
      write_npz(dir / "s.npz", array, "depth", false);
      write_npz(dir / "c.npz", array, "depth", true);
      for (const at::Tensor& read : {read_npy(dir / "a.npy"), read_npz(dir / "s.npz", "", {}),
                                     read_npz(dir / "c.npz", "depth", {})}) {
        EXPECT_EQ(read.scalar_type(), dtype);
        EXPECT_TRUE(read.equal(array)) << array.sizes();
      }
    }
  }
  EXPECT_THAT(npz_members(dir / "c.npz"), testing::ElementsAre("depth"));
}

TEST(Numpy, WritesTheHeaderOfTheFormatsDescription) {
  const test::TempDir dir;
  write_npy(dir / "a.npy", at::tensor({1.0f, 2.0f}));
  EXPECT_EQ(test::content(dir / "a.npy"),
            npy("<f4", "False", "(2,)", std::string_view("\0\0\x80\x3f\0\0\0\x40", 8)));
}

TEST(Numpy, ReadsBigEndianUnsignedAndColumnOrder) {
  EXPECT_TRUE(read_bytes(npy(">i2", "False", "(2,)", std::string_view("\1\2\xff\xfe", 4)))
                  .equal(at::tensor({258, -2}, at::kShort)));
  EXPECT_TRUE(read_bytes(npy("<u2", "False", "(2,)", std::string_view("\1\2\xff\xff", 4)))
                  .equal(at::tensor({513, 65535}, at::kInt)));
  EXPECT_TRUE(read_bytes(npy("|u1", "True", "(2, 3)", "\1\2\3\4\5\6"))
                  .equal(at::tensor({1, 3, 5, 2, 4, 6}, at::kByte).view({2, 3})));
}

TEST(Numpy, NamesWhatIsWrongWithAnArray) {
  const auto message = [](const std::string& bytes) {
    return test::thrown<DataError>([&] { read_bytes(bytes); });
  };
  EXPECT_THAT(message("text"), HasSubstr("no NumPy array"));
  EXPECT_THAT(message(npy("|O", "False", "(2,)", "")), HasSubstr("'|O' cannot be read"));
  EXPECT_THAT(message(npy("<f4", "False", "(2,)", "1234")), HasSubstr("cut"));
  EXPECT_THAT(message(npy("<f4", "False", "(1,)", "12345")), HasSubstr("after the array"));
  EXPECT_THAT(message(npy("<f4", "False", "(-1,)", "")), HasSubstr("no number"));
  EXPECT_THAT(message(npy("<f4", "False", "(4294967296, 4294967296)", "")), HasSubstr("size"));
  EXPECT_THAT(message(npy("<f4", "No", "(1,)", "1234")), HasSubstr("bad header"));
  EXPECT_THAT(message(npy("|b1", "False", "(1,)", "\2")), HasSubstr("neither"));
}

TEST(Numpy, ACutOrChangedFileIsAnArrayOrADataError) {
  const test::TempDir dir;
  write_npz(dir / "a.npz", at::arange(50).to(at::kFloat));
  write_npy(dir / "a.npy", at::arange(50).to(at::kFloat));
  for (const char* name : {"a.npz", "a.npy"}) {
    const auto read = [&](std::string_view bytes) {
      const auto file = dir.write(concat("damaged.", std::string_view(name).substr(2)), bytes);
      return std::string_view(name) == "a.npz" ? read_npz(file, "", {}) : read_npy(file);
    };
    const std::string bytes = test::content(dir / name);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      EXPECT_THROW(read(std::string_view(bytes).substr(0, at)), DataError) << name << ' ' << at;
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x2a);
      try {
        read(damaged);
      } catch (const DataError& e) {
        EXPECT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos);
      }
    }
  }
}

TEST(Numpy, AnArchiveWithoutTheArraySaysWhatItHolds) {
  const test::TempDir dir;
  write_npz(dir / "a.npz", at::zeros({2}), "disparity");
  EXPECT_THAT(test::thrown<DataError>([&] { read_npz(dir / "a.npz", "depth", {}); }),
              HasSubstr("no array 'depth'; it holds disparity"));
}

TEST(Numpy, AnArrayThatNobodyWantsIsRefusedBeforeItIsInflated) {
  // The data ends after 128 KiB of the 512 MiB: whoever went on would find it damaged.
  const test::TempDir dir;
  const std::string start = npy("<f4", "False", "(1, 8192, 16384)", std::string(1 << 17, '\0'));
  const std::string data = test::deflated(start) + std::string(1 << 19, '\0');
  const std::uint32_t size = 128 + (1 << 29);
  const auto file = dir.write(
      "a.npz", test::zip_of({{.name = "depth.npy", .data = data, .deflated = true, .size = size}}));
  std::vector<std::int64_t> asked;
  const auto refuse = [&](at::IntArrayRef shape) {
    asked = shape.vec();
    throw DataError("a.npz", "nobody wants it");
  };
  EXPECT_THAT(test::thrown<DataError>([&] { read_npz(file, "depth", refuse); }),
              HasSubstr("nobody wants it"));
  EXPECT_THAT(asked, testing::ElementsAre(1, 8192, 16384));
}

TEST(Numpy, ZerosAreReadHoweverFarTheyDeflate) {
  const test::TempDir dir;
  const at::Tensor zeros = at::zeros({3, 512, 512});
  write_npz(dir / "a.npz", zeros, "depth");
  EXPECT_LT(std::filesystem::file_size(dir / "a.npz") * 900, zeros.nbytes());
  EXPECT_TRUE(read_npz(dir / "a.npz", "depth", {}).equal(zeros));
}

TEST(Numpy, PiecesGiveTheFileOfTheWhole) {
  const test::TempDir dir;
  const at::Tensor array = at::arange(60).to(at::kFloat).view({5, 3, 4});
  for (const bool compressed : {false, true}) {
    write_npz(dir / "whole.npz", array, "depth", compressed);
    NumpyWriter writer(dir / "pieces.npz",
                       compressed ? NumpyFormat::kNpzCompressed : NumpyFormat::kNpz, at::kFloat,
                       array.sizes(), "depth");
    for (const at::Tensor& frame : array.unbind()) writer.write(frame);
    writer.commit();
    EXPECT_TRUE(
        read_npz(dir / "pieces.npz", "depth", {}).equal(read_npz(dir / "whole.npz", "depth", {})));
  }
}

TEST(Numpy, AnUnfinishedFileIsAbsent) {
  const test::TempDir dir;
  {
    NumpyWriter writer(dir / "a.npy", NumpyFormat::kNpy, at::kFloat, {4});
    writer.write(at::zeros({3}));
    EXPECT_THROW(writer.commit(), ShapeError);
    EXPECT_THROW(writer.write(at::zeros({2})), ShapeError);
  }
  EXPECT_TRUE(dir.names().empty());
}

// numpy_peer.py asks for a folder of its own files and compares what comes back with NumPy.
TEST(Numpy, WhatIsReadAndWrittenAgainIsTheSame) {
  const test::TempDir own;
  const char* asked = std::getenv("VDD_NUMPY");
  const std::filesystem::path folder = asked != nullptr ? asked : own.path();
  if (asked == nullptr) write_npy(folder / "in0.npy", at::arange(7));
  int files = 0;
  for (;; ++files) {
    const auto path = [&](const char* kind) { return folder / concat(kind, files, ".npy"); };
    at::Tensor array;
    if (std::filesystem::exists(path("in"))) {
      array = read_npy(path("in"));
    } else if (std::filesystem::exists(path("in").replace_extension(".npz"))) {
      array = read_npz(path("in").replace_extension(".npz"), "depth", {});
    } else {
      break;
    }
    write_npy(path("out"), array);
    EXPECT_TRUE(read_npy(path("out")).equal(array));
    write_npz(path("stored").replace_extension(".npz"), array, "depth", false);
    write_npz(path("deflated").replace_extension(".npz"), array, "depth", true);
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace vdd::io
