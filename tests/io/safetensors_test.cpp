// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <csignal>

#include "safetensors_bytes.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

using namespace std::string_literals;
using tensor::NamedTensors;
using test::content;
using test::TempDir;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

bool same_bytes(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.contiguous().const_data_ptr(), b.contiguous().const_data_ptr(),
                     a.nbytes()) == 0;
}

// Written by Python: safetensors.torch.save({...}, {'format': 'pt'}), version 0.8.0.
TEST(SaveSafetensors, WritesTheBytesThatPythonWrites) {
  const std::string python =
      "H\x01\x00\x00\x00\x00\x00\x00{\"__metadata__\":{\"format\":\"pt\"},"
      "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
      "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]},"
      "\"z\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[20,20]},"
      "\"a.weight\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[20,24]},"
      "\"\xc3\xa9\\\"\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[24,26]}}   "
      "\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00<\x00@\x01\x00"s;
  const NamedTensors tensors = {{"\xc3\xa9\"", torch::tensor({true, false})},
                                {"b.weight", torch::arange(3, torch::kFloat32)},
                                {"a.weight", torch::tensor({{1.0, 2.0}}).to(torch::kFloat16)},
                                {"z", torch::zeros({0, 4})},
                                {"n", torch::tensor(7, torch::kInt64)}};
  const TempDir dir;
  save_safetensors(dir / "w.safetensors", tensors);
  EXPECT_EQ(content(dir / "w.safetensors"), python);
  EXPECT_THAT(dir.names(), ElementsAre("w.safetensors"));
}

TEST(SaveSafetensors, ReadsBackEqualWhateverTheTypeAndShape) {
  const TempDir dir;
  Random random(1);
  const auto dtypes = {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16,
                       torch::kInt64,   torch::kInt32,   torch::kInt16,   torch::kInt8,
                       torch::kUInt8,   torch::kBool};
  for (int round = 0; round < 50; ++round) {
    NamedTensors tensors;
    for (int64_t i = random.below(12); i >= 0; --i) {
      std::vector<int64_t> shape(random.below(5));
      for (int64_t& size : shape) size = random.below(5);
      const torch::Dtype dtype = *(dtypes.begin() + random.below(std::ssize(dtypes)));
      tensors.emplace_back("t." + std::to_string(i), torch::randint(-100, 100, shape).to(dtype));
    }
    save_safetensors(dir / "w.safetensors", tensors, {{"round", std::to_string(round)}});
    const SafetensorsFile file(dir / "w.safetensors");
    ASSERT_EQ(file.tensors().size(), tensors.size());
    for (const auto& [name, value] : tensors)
      EXPECT_TRUE(same_bytes(file.get(name), value)) << name;
    EXPECT_EQ(file.metadata().at("round"), std::to_string(round));
  }
}

TEST(SaveSafetensors, OrderAndStridesDoNotChangeTheBytes) {
  const TempDir dir;
  const torch::Tensor matrix = torch::arange(6, torch::kFloat32).reshape({2, 3});
  save_safetensors(dir / "1", NamedTensors{{"a", matrix}, {"b", matrix.t().contiguous()}});
  save_safetensors(dir / "2", NamedTensors{{"b", matrix.t()}, {"a", matrix.clone()}});
  EXPECT_EQ(content(dir / "1"), content(dir / "2"));
}

TEST(SaveSafetensors, ConvertsFloatingPointOnly) {
  const TempDir dir;
  const torch::Tensor values = torch::tensor({1.0F, 0.1F, -65504.0F});
  save_safetensors(dir / "w", NamedTensors{{"f", values}, {"n", torch::tensor({1, 2})}}, {},
                   torch::kFloat16);
  const SafetensorsFile file(dir / "w");
  EXPECT_TRUE(same_bytes(file.get("f"), values.to(torch::kFloat16)));
  EXPECT_EQ(file.get("n").scalar_type(), torch::kInt64);
  EXPECT_TRUE(file.metadata().empty());
}

TEST(SaveSafetensors, OverflowOfAConversionIsAnErrorAndWritesNothing) {
  const TempDir dir;
  const NamedTensors tensors = {{"big", torch::tensor({1e6F})}};
  EXPECT_EQ(
      thrown<NonFiniteError>([&] { save_safetensors(dir / "w", tensors, {}, torch::kFloat16); }),
      "tensor 'big' holds values that are infinite in fp16");
  EXPECT_THAT(dir.names(), ElementsAre());
  save_safetensors(dir / "w", tensors, {}, torch::kBFloat16);
}

