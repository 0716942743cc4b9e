// SPDX-License-Identifier: Apache-2.0
// Files of tools/reference/make_torch_files.py.
#include "vdd/io/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../src/io/zip.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "zip_bytes.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kFiles = fs::path(VDD_FIXTURES) / "io/torch";

std::string file_refusal(const fs::path& path) {
  return thrown<DataError>([&] { TorchFile{path}; });
}

/// A file packed again, the members of which `compress` is true compressed.
template <typename Compress>
std::string packed(const fs::path& path, const Compress& compress) {
  const std::string bytes = test::content(path);
  std::vector<test::ZipPart> parts;
  for (const ZipMember& member : list_zip(bytes, path)) {
    test::ZipPart part{.name = member.name, .data = std::string(member.data)};
    if (compress(part.name)) {
      part.size = static_cast<std::uint32_t>(member.size);
      part.data = test::deflated(part.data);
      part.deflated = true;
    }
    parts.push_back(std::move(part));
  }
  return test::zip_of(parts);
}

TEST(TorchFile, HoldsWhatTorchSaved) {
  const TorchFile file(kFiles / "views.pth");
  std::vector<std::string> names;
  for (const auto& info : file.tensors()) names.push_back(info.name);
  EXPECT_THAT(names, ElementsAre("whole", "transposed", "row", "parameter", "empty", "half",
                                 "bfloat16", "int64", "bool"));
  const torch::Tensor whole = torch::arange(12, torch::kFloat32).view({3, 4}) / 4;
  const std::vector<std::pair<std::string, torch::Tensor>> expected = {
      {"whole", whole},
      {"transposed", whole.t().contiguous()},
      {"row", whole[1]},
      {"parameter", whole + 1},
      {"empty", torch::empty({0, 3})},
      {"half", whole.to(torch::kFloat16)},
      {"bfloat16", whole.to(torch::kBFloat16)},
      {"int64", torch::tensor(-5, torch::kInt64)},
      {"bool", torch::tensor({true, false, true})}};
  for (const auto& [name, value] : expected) {
    const torch::Tensor read = file.get(name);
    EXPECT_EQ(read.scalar_type(), value.scalar_type()) << name;
    EXPECT_TRUE(read.is_contiguous()) << name;
    EXPECT_TRUE(read.equal(value)) << name;
  }
  EXPECT_THAT(thrown<DataError>([&] { file.get("other"); }), HasSubstr("'other'"));
}

TEST(TorchFile, ReadsTheStateOfAModuleWithItsVersions) {
  const TorchFile file(kFiles / "module.pth");
  ASSERT_EQ(file.tensors().size(), 2U);
  EXPECT_EQ(file.tensors()[0].name, "0.weight");
  EXPECT_TRUE(file.get("0.weight").equal(torch::full({3, 2}, 0.5)));
  EXPECT_TRUE(file.get("0.bias").equal(torch::full({3}, 0.25)));
}

TEST(TorchFile, OtherFilesAreRefusedAndNoneIsRun) {
  EXPECT_THAT(file_refusal(kFiles / "command.pth"),
              HasSubstr("asks for the Python object posix.mkdir"));
  EXPECT_FALSE(fs::exists("/tmp/vdd-was-run"));
  EXPECT_THAT(file_refusal(kFiles / "whole_module.pth"),
              HasSubstr("torch.nn.modules.linear.Linear"));
  EXPECT_THAT(file_refusal(kFiles / "nested.pth"), HasSubstr("'model' is no tensor"));
  EXPECT_THAT(file_refusal(kFiles / "old.pth"), HasSubstr("no file of PyTorch 1.6 or later"));
  const test::TempDir dir;
  EXPECT_THAT(file_refusal(dir / "absent.pth"), HasSubstr("absent.pth"));
  EXPECT_THAT(file_refusal(dir.write("empty.pth", "")), HasSubstr("no file of PyTorch"));
}

TEST(TorchFile, WhatIsCompressedIsRefused) {
  const test::TempDir dir;
  const auto packed_with = [&](const std::string& compressed) {
    return dir.write("a.pth", packed(kFiles / "module.pth", [&](const std::string& name) {
                       return name.ends_with(compressed);
                     }));
  };
  EXPECT_THAT(file_refusal(packed_with("/data/0")),
              HasSubstr("tensor '0.weight': is compressed, which torch.save never does"));
  EXPECT_THAT(file_refusal(packed_with("/data.pkl")), HasSubstr("data.pkl: is compressed"));
}

TEST(TorchFile, NumbersMayLieAtAnyByte) {
  const test::TempDir dir;
  const std::string bytes = packed(kFiles / "module.pth", [](const auto&) { return false; });
  for (const ZipMember& member : list_zip(bytes, "a.pth")) {
    if (!member.name.ends_with("/data/0")) continue;
    EXPECT_NE((member.data.data() - bytes.data()) % 4, 0) << "else this tests nothing";
  }
  const TorchFile file(dir.write("a.pth", bytes));
  EXPECT_TRUE(file.get("0.weight").equal(torch::full({3, 2}, 0.5)));
  EXPECT_TRUE(file.get("0.bias").equal(torch::full({3}, 0.25)));
}

TEST(TorchFile, DamageIsFound) {
  const std::string good = test::content(kFiles / "module.pth");
  const test::TempDir dir;
  const auto read_all = [&](const std::string& bytes) {
    const TorchFile file(dir.write("bad.pth", bytes));
    for (const auto& info : file.tensors()) file.get(info.name);
  };
  EXPECT_NO_THROW(read_all(good));
  std::string bad = good;
  const float half = 0.5F;
  const std::size_t at = bad.find(std::string(reinterpret_cast<const char*>(&half), 4));
  ASSERT_NE(at, std::string::npos);
  bad[at] ^= 1;
  EXPECT_THAT(thrown<DataError>([&] { read_all(bad); }), HasSubstr("checksum"));
  for (std::size_t n = 0; n < good.size(); n += 7) {
    EXPECT_THROW(read_all(good.substr(0, n)), DataError) << n;
  }
}

}  // namespace
}  // namespace vdd::io
