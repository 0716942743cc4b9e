// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "safetensors_bytes.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors_header.h"

// Mutated files, the same on each run. A file is refused with a DataError, or what was read agrees
// with a second, slow reading of the same bytes. VDD_FUZZ_INPUTS sets another number than 20,000.
namespace vdd::io {
namespace {

std::string seed_file(Random& random) {
  static constexpr struct {
    const char* name;
    std::int64_t bytes;
  } kTypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2},
                {"I64", 8}, {"U8", 1},  {"BOOL", 1}};
  std::string header = "{";
  if (random.coin(0.5)) header += R"("__metadata__":{"format":"pt","x":"y"},)";
  std::int64_t offset = 0;
  const std::int64_t count = 1 + random.below(4);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& type = kTypes[random.below(std::size(kTypes))];
    const std::int64_t rows = random.below(4), columns = 1 + random.below(3);
    const std::int64_t end = offset + rows * columns * type.bytes;
    header +=
        concat(i > 0 ? "," : "", test::entry(concat("block.", i), type.name,
                                             concat(rows, ',', columns), concat(offset, ',', end)));
    offset = end;
  }
  return test::safetensors_bytes(header + "}", std::string(static_cast<std::size_t>(offset), '\1'));
}

const std::vector<std::string> kTokens = {"0",
                                          "1",
                                          "4",
                                          "8",
                                          "-1",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "4294967296",
                                          "1e3",
                                          "1.0",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          ",",
                                          ":",
                                          "\"",
                                          "\"\"",
                                          "null",
                                          "true",
                                          "\"F32\"",
                                          "\"BOOL\"",
                                          "\"dtype\"",
                                          "\"shape\"",
                                          "\"data_offsets\"",
                                          "\"__metadata__\"",
                                          "\\u0061",
                                          "\\u0000",
                                          " ",
                                          std::string(1, '\0'),
                                          "\xff"};

/// Changes the header in a few places and, mostly, sets the length field right again, so that the
/// damage gets past it.
std::string mutate(const std::string& file, Random& random) {
  const std::size_t header_size = file.size() > 8 ? file.find("}}") + 2 - 8 : 0;
  std::string header = file.substr(8, header_size), data = file.substr(8 + header_size);
  const auto at = [&](std::size_t size) {
    return static_cast<std::size_t>(random.below(static_cast<std::int64_t>(size) + 1));
  };
  for (std::int64_t i = random.below(4); i >= 0; --i) {
    const std::size_t place = at(header.size());
    const std::string& token = kTokens[static_cast<std::size_t>(random.below(std::ssize(kTokens)))];
    switch (random.below(6)) {
      case 0:
        header.insert(place, token);
        break;
      case 1:
        header.erase(place, at(6));
        break;
      case 2:
        header.replace(place, at(4), token);
        break;
      case 3:
        header.insert(place, header.substr(at(header.size()), at(60)));
        break;
      case 4:
        if (place < header.size()) header[place] = static_cast<char>(random.below(256));
        break;
      default: {  // another number in place of a number
        const std::size_t digit = header.find_first_of("0123456789", place);
        if (digit != std::string::npos) header[digit] = static_cast<char>('0' + random.below(10));
      }
    }
  }
  if (random.coin(0.1)) data.resize(at(data.size() + 4));
  const std::uint64_t length =
      random.coin(0.05) ? random.next() >> random.below(64) : header.size();
  return test::length_field(length) + header + data;
}

/// Reads the header with a DOM and checks what the streaming reader returned.
void expect_agrees(const std::string& file, const SafetensorsHeader& header) {
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | static_cast<unsigned char>(file[static_cast<std::size_t>(i)]);
  ASSERT_LE(length, file.size() - 8);
  nlohmann::json dom = nlohmann::json::parse(file.substr(8, length));
  if (dom.contains("__metadata__")) {
    EXPECT_EQ(header.metadata, dom["__metadata__"].get<decltype(header.metadata)>());
    dom.erase("__metadata__");
  }
  ASSERT_EQ(header.entries.size(), dom.size());
  std::uint64_t next = 8 + length;
  for (const SafetensorsEntry& entry : header.entries) {
    const nlohmann::json& wanted = dom.at(entry.name);
    EXPECT_EQ(wanted.size(), 3U);
    EXPECT_EQ(wanted.at("dtype"), safetensors_name(entry.dtype));
    EXPECT_EQ(wanted.at("shape").get<std::vector<std::int64_t>>(), entry.shape);
    EXPECT_EQ(wanted.at("data_offsets").get<std::vector<std::uint64_t>>(),
              (std::vector<std::uint64_t>{entry.begin - 8 - length, entry.end - 8 - length}));
    std::uint64_t bytes = safetensors_bytes(entry.dtype);
    for (const std::int64_t size : entry.shape) bytes *= static_cast<std::uint64_t>(size);
    EXPECT_EQ(entry.end - entry.begin, bytes);
    EXPECT_EQ(entry.begin, next);
    next = entry.end;
  }
  EXPECT_EQ(next, file.size());
}

TEST(SafetensorsFuzz, MutatedHeadersAreRefusedOrReadAlike) {
  const char* wanted = std::getenv("VDD_FUZZ_INPUTS");
  const auto inputs = wanted != nullptr ? parse_int(wanted).value() : 20'000;
  Random random(20);
  int accepted = 0;
  for (long long i = 0; i < inputs; ++i) {
    const std::string original = seed_file(random);
    const std::string file = i % 16 == 0 ? original : mutate(original, random);
    try {
      expect_agrees(file, parse_safetensors_header(std::as_bytes(std::span(file)), "fuzz"));
      ++accepted;
    } catch (const DataError&) {
      EXPECT_NE(i % 16, 0) << "an undamaged file was refused: " << file;
    }
    if (testing::Test::HasFailure()) {
      FAIL() << "input " << i << ": " << testing::PrintToString(file);
    }
  }
  // Both outcomes must be frequent, or the mutations test nothing.
  EXPECT_GT(accepted, inputs / 16 + inputs / 200);
  EXPECT_LT(accepted, inputs / 2);
}

}  // namespace
}  // namespace vdd::io