TEST(SaveSafetensors, RefusesNamesItWouldNotRead) {
  const TempDir dir;
  const torch::Tensor value = torch::ones({1});
  EXPECT_THROW(save_safetensors(dir / "w", NamedTensors{{"a", value}, {"a", value}}), DataError);
  EXPECT_THROW(save_safetensors(dir / "w", NamedTensors{{"a/b", value}}), ShapeError);
  EXPECT_THROW(save_safetensors(dir / "w", NamedTensors{{"", value}}), ShapeError);
  EXPECT_THROW(save_safetensors(dir / "w", NamedTensors{{"c", value.to(torch::kComplexFloat)}}),
               ShapeError);
  EXPECT_THAT(dir.names(), ElementsAre());
}

TEST(SaveSafetensors, AFullDiskKeepsTheOldFile) {
  const TempDir dir;
  save_safetensors(dir / "w", NamedTensors{{"a", torch::ones({2})}});
  const std::string before = content(dir / "w");
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t room : {0, 4, 8, 60, 100, 5000}) {
    const rlimit limit{room, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    EXPECT_THROW(save_safetensors(dir / "w", NamedTensors{{"a", torch::zeros({2000})}}),
                 ResourceError)
        << room;
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_EQ(content(dir / "w"), before);
    EXPECT_THAT(dir.names(), ElementsAre("w"));
  }
  std::signal(SIGXFSZ, handler);
}

TEST(SafetensorsFile, ViewsMayBeWrittenToWithoutChangingTheFile) {
  const TempDir dir;
  save_safetensors(dir / "w", NamedTensors{{"a", torch::ones({1000})}});
  const std::string before = content(dir / "w");
  const SafetensorsFile file(dir / "w");
  file.get("a").fill_(5);
  EXPECT_EQ(content(dir / "w"), before);
}

// Python writes padded headers; the format does not ask for them.
TEST(SafetensorsFile, ReadsUnalignedTensors) {
  const TempDir dir;
  const float values[] = {1.5F, -2.0F};
  const std::string data(reinterpret_cast<const char*>(values), sizeof values);
  for (std::size_t spaces = 0; spaces < 8; ++spaces) {
    const std::string header =
        concat('{', test::entry("a", "F32", "2", "0,8"), '}', std::string(spaces, ' '));
    write_file_atomic(dir / "w", test::safetensors_bytes(header, data));
    EXPECT_TRUE(torch::equal(SafetensorsFile(dir / "w").get("a"), torch::tensor({1.5F, -2.0F})));
  }
}

TEST(SafetensorsFile, AnUnknownNameIsADataError) {
  const TempDir dir;
  save_safetensors(dir / "w", NamedTensors{{"a", torch::ones({1})}});
  const SafetensorsFile file(dir / "w");
  EXPECT_EQ(thrown<DataError>([&] { file.get("b"); }),
            (dir / "w").string() + ": tensor 'b': is not there");
}

TEST(OpenWeights, FindsThePlainFileItsVariantAndShards) {
  const TempDir dir;
  const auto first = [&](const std::string& stem) {
    return open_weights(dir.path(), stem)->get("a").item<float>();
  };
  EXPECT_THAT(thrown<DataError>([&] { first("model"); }), HasSubstr("holds no model.safetensors"));
  save_safetensors(dir / "model-00001-of-00001.safetensors",
                   NamedTensors{{"a", torch::tensor({1.0F})}});
  write_file_atomic(dir / "model.safetensors.index.fp16.json",
                    R"({"weight_map":{"a":"model-00001-of-00001.safetensors"}})");
  EXPECT_EQ(first("model"), 1);
  save_safetensors(dir / "model.fp16.safetensors", NamedTensors{{"a", torch::tensor({2.0F})}});
  EXPECT_EQ(first("model"), 2);
  save_safetensors(dir / "model.safetensors", NamedTensors{{"a", torch::tensor({3.0F})}});
  EXPECT_EQ(first("model"), 3);
  EXPECT_EQ(open_weights(dir / "model.fp16.safetensors")->get("a").item<float>(), 2);
}

TEST(OpenWeights, ContentHashDoesNotDependOnTheFiles) {
  const TempDir dir;
  const torch::Tensor a = torch::ones({2}), b = torch::zeros({3});
  save_safetensors(dir / "all.safetensors", NamedTensors{{"a", a}, {"b", b}});
  save_safetensors(dir / "1.safetensors", NamedTensors{{"b", b}});
  save_safetensors(dir / "2.safetensors", NamedTensors{{"a", a}});
  write_file_atomic(dir / "m.safetensors.index.json",
                    R"({"weight_map":{"a":"2.safetensors","b":"1.safetensors"}})");
  const std::string hash = tensor::content_hash(*open_weights(dir / "all.safetensors"));
  EXPECT_EQ(tensor::content_hash(*open_weights(dir.path(), "m")), hash);
  EXPECT_EQ(tensor::content_hash({{"b", b}, {"a", a}}), hash);
}

}  // namespace
}  // namespace vdd::io
