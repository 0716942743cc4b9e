// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/loader.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <utility>

#include "clip_job.h"
#include "dataset_state.h"

namespace vdd::data {

struct Loader::State {
  std::shared_ptr<ClipDataset> dataset;
  std::uint64_t seed;
  std::int64_t upcoming, step;
  std::size_t ahead;
  std::function<bool(const ClipPlan&)> wants_pixels;
  double waited = 0;
  std::deque<std::future<ClipResult>> started;
  ThreadPool pool;  // last: its threads stop before anything they use goes
};

Loader::Loader(std::shared_ptr<ClipDataset> dataset, std::uint64_t seed, std::int64_t first,
               int workers, int prefetch, std::function<bool(const ClipPlan&)> wants_pixels,
               std::int64_t step)
    : state_(new State{.dataset = std::move(dataset),
                       .seed = seed,
                       .upcoming = first,
                       .step = step,
                       .ahead = workers == 0 ? 1 : static_cast<std::size_t>(std::max(prefetch, 1)),
                       .wants_pixels = std::move(wants_pixels),
                       .started = {},
                       .pool = ThreadPool(workers)}) {}

Loader::~Loader() = default;

Clip Loader::next() {
  auto& state = *state_;
  const auto begin = std::chrono::steady_clock::now();
  const auto& data = *state.dataset->state_;
  while (state.started.size() < state.ahead) {
    const std::int64_t n = std::exchange(state.upcoming, state.upcoming + state.step);
    auto recipe = data.recipe([dataset = state.dataset, seed = state.seed,
                               n](std::int64_t attempt) { return dataset->plan(seed, n, attempt); },
                              data.config.on_bad_sample == OnBadSample::kSkip);
    recipe.wants_pixels = state.wants_pixels;
    state.started.push_back(
        std::make_shared<ClipJob>(std::move(recipe), state.pool, data.memory)->start());
  }
  auto oldest = std::move(state.started.front());
  state.started.pop_front();
  ClipResult result = oldest.get();
  Clip clip = state.dataset->state_->accept(std::move(result));
  state.waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return clip;
}

double Loader::last_wait_seconds() const {
  return state_->waited;
}

}  // namespace vdd::data
