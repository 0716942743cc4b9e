// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <vector>

namespace vdd {
namespace {

class ThreadPoolOf : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolOf, RunsEveryTaskAndReturnsWhatItReturns) {
  ThreadPool pool(GetParam());
  std::vector<std::future<int>> squares;
  for (int i = 0; i < 100; ++i) squares.push_back(pool.submit([i] { return i * i; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)].get(), i * i);
}

TEST_P(ThreadPoolOf, CarriesExceptionsAndGoesOn) {
  ThreadPool pool(GetParam());
  auto bad = pool.submit([]() -> int { throw std::runtime_error("no"); });
  auto good = pool.submit([] { return 1; });
  EXPECT_THROW(bad.get(), std::runtime_error);
  EXPECT_EQ(good.get(), 1);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, testing::Values(0, 1, 7));

TEST(ThreadPool, BlocksWhileTheQueueIsFull) {
  ThreadPool pool(1, 2);
  std::promise<void> gate;
  auto open = gate.get_future().share();
  pool.submit([open] { open.wait(); });
  std::atomic<int> submitted = 0;
  std::thread feeder([&] {
    for (int i = 0; i < 5; ++i) {
      pool.submit([] {});
      ++submitted;
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LE(submitted, 3);  // two wait; the first may or may not run yet
  gate.set_value();
  feeder.join();
  EXPECT_EQ(submitted, 5);
}

TEST(ThreadPool, ATaskMayAddMoreThanTheQueueHolds) {
  ThreadPool pool(1, 1);
  std::atomic<int> done = 0;
  pool.submit([&] {
        for (int i = 0; i < 10; ++i) pool.submit([&] { ++done; });
      })
      .get();
  pool.submit([] {}).get();
  EXPECT_EQ(done, 10);
}

TEST(ThreadPool, DropsWaitingTasksWhenItEnds) {
  std::future<void> waiting;
  {
    ThreadPool pool(1);
    std::promise<void> running;
    pool.submit([&] {
      running.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    });
    waiting = pool.submit([] {});
    running.get_future().wait();
  }
  EXPECT_THROW(waiting.get(), std::future_error);
}

}  // namespace
}  // namespace vdd
