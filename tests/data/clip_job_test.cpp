// SPDX-License-Identifier: Apache-2.0
#include "clip_job.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace {

/// A data set without files. Its pictures are stored with five rows and six columns, and red, green
/// and blue are the number of the frame.
class MemorySource : public Source {
 public:
  explicit MemorySource(const DataConfig& config) : Source("memory", config) {}

  bool has_depth() const override { return with_depth; }
  bool has_poses() const override { return with_poses; }
  std::vector<std::filesystem::path> rgb_files(const Run&, std::int64_t) const override {
    return {};
  }
  std::vector<TaskGroup> read(const ClipPlan& plan, const ClipBuffers& out) const override {
    std::vector<TaskGroup> groups = earlier;
    groups.push_back({plan.frames, [this, plan, out](std::int64_t i) { fill(plan, out, i); }});
    return groups;
  }

  bool with_depth = true, with_poses = false;
  int growth = 0;                       ///< columns that each frame has more than the last
  std::vector<TaskGroup> earlier = {};  ///< run before any picture is read
  std::function<void(std::int64_t)>
      before;  ///< called with the number of a frame before it is read
  /// Metres by frame and pixel; 0: not valid, negative: sky at that distance.
  std::function<float(std::int64_t, std::int64_t)> depth = [](std::int64_t, std::int64_t pixel) {
    return static_cast<float>(1 + pixel);
  };

 private:
  void fill(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i) const {
    const std::int64_t number = frame_number(plan, i), start = i * out.pixels();
    if (before) before(number);
    out.stored_size[2 * i] = 5;
    out.stored_size[2 * i + 1] = 6 + growth * static_cast<int>(i);
    std::fill_n(out.rgb + 3 * start, 3 * out.pixels(), static_cast<float>(number));
    if (out.depth == nullptr) return;
    for (std::int64_t pixel = 0; pixel < out.pixels(); ++pixel) {
      const float metres = depth(i, pixel);
      out.valid[start + pixel] = metres > 0;
      out.sky[start + pixel] = metres < 0;
      out.depth[start + pixel] = std::abs(metres);
    }
  }
};

DataConfig with_depth_of(std::int64_t height, std::int64_t width) {
  DataConfig config;
  config.height = height;
  config.width = width;
  config.rgb_only = false;
  return config;
}

ClipPlan memory_plan(std::int64_t frames) {
  ClipPlan plan;
  plan.frames = frames;
  plan.source_id = "memory/a";
  return plan;
}

ClipRecipe memory_recipe(const MemorySource& from, const DataConfig& config, const ClipPlan& plan) {
  return {.plan = [plan](std::int64_t) { return plan; },
          .wants_pixels = nullptr,
          .source = [&from](const ClipPlan&) -> const Source& { return from; },
          .config = &config};
}

ClipResult run_job(const ClipRecipe& recipe, int threads = 0) {
  ThreadPool pool(threads);
  const auto job = std::make_shared<ClipJob>(recipe, pool, std::make_shared<BufferPool>());
  return job->start().get();
}

/// Returns what a clip is refused for.
std::string refusal_of(const MemorySource& from, const DataConfig& config, const ClipPlan& plan) {
  return ::vdd::test::thrown<DataError>([&] { run_job(memory_recipe(from, config, plan)); });
}

TEST(ClipJob, GivesTheFramesInTheOrderOfThePlanWithItsNames) {
  const DataConfig config = with_depth_of(5, 6);
  const MemorySource from(config);
  ClipPlan plan = memory_plan(3);
  plan.first = 10;
  plan.stride = 3;
  plan.reversed = plan.flipped = true;
  plan.sample = 7;
  plan.content_key = "key";
  const ClipResult result = run_job(memory_recipe(from, config, plan));
  const Clip& clip = result.clip;
  EXPECT_EQ(clip.source_id, "memory/a");
  EXPECT_EQ(clip.content_key, "key");
  EXPECT_EQ(clip.sample, 7);
  EXPECT_EQ(clip.frames, 3);
  EXPECT_TRUE(clip.flipped);
  EXPECT_EQ(clip.bad_samples, 0);
  EXPECT_TRUE(result.bad.empty());
  const torch::Tensor numbers = torch::tensor({16.0f, 13.0f, 10.0f}).view({3, 1, 1, 1});
  EXPECT_TRUE(torch::equal(clip.rgb_TCHW, numbers.expand({3, 3, 5, 6})));
}

