// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/task.h"

#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/optim/trainability_audit.h"

namespace vdd::train {

std::vector<SampleLoss> Task::steps(std::span<const data::Clip> clips, std::int64_t first) {
  std::vector<SampleLoss> samples;
  for (const data::Clip& clip : clips) samples.push_back(step(clip, first + std::ssize(samples)));
  return samples;
}

void audit(Task& task, const data::Clip& clip, const optim::PrecisionConfig& precision) {
  const auto loss = [&] { return task.step(clip, clip.sample).loss.total; };
  log::info("train", concat("what trains\n", task.selection().table()));
  const optim::TrainabilityAudit result =
      optim::audit_trainability(task.selection(), loss, optim::LossScaler(precision));
  log::info("train", concat("gradients\n", result.table()));
  result.require_passed();
}

}  // namespace vdd::train
