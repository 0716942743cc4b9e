// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/target_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/temp_dir.h"
#include "vdd/core/error.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace {

TeacherTarget target_of(std::int64_t seed) {
  return {.rgb_latent_TChw = tensor::randn({2, 4, 3, 5}, 1),
          .image_embeds_TD = tensor::randn({2, 6}, 2),
          .noise_seed = seed,
          .teacher_latent_TChw = tensor::randn({2, 4, 3, 5}, static_cast<std::uint64_t>(seed))};
}

KeyParts key_of(std::int64_t n) {
  return {{"clip", std::to_string(n)}};
}

TEST(TargetStore, WithoutACacheEverythingIsComputed) {
  TargetStore store("", CacheUse::kOptional);
  EXPECT_FALSE(store.has_cache());
  for (int time = 0; time < 2; ++time) store.get(key_of(1), [] { return target_of(1); });
  EXPECT_EQ(store.computed(), 2);
  EXPECT_FALSE(store.contains(key_of(1)));
  EXPECT_FALSE(store.find(key_of(1)));
}

TEST(TargetStore, KeepsWhatIsReadAgainUnlessFillingTheCacheIsTheTask) {
  const test::TempDir folder;
  for (const CacheUse use : {CacheUse::kOptional, CacheUse::kRequired}) {
    TargetStore store(folder / (use == CacheUse::kRequired ? "built" : "run"), use);
    for (const bool again : {false, true}) {
      store.get(
          key_of(again), [&] { return target_of(again); }, again);
    }
    EXPECT_EQ(store.contains(key_of(false)), use == CacheUse::kRequired);
    EXPECT_TRUE(store.contains(key_of(true)));
    store.get(
        key_of(true), [&] { return target_of(1); }, /*again=*/false);
    EXPECT_EQ(store.computed(), 2) << "it is read all the same";
  }
}

TEST(TargetStore, WhatManyThreadsAskForIsComputedOnce) {
  const test::TempDir folder;
  TargetStore store(folder.path(), CacheUse::kRequired);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (std::int64_t n = 0; n < 5; ++n) {
        const TeacherTarget found = store.get(key_of(n), [n] { return target_of(n); });
        if (!identical(found, target_of(n))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store.computed(), 5);
}

TEST(TargetStore, ADamagedEntryIsComputedAnewAndMended) {
  const test::TempDir folder;
  TargetStore store(folder.path(), CacheUse::kRequired);
  store.get(key_of(1), [] { return target_of(1); });
  const auto path = TeacherCache(folder.path()).path(cache_key(key_of(1)));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 8);
  EXPECT_TRUE(store.contains(key_of(1)));
  EXPECT_FALSE(store.find(key_of(1)));
  EXPECT_TRUE(identical(store.get(key_of(1), [] { return target_of(1); }), target_of(1)));
  EXPECT_TRUE(identical(*store.find(key_of(1)), target_of(1)));
}

TEST(TargetStore, AnErrorWhileComputingLeavesNothingBehind) {
  const test::TempDir folder;
  TargetStore store(folder.path(), CacheUse::kRequired);
  const auto fail = []() -> TeacherTarget { throw DataError("clip", "is damaged"); };
  EXPECT_THROW(store.get(key_of(1), fail), DataError);
  EXPECT_FALSE(store.contains(key_of(1)));
  EXPECT_NO_THROW(store.get(key_of(1), [] { return target_of(1); }));
}

}  // namespace
}  // namespace vdd::distill