TEST(ClipJob, ScalesTheDisparityOfValidPixelsOverAllFrames) {
  const DataConfig config = with_depth_of(1, 3);
  MemorySource from(config);
  // Sky and holes do not count: valid disparities are 1, 1/2; 1/2, 1/4.
  const std::array<float, 6> metres = {1, 2, 0, 2, 4, -655.0f};
  from.depth = [&](std::int64_t frame, std::int64_t pixel) {
    return metres[static_cast<std::size_t>(3 * frame + pixel)];
  };
  const Clip clip = run_job(memory_recipe(from, config, memory_plan(2))).clip;
  const auto frames_of = [](const torch::Tensor& values) { return values.view({2, 1, 3}); };
  const float third = 1.0f / 3;  // of the way from 1/4 to 1
  EXPECT_TRUE(torch::allclose(clip.disparity_THW,
                              frames_of(torch::tensor({1.0f, third, 0.0f, third, 0.0f, 0.0f})), 0,
                              1e-6));
  EXPECT_TRUE(torch::equal(
      clip.valid_THW, frames_of(torch::tensor({1, 1, 0, 1, 1, 0}, torch::kInt).to(torch::kBool))));
  EXPECT_TRUE(torch::equal(
      clip.sky_THW, frames_of(torch::tensor({0, 0, 0, 0, 0, 1}, torch::kInt).to(torch::kBool))));
  EXPECT_TRUE(torch::equal(clip.depth_THW.slice(2, 0, 2).flatten(),
                           torch::tensor({1.0f, 2.0f, 2.0f, 4.0f})));
}

TEST(ClipJob, ReadsDepthAndCamerasWhereTheyAreWantedAndThere) {
  for (int bits = 0; bits < 16; ++bits) {
    DataConfig config = with_depth_of(5, 6);
    config.rgb_only = (bits & 1) != 0;
    config.poses = (bits & 2) != 0;
    MemorySource from(config);
    from.with_depth = (bits & 4) != 0;
    from.with_poses = (bits & 8) != 0;
    const Clip clip = run_job(memory_recipe(from, config, memory_plan(2))).clip;
    EXPECT_TRUE(clip.rgb_TCHW.defined());
    const bool depth = !config.rgb_only && from.with_depth;
    for (const at::Tensor& x : {clip.depth_THW, clip.disparity_THW, clip.valid_THW, clip.sky_THW}) {
      EXPECT_EQ(x.defined(), depth) << bits;
    }
    const bool cameras = config.poses && from.with_poses;
    EXPECT_EQ(clip.intrinsics_T33.defined(), cameras) << bits;
    EXPECT_EQ(clip.poses_T44.defined(), cameras) << bits;
    if (cameras) {
      EXPECT_EQ(clip.intrinsics_T33.sizes(), torch::IntArrayRef({2, 3, 3}));
      EXPECT_EQ(clip.poses_T44.sizes(), torch::IntArrayRef({2, 4, 4}));
    }
  }
}

TEST(ClipJob, LeavesOutPixelsThatNobodyWants) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  from.before = [](std::int64_t) { throw DataError("memory", "was read"); };
  ClipRecipe recipe = memory_recipe(from, config, memory_plan(2));
  recipe.wants_pixels = [](const ClipPlan&) { return false; };
  const Clip clip = run_job(recipe).clip;
  EXPECT_EQ(clip.source_id, "memory/a");
  EXPECT_EQ(clip.frames, 2);
  EXPECT_FALSE(clip.rgb_TCHW.defined() || clip.depth_THW.defined() || clip.valid_THW.defined());
}

