// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace vdd {

/// A fixed number of threads that take tasks from one bounded queue, oldest first. What a task
/// throws is carried to whoever asks its future; the threads go on.
class ThreadPool {
 public:
  /// `threads` == 0: a task runs inside submit(). `max_waiting` bounds the tasks that wait for a
  /// thread.
  explicit ThreadPool(int threads, std::size_t max_waiting = 1024);
  /// Waits for the tasks that run; those that still wait are dropped (their futures report a broken
  /// promise).
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  /// Blocks while the queue is full, except when a task of this pool calls it: that one would wait
  /// for itself.
  template <typename F>
  std::future<std::invoke_result_t<F>> submit(F task) {
    auto packaged =
        std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(task));
    auto result = packaged->get_future();
    enqueue([packaged] { (*packaged)(); });
    return result;
  }

 private:
  void enqueue(std::function<void()> task);
  void work();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable task_waits_, room_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vdd
