// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/teacher_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace {

using test::content;
namespace fs = std::filesystem;
using test::TempDir;
using test::thrown;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TeacherTarget some_target(std::int64_t seed) {
  return {.rgb_latent_TChw = tensor::randn({2, 4, 3, 5}, 1),
          .image_embeds_TD = tensor::randn({2, 6}, 2),
          .noise_seed = seed,
          .teacher_latent_TChw = tensor::randn({2, 4, 3, 5}, 3)};
}

const KeyParts kParts = {{"format", "1"}, {"clip", "abc"}};

TEST(TeacherCache, KeyIsTheHashOfTheLinesOfItsParts) {
  // hashlib.sha256(b"format=1\nclip=abc\n").hexdigest()
  EXPECT_EQ(cache_key(kParts), "ed68f9b67eb089a379948de3b90353991df6e962d23d3d9558a4e45583de3ffb");
}

TEST(TeacherCache, AHitGivesTheVeryBytesThatWereStored) {
  const TempDir folder;
  TeacherCache cache(folder.path());
  const std::string key = cache_key(kParts);
  EXPECT_FALSE(cache.contains(key));
  EXPECT_FALSE(cache.find(key));
  const TeacherTarget target = some_target(0x7fff'ffff'ffff'fffe);
  cache.store(kParts, target);
  EXPECT_TRUE(cache.contains(key));
  EXPECT_TRUE(identical(*cache.find(key), target));
  TeacherTarget other = target;
  other.teacher_latent_TChw = target.teacher_latent_TChw.clone();
  other.teacher_latent_TChw.data_ptr<float>()[7] += 1e-6F;
  EXPECT_FALSE(identical(other, target));
}

TEST(TeacherCache, TheFileHoldsTheTensorsThatTheDocumentationNames) {
  const TempDir folder;
  TeacherCache cache(folder.path());
  cache.store(kParts, some_target(5));
  const io::SafetensorsFile file(cache.path(cache_key(kParts)));
  EXPECT_EQ(file.get("noise_seed").item<std::int64_t>(), 5);
  for (const char* name : {"rgb_latent", "image_embeds", "teacher_latent"}) {
    EXPECT_TRUE(file.contains(name)) << name;
  }
  EXPECT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.metadata().at("parts"), "format=1\nclip=abc\n");
}

TEST(TeacherCache, KeepsDisparityAndFeaturesWhereThereAreAny) {
  const TempDir folder;
  TeacherCache cache(folder.path());
  TeacherTarget target = some_target(5);
  target.disparity_THW = tensor::randn({2, 24, 40}, 4);
  target.features_TChw = {{"decoder.up_blocks.0", tensor::randn({2, 8, 2, 3}, 5)},
                          {"decoder.mid_block", tensor::randn({2, 9, 2, 3}, 6)}};
  cache.store(kParts, target);
  EXPECT_TRUE(identical(*cache.find(cache_key(kParts)), target));
  EXPECT_FALSE(identical(some_target(5), target));
  const io::SafetensorsFile file(cache.path(cache_key(kParts)));
  for (const char* name : {"teacher_disparity", "teacher_features.decoder.up_blocks.0",
                           "teacher_features.decoder.mid_block"}) {
    EXPECT_TRUE(file.contains(name)) << name;
  }
}