TEST(ClipJob, AFrameWithoutValidDepthIsNamedByItsNumber) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  from.depth = [](std::int64_t frame, std::int64_t pixel) {
    return frame == 1 ? -1.0f : static_cast<float>(1 + pixel);
  };
  ClipPlan plan = memory_plan(4);
  plan.first = 10;
  plan.stride = 3;
  plan.reversed = true;  // 19, 16, 13, 10
  EXPECT_EQ(refusal_of(from, config, plan), "memory/a: frame 16: no valid depth in the picture");
}

TEST(ClipJob, WantsOnePercentOfTheClipsDepth) {
  const DataConfig config = with_depth_of(10, 20);
  MemorySource from(config);
  std::int64_t valid_in_first = 3;
  from.depth = [&](std::int64_t frame, std::int64_t pixel) {
    const std::int64_t valid = frame == 0 ? valid_in_first : 1;
    return pixel < valid ? static_cast<float>(1 + pixel) : 0.0f;
  };
  const Clip clip = run_job(memory_recipe(from, config, memory_plan(2))).clip;
  EXPECT_EQ(clip.valid_THW.sum().item<std::int64_t>(), 4);  // of 400
  valid_in_first = 2;
  EXPECT_EQ(refusal_of(from, config, memory_plan(2)),
            "memory/a: less than 1 % of the clip's depth is valid");
}

TEST(ClipJob, RefusesDepthThatIsTheSameInTheWholeClip) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  from.depth = [](std::int64_t, std::int64_t) { return 5.0f; };
  EXPECT_EQ(refusal_of(from, config, memory_plan(2)),
            "memory/a: all depth of the clip is the same");
  // Two walls at two distances are enough.
  from.depth = [](std::int64_t frame, std::int64_t) { return frame == 0 ? 5.0f : 4.0f; };
  const Clip clip = run_job(memory_recipe(from, config, memory_plan(2))).clip;
  EXPECT_TRUE(clip.disparity_THW[0].eq(0).all().item<bool>());
  EXPECT_NEAR(clip.disparity_THW[1].min().item<float>(), 1, 1e-6);
}

TEST(ClipJob, RefusesFramesOfDifferentSizesWithoutDepthToo) {
  DataConfig config = with_depth_of(5, 6);
  config.rgb_only = true;
  MemorySource from(config);
  from.growth = 1;
  ClipPlan plan = memory_plan(3);
  plan.first = 20;
  EXPECT_EQ(refusal_of(from, config, plan), "memory/a: frame 21: is 7x5; the clip's first is 6x5");
  plan.frames = 1;
  EXPECT_TRUE(run_job(memory_recipe(from, config, plan)).clip.rgb_TCHW.defined());
}

TEST(ClipJob, TellsTheErrorOfTheFirstFrameWhicheverFailsFirst) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  std::promise<void> later_failed;
  from.before = [&](std::int64_t number) {
    if (number == 3) {
      later_failed.set_value();
      throw DataError("three", "bad");
    }
    if (number == 1) {
      later_failed.get_future().wait();
      throw DataError("one", "bad");
    }
  };
  const ClipRecipe recipe = memory_recipe(from, config, memory_plan(5));
  EXPECT_EQ(::vdd::test::thrown<DataError>([&] { run_job(recipe, 4); }), "one: bad");
}

