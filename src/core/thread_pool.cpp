// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/thread_pool.h"

#include <utility>

namespace vdd {

namespace {
thread_local const ThreadPool* worker_of = nullptr;
}

ThreadPool::ThreadPool(int threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  // Outlives the lock: what the dropped tasks hold may run any code when it ends.
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  task_waits_.notify_all();
  room_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::enqueue(std::function<void()> task) {
  if (threads_.empty()) return task();
  {
    std::unique_lock lock(mutex_);
    if (worker_of != this) {
      room_.wait(lock, [this] { return stopping_ || queue_.size() < max_waiting_; });
    }
    if (stopping_) return;
    queue_.push_back(std::move(task));
  }
  task_waits_.notify_one();
}

void ThreadPool::work() {
  worker_of = this;
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      task_waits_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    room_.notify_one();
    task();
  }
}

}  // namespace vdd