TEST(TeacherCache, SweepsWhatKilledProcessesLeft) {
  const TempDir folder;
  folder.write("ab/.tmp-ab12.safetensors-0123456789abcdef", "half");
  folder.write(".tmp-random-teacher-1234-0123456789abcdef/unet/config.json", "{}");
  folder.write("ab/ab12.safetensors", "whole");
  const TeacherCache cache(folder.path());
  EXPECT_FALSE(fs::exists(folder / "ab/.tmp-ab12.safetensors-0123456789abcdef"));
  EXPECT_FALSE(fs::exists(folder / ".tmp-random-teacher-1234-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(folder / "ab/ab12.safetensors"));
}

TEST(TeacherCache, AnEntryThatCannotBeWrittenIsAnErrorOnlyIfTheCacheIsRequired) {
  const TempDir folder;
  log::add_file(folder / "log");
  const auto dir = folder.write("in the way", "") / "cache";
  TeacherCache required(dir), optional(dir, CacheUse::kOptional);
  EXPECT_THAT(thrown<ResourceError>([&] { required.store(kParts, some_target(5)); }),
              HasSubstr("in the way"));
  EXPECT_EQ(required.unwritten(), 0);
  for (int i = 0; i < 3; ++i) optional.store(kParts, some_target(5));
  EXPECT_EQ(optional.unwritten(), 3);
  log::flush();
  const std::string log = content(folder / "log");
  EXPECT_THAT(log, HasSubstr("in the way"));
  EXPECT_EQ(log.find("warning"), log.rfind("warning")) << log;
}

TEST(TeacherCache, LeavesTheRoomOfOthersOnItsDisk) {
  const TempDir folder;
  constexpr std::int64_t kAll = std::int64_t{1} << 60;
  TeacherCache beside(folder / "cache", CacheUse::kOptional),
      elsewhere(folder / "other", CacheUse::kOptional);
  beside.expect({}, kAll, folder / "run");
  beside.store(kParts, some_target(5));
  EXPECT_EQ(beside.unwritten(), 1);
  elsewhere.expect({}, kAll, "/proc");
  elsewhere.store(kParts, some_target(5));
  EXPECT_EQ(elsewhere.unwritten(), 0);
}

TEST(TeacherCache, SaysBeforehandThatItWillNotFit) {
  const TempDir folder;
  log::add_file(folder / "log");
  TeacherCache cache(folder / "cache", CacheUse::kOptional);
  cache.expect({.entries = 3, .bytes = 1000}, 1000, folder / "run");
  log::flush();
  EXPECT_THAT(content(folder / "log"), HasSubstr("cache: entries to add: about 3 (1 MiB); free "));
  EXPECT_THAT(content(folder / "log"), Not(HasSubstr("warning")));
  constexpr CacheForecast kTooMuch = {.entries = 3, .bytes = std::int64_t{1} << 60};
  cache.set_max_bytes(1 << 20);
  cache.expect(kTooMuch, 1000, folder / "run");
  log::flush();
  EXPECT_THAT(content(folder / "log"), HasSubstr("; left of cache.max_size: 1 MiB"));
  EXPECT_THAT(content(folder / "log"), Not(HasSubstr("warning")));
  cache.set_max_bytes(0);
  cache.expect(kTooMuch, std::int64_t{1} << 21, folder / "run");
  log::flush();
  EXPECT_THAT(content(folder / "log"),
              HasSubstr("may take 1099511627776 MiB and the checkpoints 2 MiB"));
}

KeyParts parts_of(std::int64_t n) {
  return {{"clip", std::to_string(n)}};
}

TEST(TeacherCache, StopsAddingAtItsLargestSizeWithOneWarning) {
  const TempDir folder;
  log::add_file(folder / "log");
  const fs::path dir = folder / "cache";
  TeacherCache cache(dir, CacheUse::kOptional);
  cache.store(parts_of(0), some_target(0));
  const std::int64_t one = cache_stat(dir).bytes;
  EXPECT_EQ(cache.held_bytes(), one);
  cache.set_max_bytes(3 * one + 100);
  for (std::int64_t n = 1; n < 9; ++n) cache.store(parts_of(n), some_target(n));
  EXPECT_EQ(cache_stat(dir).entries, 3);
  EXPECT_EQ(cache.held_bytes(), 3 * one);
  EXPECT_EQ(cache.unwritten(), 0) << "it could have been";
  log::flush();
  const std::string log = content(folder / "log");
  EXPECT_THAT(log, HasSubstr("cache: another entry would exceed cache.max_size, 1 MiB; what does"));
  EXPECT_EQ(log.find("warning"), log.rfind("warning")) << log;

  fs::resize_file(cache.path(cache_key(parts_of(1))), 100);
  cache.store(parts_of(1), some_target(1));
  EXPECT_TRUE(identical(*cache.find(cache_key(parts_of(1))), some_target(1))) << "is replaced";

  TeacherCache required(dir);
  required.set_max_bytes(3 * one + 100);
  EXPECT_THAT(thrown<ResourceError>([&] { required.store(parts_of(9), some_target(9)); }),
              HasSubstr("would exceed cache.max_size"));
}

TEST(TeacherCache, ItsSizeIsThatOfAllWhoWriteThere) {
  const TempDir folder;
  TeacherCache first(folder.path(), CacheUse::kOptional);
  TeacherCache second(folder.path(), CacheUse::kOptional);
  first.store(parts_of(0), some_target(0));
  const std::int64_t one = first.held_bytes();
  EXPECT_EQ(second.held_bytes(), one);
  first.set_max_bytes(5 * one + 100);
  second.set_max_bytes(5 * one + 100);
  for (std::int64_t n = 1; n < 12; ++n) {
    (n % 2 == 0 ? first : second).store(parts_of(n), some_target(n));
  }
  EXPECT_EQ(cache_stat(folder.path()).entries, 5);
}

TEST(TeacherCache, MissingTargetsAreCountedOrEstimated) {
  const auto odd = [](std::int64_t n) { return n % 2 == 1; };
  EXPECT_EQ(count_missing(0, odd), 0);
  EXPECT_EQ(count_missing(5, odd), 2);
  EXPECT_EQ(count_missing(64, odd), 32);
  std::int64_t looked_at = 0;
  const auto second_half = [&](std::int64_t n) { return ++looked_at, n >= 500'000; };
  EXPECT_EQ(count_missing(1'000'000, second_half), 500'000);
  EXPECT_EQ(looked_at, 64);
}

TEST(TeacherCache, FindsEveryKindOfDamage) {
  const TempDir folder;
  TeacherCache cache(folder.path());
  const std::string key = cache_key(kParts);
  cache.store(kParts, some_target(5));
  const auto path = cache.path(key);
  const std::string whole = content(path);
  const auto rewrite = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };

  std::string flipped = whole;
  flipped[flipped.size() - 9] = static_cast<char>(flipped[flipped.size() - 9] ^ 1);
  rewrite(flipped);
  EXPECT_THAT(thrown<VerificationError>([&] { cache.find(key); }), HasSubstr("checksum"));
  rewrite(whole.substr(0, whole.size() - 4));
  EXPECT_THAT(thrown<DataError>([&] { cache.find(key); }), HasSubstr(path.string()));

  rewrite(whole);
  const std::string other = cache_key({{"format", "2"}});
  std::filesystem::create_directories(cache.path(other).parent_path());
  std::filesystem::copy_file(path, cache.path(other));
  EXPECT_THAT(thrown<VerificationError>([&] { cache.find(other); }), HasSubstr("name"));

  const CacheReport report = cache_verify(folder.path());
  EXPECT_EQ(report.entries, 2);
  EXPECT_EQ(report.bytes, static_cast<std::int64_t>(2 * whole.size()));
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr(other)));
  EXPECT_THAT(thrown<DataError>([&] { cache_stat(folder / "none"); }), HasSubstr("no such folder"));
}

}  // namespace
}  // namespace vdd::distill