TEST(ClipJob, DrawsAgainWhereUnusableDataIsSkipped) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  from.before = [](std::int64_t number) {
    if (number < 2) throw DataError("file", concat("bad ", number));
  };
  ClipRecipe recipe = memory_recipe(from, config, memory_plan(1));
  recipe.plan = [](std::int64_t attempt) {
    ClipPlan plan = memory_plan(1);
    plan.first = attempt;
    plan.source_id = concat("memory/", attempt);
    return plan;
  };
  EXPECT_EQ(::vdd::test::thrown<DataError>([&] { run_job(recipe); }), "file: bad 0");

  recipe.skip_bad = true;
  for (const int threads : {0, 4}) {
    const ClipResult result = run_job(recipe, threads);
    EXPECT_EQ(result.clip.source_id, "memory/2");
    EXPECT_EQ(result.clip.bad_samples, 2);
    EXPECT_EQ(result.clip.rgb_TCHW.mean().item<float>(), 2);
    ASSERT_EQ(result.bad.size(), 2u);
    EXPECT_EQ(result.bad[0].source_id, "memory/0");
    EXPECT_EQ(result.bad[0].reason, "file: bad 0");
    EXPECT_EQ(result.bad[1].source_id, "memory/1");
    EXPECT_EQ(result.bad[1].reason, "file: bad 1");
  }
}

TEST(ClipJob, PassesOverNoErrorButThatOfData) {
  const DataConfig config = with_depth_of(5, 6);
  MemorySource from(config);
  from.before = [](std::int64_t) { throw ResourceError("no memory"); };
  ClipRecipe recipe = memory_recipe(from, config, memory_plan(1));
  recipe.skip_bad = true;
  EXPECT_EQ(::vdd::test::thrown<ResourceError>([&] { run_job(recipe); }), "no memory");
}

TEST(ClipJob, RunsOneGroupOfTasksAfterAnother) {
  for (const int threads : {0, 4}) {
    const DataConfig config = with_depth_of(5, 6);
    MemorySource from(config);
    std::atomic<int> done = 0, done_at_finish = 0, too_early = 0;
    from.earlier.push_back(
        {8, [&](std::int64_t) { ++done; }, [&] { done_at_finish = done.load(); }});
    from.before = [&](std::int64_t) { too_early += done_at_finish.load() == 8 ? 0 : 1; };
    run_job(memory_recipe(from, config, memory_plan(4)), threads);
    EXPECT_EQ(done.load(), 8);
    EXPECT_EQ(done_at_finish.load(), 8);
    EXPECT_EQ(too_early.load(), 0);
  }
}

TEST(BufferPool, HandsOutNoMemoryThatAViewStillUses) {
  const auto buffers = std::make_shared<BufferPool>();
  at::Tensor first = buffers->take({2, 3});
  const at::Tensor view = first[1], second = buffers->take({2, 3});
  const void* const place = first.data_ptr();
  EXPECT_NE(second.data_ptr(), place);
  first.reset();
  EXPECT_NE(buffers->take({2, 3}).data_ptr(), place);
  EXPECT_EQ(view.numel(), 3);
}

TEST(BufferPool, HandsOutMemoryAgainForAsManyElements) {
  const auto buffers = std::make_shared<BufferPool>();
  at::Tensor first = buffers->take({2, 3});
  const void* const place = first.data_ptr();
  first.reset();
  const at::Tensor larger = buffers->take({2, 4}), same = buffers->take({6});
  EXPECT_NE(larger.data_ptr(), place);
  EXPECT_EQ(same.data_ptr(), place);
  EXPECT_EQ(same.scalar_type(), at::kFloat);
}

TEST(BufferPool, TensorsOfTheSameRoomShareMemoryWhateverTheirLength) {
  const auto buffers = std::make_shared<BufferPool>();
  at::Tensor first = buffers->take({2, 3}, 12);
  const void* const place = first.data_ptr();
  first.reset();
  at::Tensor longer = buffers->take({4, 3}, 12);
  EXPECT_EQ(longer.data_ptr(), place);
  EXPECT_EQ(longer.fill_(3).sum().item<float>(), 36);
  longer.reset();
  EXPECT_NE(buffers->take({5, 3}, 12).data_ptr(), place) << "more than that room";
}

TEST(BufferPool, TensorsMayOutliveIt) {
  auto buffers = std::make_shared<BufferPool>();
  const at::Tensor x = buffers->take({4}).fill_(3);
  buffers.reset();
  EXPECT_EQ(x.sum().item<float>(), 12);
}

}  // namespace
}  // namespace vdd::data
