// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>

#include <chrono>

#include "safetensors_bytes.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/state_dict.h"

// Damaged and hostile weight files: bugs of published readers, tricks from published audits of the
// format, and what a failed download or copy leaves behind. Each must be refused with one line that
// names the file and the reason.
namespace vdd::io {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using test::entry;
using test::length_field;
using test::safetensors_bytes;
using test::TempDir;
using test::thrown;
using testing::HasSubstr;

struct Case {
  std::string name;
  std::string bytes;
  std::string reason;
};

const std::string kFour(4, '\0');  // the data of one F32
const std::string kGood = entry("a", "F32", "1", "0,4");

std::string one(const std::string& tensor, const std::string& data = kFour) {
  return safetensors_bytes("{" + tensor + "}", data);
}

std::string many_tensors(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i)
    header += concat(i > 0 ? "," : "", entry(std::to_string(i), "U8", "0", "0,0"));
  return safetensors_bytes(header + "}");
}

std::vector<Case> cases() {
  const std::string good = one(kGood);
  const std::string nested(100'000, '[');
  return {
      // No safetensors file at all.
      {"empty file", "", "it is empty"},
      {"one byte", "\0"s, "only 1 bytes"},
      {"seven bytes", std::string(7, '\0'), "only 7 bytes"},
      {"zeros, as after a power loss", std::string(4096, '\0'), "the header is empty"},
      {"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 12\n",
       "Git LFS pointer"},
      {"web page", "<!DOCTYPE html><html><body>404</body></html>", "web page"},
      {"web page after blanks", "\n\n  <html><body>sign in</body></html>", "web page"},
      {"web page with a mark", "\xef\xbb\xbf<html></html>", "web page"},
      {"pickle, protocol 2", "\x80\x02}q\x01X\x03\x00\x00\x00key"s, "Python pickle"},
      {"pickle, protocol 4", "\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94."s,
       "Python pickle"},
      {"zip, as torch.save writes", "PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00"s,
       "zip archive"},
      {"HDF5", "\x89HDF\r\n\x1a\n\x00\x00\x00\x00"s, "HDF5 file"},
      {"NumPy", "\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"s, "NumPy file"},
      {"GGUF", "GGUF\x03\x00\x00\x00\x00\x00\x00\x00"s, "GGUF file"},
      {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"s, "gzip"},
      {"JSON without a length",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}    ", "JSON text"},
      {"JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF\x00"s, "JPEG"},

      // The length field.
      {"header longer than the file", length_field(1000) + "{}", "file ends after 2"},
      {"header length of 2^64 - 1", length_field(UINT64_MAX) + "{}", "more than 100000000"},
      {"header length of 2^64 - 8, wraps when 8 is added", length_field(UINT64_MAX - 7) + "{}",
       "more than 100000000"},
      {"header length of 2^63", length_field(1ULL << 63) + "{}", "more than 100000000"},
      {"header of 100 MB and a byte", length_field(100'000'001) + "{}", "more than 100000000"},
      {"header length 1", length_field(1) + "{}", "the header is empty"},
      {"header cut by the length", length_field(good.size() - 8 - 10) + good.substr(8),
       "no valid JSON"},
      {"length in big-endian order", std::string(7, '\0') + '\x40' + good.substr(8),
       "more than 100000000"},

      // JSON.
      {"leading space", safetensors_bytes(" {" + kGood + "}", kFour), "does not start with '{'"},
      {"byte order mark", safetensors_bytes("\xef\xbb\xbf{" + kGood + "}", kFour),
       "does not start with '{'"},
      {"a list", safetensors_bytes("[1]"), "does not start with '{'"},
      {"no end", safetensors_bytes("{" + kGood, kFour), "no valid JSON"},
      {"trailing comma", safetensors_bytes("{" + kGood + ",}", kFour), "no valid JSON"},
      {"text after the object", safetensors_bytes("{" + kGood + "}x", kFour), "no valid JSON"},
      {"two objects", safetensors_bytes("{" + kGood + "}{}", kFour), "no valid JSON"},
      {"NUL padding", safetensors_bytes("{" + kGood + "}\0\0"s, kFour), "holds a NUL"},
      {"text after a NUL", safetensors_bytes("{" + kGood + "}\0{}"s, kFour), "holds a NUL"},
      {"comment", safetensors_bytes("{/* */" + kGood + "}", kFour), "no valid JSON"},
      {"single quotes", safetensors_bytes("{'a':1}"), "no valid JSON"},
      {"bad UTF-8", one(entry("a\xff", "F32", "1", "0,4")), "no valid JSON"},
      {"overlong UTF-8", one(entry("a\xc0\xaf", "F32", "1", "0,4")), "no valid JSON"},
      {"lone surrogate", one(entry("\\ud800", "F32", "1", "0,4")), "no valid JSON"},
      {"deep nesting", safetensors_bytes("{\"a\":" + nested), "a list where none belongs"},
      {"deep nesting of objects", safetensors_bytes("{\"a\":{\"shape\":{\"a\":{\"a\":{"),
       "an object where none belongs"},

      // Names.
      {"name twice", safetensors_bytes("{" + kGood + "," + kGood + "}", kFour),
       "tensor 'a': appears twice"},
      {"name twice, one escaped",
       safetensors_bytes("{" + kGood + "," + entry("\\u0061", "F32", "1", "0,4") + "}", kFour),
       "tensor 'a': appears twice"},
      {"name twice, other range",
       safetensors_bytes("{" + kGood + "," + entry("a", "F32", "1", "4,8") + "}", kFour + kFour),
       "appears twice"},
      {"empty name", one(entry("", "F32", "1", "0,4")), "empty name"},
      {"NUL in a name", one(entry("a\\u0000b", "F32", "1", "0,4")), "control characters"},
      {"terminal escape in a name", one(entry("\\u001b[2Jb", "F32", "1", "0,4")),
       "control characters"},
      {"line end in a name", one(entry("a\\nerror: b", "F32", "1", "0,4")), "control characters"},
      {"text direction in a name",
       one(entry("a\xe2\x80\xae"
                 "b",
                 "F32", "1", "0,4")),
       "control characters"},
      {"path as a name", one(entry("../../etc/passwd", "F32", "1", "0,4")), "like a path"},
      {"Windows path as a name", one(entry("C:\\\\x", "F32", "1", "0,4")), "like a path"},
      {"name of 1 MB", one(entry(std::string(1 << 20, 'n'), "F32", "1", "0,4")),
       "more than 512 bytes"},

      // Fields.
      {"no dtype", one(R"("a":{"shape":[1],"data_offsets":[0,4]})"), "is missing"},
      {"no shape", one(R"("a":{"dtype":"F32","data_offsets":[0,4]})"), "is missing"},
      {"no offsets", one(R"("a":{"dtype":"F32","shape":[1]})"), "is missing"},
      {"unknown field", one(R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})"),
       "unknown field 'x'"},
      {"shape twice", one(R"("a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})"),
       "'shape' appears twice"},
      {"dtype twice, one escaped",
       one(R"("a":{"dtype":"F32","dt\u0079pe":"F32","shape":[1],"data_offsets":[0,4]})"),
       "'dtype' appears twice"},
      {"unknown dtype", one(entry("a", "F31", "1", "0,4")), "unknown dtype 'F31'"},
      {"dtype in lower case", one(entry("a", "f32", "1", "0,4")), "unknown dtype"},
      {"dtype a number", one(R"("a":{"dtype":32,"shape":[1],"data_offsets":[0,4]})"),
       "a number where none belongs"},
      {"shape a number", one(R"("a":{"dtype":"F32","shape":1,"data_offsets":[0,4]})"),
       "a number where none belongs"},
      {"shape null", one(R"("a":{"dtype":"F32","shape":null,"data_offsets":[0,4]})"), "null"},
      {"shape of a text", one(R"("a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]})"),
       "a text where none belongs"},
      {"shape with a fraction", one(entry("a", "F32", "1.0", "0,4")), "no whole number"},
      {"shape with an exponent", one(entry("a", "F32", "1e0", "0,4")), "no whole number"},
      {"shape negative", one(entry("a", "F32", "-1", "0,4")), "negative number"},
      {"shape of two negatives", one(entry("a", "F32", "-1,-1", "0,4")), "negative number"},
      {"shape past 64 bits", one(entry("a", "F32", "18446744073709551616", "0,4")),
       "no whole number"},
      {"shape nested", one(entry("a", "F32", "[1]", "0,4")), "a list where none belongs"},
      {"shape true", one(entry("a", "F32", "true", "0,4")), "true or false"},
      {"rank 9", one(entry("a", "F32", "1,1,1,1,1,1,1,1,1", "0,4")), "more than 8 dimensions"},
      {"one offset", one(entry("a", "F32", "1", "0")), "not two numbers"},
      {"three offsets", one(entry("a", "F32", "1", "0,4,8")), "not two numbers"},
      {"tensor a list", safetensors_bytes(R"({"a":[1]})"), "a list where none belongs"},
      {"tensor a text", safetensors_bytes(R"({"a":"F32"})"), "a text where none belongs"},
      {"tensor null", safetensors_bytes(R"({"a":null})"), "null"},

      // Metadata.
      {"metadata a text", safetensors_bytes(R"({"__metadata__":"x"})"),
       "a text where none belongs"},
      {"metadata value a number", safetensors_bytes(R"({"__metadata__":{"x":1}})"),
       "a number where none belongs"},
      {"metadata value an object", safetensors_bytes(R"({"__metadata__":{"x":{}}})"),
       "an object where none belongs"},
      {"metadata value null", safetensors_bytes(R"({"__metadata__":{"x":null}})"), "null"},
      {"metadata key twice", safetensors_bytes(R"({"__metadata__":{"x":"1","x":"2"}})"),
       "'x' appears twice"},
      {"metadata key twice, escaped",
       safetensors_bytes(R"({"__metadata__":{"x":"1","\u0078":"2"}})"), "'x' appears twice"},
      {"metadata twice", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"),
       "'__metadata__' appears twice"},

      // Sizes and places.
      {"fewer bytes than the shape needs", one(entry("a", "F32", "2", "0,4")),
       "need 8 bytes, data_offsets hold 4"},
      {"more bytes than the shape needs", one(entry("a", "F16", "1", "0,4")),
       "need 2 bytes, data_offsets hold 4"},
      {"product wraps to exactly 0", one(entry("a", "F32", "4294967296,1073741824", "0,0"), ""),
       "larger than any file"},
      {"product wraps to 4", one(entry("a", "F32", "4611686018427387905", "0,4")),
       "larger than any file"},
      {"zero hides an overflow", one(entry("a", "F32", "0,1099511627776,1099511627776", "0,0"), ""),
       "larger than any file"},
      {"dimension past int64", one(entry("a", "U8", "9223372036854775808", "0,4")),
       "larger than any file"},
      {"scalar of no bytes", one(entry("a", "F32", "", "0,0"), ""), "need 4 bytes"},
      {"offsets backwards", one(entry("a", "F32", "1", "4,0")), "run backwards"},
      {"data past the end", one(entry("a", "F32", "2", "0,8")), "is it cut off?"},
      {"data far past the end",
       one(entry("a", "U8", "9223372036854775807", "0,9223372036854775807")), "is it cut off?"},
      {"cut by one byte", good.substr(0, good.size() - 1), "is it cut off?"},
      {"data does not start at 0", one(entry("a", "F32", "1", "4,8"), kFour + kFour), "a hole"},
      {"hole",
       safetensors_bytes("{" + kGood + "," + entry("b", "F32", "1", "8,12") + "}",
                         std::string(12, '\0')),
       "a hole"},
      {"overlap",
       safetensors_bytes(
           "{" + entry("a", "F32", "2", "0,8") + "," + entry("b", "F32", "1", "4,8") + "}",
           std::string(8, '\0')),
       "an overlap"},
      {"same bytes twice",
       safetensors_bytes("{" + kGood + "," + entry("b", "F32", "1", "0,4") + "}", kFour),
       "an overlap"},
      {"appended byte", good + "x", "belong to none"},
      {"appended zip, two formats in one", good + "PK\x05\x06" + std::string(18, '\0'),
       "belong to none"},
      {"data without tensors", safetensors_bytes("{}", "data"), "belong to none"},
      {"200,000 empty tensors", many_tensors(200'000), "more than 100000 tensors"},
  };
}

/// One printable line that names the file, not longer than a screen.
void expect_one_line(std::string message, const fs::path& path) {
  EXPECT_TRUE(message.starts_with(path.string())) << message;
  EXPECT_LT(message.size(), 2000U);
  std::erase(message, '\\');  // the only character that escape() changes a second time
  EXPECT_EQ(escape(message, 10'000), message);
}

TEST(SafetensorsDamage, EveryCaseIsRefusedWithItsReason) {
  const TempDir dir;
  const fs::path path = dir / "weights.safetensors";
  for (const Case& damaged : cases()) {
    SCOPED_TRACE(damaged.name);
    write_file_atomic(path, damaged.bytes);
    const auto start = std::chrono::steady_clock::now();
    const std::string message = thrown<DataError>([&] { SafetensorsFile file(path); });
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_THAT(message, HasSubstr(damaged.reason));
    expect_one_line(message, path);
  }
  EXPECT_GE(cases().size(), 60U);
}

TEST(SafetensorsDamage, ControlsAreRead) {
  const TempDir dir;
  const fs::path path = dir / "weights.safetensors";
  const std::vector<Case> controls = {
      {"no tensor", safetensors_bytes("{}"), ""},
      {"metadata only", safetensors_bytes(R"({"__metadata__":{"format":"pt"}})"), ""},
      {"spaces after the object", safetensors_bytes("{" + kGood + "}     ", kFour), ""},
      {"spaces inside",
       safetensors_bytes(
           "{ \"a\" : { \"dtype\":\"F32\", \"shape\":[ 1 ],\"data_offsets\":[0, 4] } }", kFour),
       ""},
      {"scalar", one(entry("a", "F32", "", "0,4")), ""},
      {"rank 8", one(entry("a", "F32", "1,1,1,1,1,1,1,1", "0,4")), ""},
      {"empty tensor", one(entry("a", "F32", "0,3", "0,0"), ""), ""},
      {"tensors in another order than their bytes",
       safetensors_bytes("{" + entry("b", "F32", "1", "4,8") + "," + kGood + "}", kFour + kFour),
       ""},
      {"a name that is not ASCII", one(entry("\xc3\xa9", "F32", "1", "0,4")), ""},
      {"a name of 512 bytes", one(entry(std::string(512, 'n'), "F32", "1", "0,4")), ""},
      {"fields in another order", one(R"("a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"})"),
       ""},
      {"escaped metadata", safetensors_bytes(R"({"__metadata__":{"a\nb":"\u0000"}})"), ""},
  };
  for (const Case& control : controls) {
    SCOPED_TRACE(control.name);
    write_file_atomic(path, control.bytes);
    EXPECT_NO_THROW({
      const SafetensorsFile file(path);
      for (const auto& info : file.tensors())
        EXPECT_EQ(file.get(info.name).sizes(), torch::IntArrayRef(info.shape));
    });
  }
}

TEST(SafetensorsDamage, MetadataHasALimit) {
  const TempDir dir;
  const auto file_with = [&](int keys) {
    std::string json = R"({"__metadata__":{"0":"")";
    for (int i = 1; i < keys; ++i) json += concat(",\"", i, "\":\"\"");
    return dir.write("a.safetensors", safetensors_bytes(json + "}}"));
  };
  EXPECT_EQ(SafetensorsFile(file_with(65'536)).metadata().size(), 65'536U);
  EXPECT_THAT(thrown<DataError>([&] { SafetensorsFile{file_with(65'537)}; }),
              HasSubstr("more than 65536 metadata keys"));
}

TEST(SafetensorsDamage, EveryTruncationIsRefused) {
  const TempDir dir;
  const std::string good = one(kGood);
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_file_atomic(dir / "w.safetensors", good.substr(0, size));
    EXPECT_THROW(SafetensorsFile(dir / "w.safetensors"), DataError) << size;
  }
}

TEST(SafetensorsDamage, WhatIsNoFileIsRefusedAtOnce) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo.safetensors").c_str(), 0600), 0);
  fs::create_directory(dir / "folder.safetensors");
  EXPECT_THAT(thrown<DataError>([&] { SafetensorsFile file(dir / "fifo.safetensors"); }),
              HasSubstr("is a FIFO"));
  EXPECT_THAT(thrown<DataError>([&] { SafetensorsFile file(dir / "folder.safetensors"); }),
              HasSubstr("is a folder"));
  EXPECT_THAT(thrown<DataError>([&] { SafetensorsFile file("/dev/zero"); }),
              HasSubstr("is a device"));
  EXPECT_THAT(thrown<DataError>([&] { SafetensorsFile file(dir / "absent.safetensors"); }),
              HasSubstr("No such file"));
}

TEST(SafetensorsDamage, BoolsAreZeroOrOne) {
  const TempDir dir;
  for (const char bad : {'\2', '\xff'}) {
    write_file_atomic(dir / "w.safetensors",
                      one(entry("a", "BOOL", "4", "0,4"), {'\0', '\1', bad, '\0'}));
    const SafetensorsFile file(dir / "w.safetensors");
    EXPECT_THAT(thrown<DataError>([&] { file.get("a"); }),
                HasSubstr("tensor 'a': holds a bool that is neither"));
  }
}

// --- *.safetensors.index.json
// ------------------------------------------------------------------------------------------------

class SafetensorsIndexDamage : public testing::Test {
 protected:
  SafetensorsIndexDamage() {
    save_safetensors(dir / "one.safetensors", tensor::NamedTensors{{"a", torch::ones({2})}});
    save_safetensors(dir / "two.safetensors",
                     tensor::NamedTensors{{"b", torch::ones({3})}, {"c", torch::ones({1})}});
  }
  std::string refusal(const std::string& index) {
    write_file_atomic(path, index);
    const std::string message = thrown<DataError>([&] {
      const auto source = open_weights(path);
      tensor::content_hash(*source);
    });
    expect_one_line(message, dir.path());
    return message;
  }
  static std::string map(const std::string& entries) {
    return R"({"metadata":{"total_size":24},"weight_map":{)" + entries + "}}";
  }

  const TempDir dir;
  const fs::path path = dir / "model.safetensors.index.json";
};

TEST_F(SafetensorsIndexDamage, AGoodOneIsRead) {
  write_file_atomic(path,
                    map(R"("a":"one.safetensors","b":"two.safetensors","c":"two.safetensors")"));
  const auto source = open_weights(dir.path(), "model");
  EXPECT_EQ(source->tensors().size(), 3U);
  EXPECT_EQ(source->get("b").numel(), 3);
}

TEST_F(SafetensorsIndexDamage, EveryCaseIsRefusedWithItsReason) {
  const std::string rest = R"(,"b":"two.safetensors","c":"two.safetensors")";
  const std::vector<Case> damaged = {
      {"no JSON", "weight_map", "no valid JSON"},
      {"empty", "", "no valid JSON"},
      {"text after a NUL", map(R"("a":"one.safetensors")") + "\0x"s, "holds a NUL"},
      {"a list", "[]", "no JSON object"},
      {"a number", "1", "no JSON object"},
      {"no weight_map", "{}", "names no tensor"},
      {"empty weight_map", map(""), "names no tensor"},
      {"weight_map a list", R"({"weight_map":["one.safetensors"]})",
       "does not give one shard name per tensor"},
      {"shard a number", map(R"("a":1)"), "does not give one shard name per tensor"},
      {"shard an object", map(R"("a":{})"), "does not give one shard name per tensor"},
      {"weight_map twice", R"({"weight_map":{"a":"one.safetensors"},"weight_map":{}})",
       "'weight_map' appears twice"},
      {"tensor twice", map(R"("a":"one.safetensors","a":"two.safetensors")"), "'a' appears twice"},
      {"tensor twice, escaped", map(R"("a":"one.safetensors","\u0061":"two.safetensors")"),
       "'a' appears twice"},
      {"unknown key", R"({"weights":{}})", "unknown key 'weights'"},
      {"parent folder", map(R"("a":"../one.safetensors")"), "no plain name"},
      {"absolute path", map(R"("a":"/etc/one.safetensors")"), "no plain name"},
      {"sub-folder", map(R"("a":"x/one.safetensors")"), "no plain name"},
      {"Windows path", map(R"("a":"x\\one.safetensors")"), "no plain name"},
      {"NUL", map(R"("a":"one.safetensors\u0000.safetensors")"), "no plain name"},
      {"control characters", map(R"("a":"\u001b[2J.safetensors")"), "no plain name"},
      {"another kind of file", map(R"("a":"one.bin")"), "no plain name"},
      {"hidden file", map(R"("a":".safetensors")"), "no plain name"},
      {"path as a tensor's name", map(R"("../a":"one.safetensors")"), "like a path"},
      {"missing shard", map(R"("a":"three.safetensors")" + rest),
       "three.safetensors: cannot be opened"},
      {"shard without the tensor", map(R"("a":"one.safetensors","d":"one.safetensors")" + rest),
       "'d': is not in shard one"},
      {"tensor in another shard", map(R"("a":"two.safetensors")" + rest),
       "'a': is not in shard two"},
      {"shard holds more", map(R"("a":"one.safetensors","b":"two.safetensors")"),
       "'c': is in shard two.safetensors, the index"},
      {"deep metadata", R"({"metadata":)" + std::string(50'000, '['), "nested too deeply"},
  };
  for (const Case& item : damaged) {
    SCOPED_TRACE(item.name);
    EXPECT_THAT(refusal(item.bytes), HasSubstr(item.reason));
  }
}

TEST_F(SafetensorsIndexDamage, ADamagedShardIsNamed) {
  write_file_atomic(dir / "two.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT(refusal(map(R"("a":"one.safetensors","b":"two.safetensors","c":"two.safetensors")")),
              HasSubstr("two.safetensors: no safetensors file but a Git LFS pointer"));
}

TEST(OpenWeights, SaysThatAPickleIsNotRead) {
  const TempDir dir;
  write_file_atomic(dir / "pytorch_model.bin", "PK\x03\x04");
  EXPECT_THAT(thrown<DataError>([&] { open_weights(dir.path(), "model"); }),
              HasSubstr("holds no model.safetensors; its .bin file is a Python pickle"));
}

}  // namespace
}  // namespace vdd::io
