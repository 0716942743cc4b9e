// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vdd::run {

enum class RunMode {
  kNew,        ///< the folder must be missing or empty
  kOverwrite,  ///< what an earlier run wrote there is deleted first
  kResume,     ///< the folder must hold a run
};

/// Facts that manifest.json states about a run; docs/run-folder.md lists the fields.
struct RunFacts {
  std::string program = {};                         ///< "distill_unet"
  std::string config_hash = {};                     ///< SHA-256 of the resolved config
  std::string data_hash = {};                       ///< SHA-256 of the data manifest
  std::map<std::string, std::string> weights = {};  ///< part ("unet", "vae", ...) to SHA-256
  std::string device = {};                          ///< "cpu", "cuda:0"
  std::int64_t threads = 0;
};

/// The folder of one training run, held under a lock for the lifetime of the object:
///   config.resolved.yaml manifest.json run.log run.lock metrics.jsonl metrics.csv timing.jsonl
///   samples/ checkpoints/ tb/
/// Nothing that a run did not write is ever deleted.
class RunDir {
 public:
  /// Makes or takes over the folder, and sweeps out what killed processes have left there. Throws
  /// ConfigError if a process holds it (naming process, host and start time), if it is not empty
  /// and `mode` is kNew, if it does not look like a run and `mode` is kOverwrite or kResume, if
  /// kOverwrite would delete what is, holds or lies in one of `inputs`, or if it cannot be written
  /// to; ResourceError if the file system lacks what saving needs. Where it has no locks, a warning
  /// says so.
  RunDir(const std::filesystem::path& root, RunMode mode,
         const std::vector<std::filesystem::path>& inputs = {});
  ~RunDir();
  RunDir(const RunDir&) = delete;
  RunDir& operator=(const RunDir&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.resolved.yaml"; }
  std::filesystem::path manifest() const { return root_ / "manifest.json"; }
  std::filesystem::path log() const { return root_ / "run.log"; }
  std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }
  std::filesystem::path tensorboard() const { return root_ / "tb"; }
  /// samples/step-000500-<name>, for example "clip0.png". The folder is there.
  std::filesystem::path sample(std::int64_t step, std::string_view name) const;

  /// Writes config.resolved.yaml. A config that a start of this run left there and that differs is
  /// kept as config.resolved.<n>.yaml.
  void write_config(std::string_view yaml);
  /// Writes manifest.json; a resumed run keeps the list of earlier starts and adds this one, with
  /// the step it goes on from.
  void write_manifest(const RunFacts& facts, std::int64_t start_step);

 private:
  std::filesystem::path root_;
  int lock_ = -1;
};

/// Tells whether `root` is a folder with the marks of a run (a manifest, a resolved config or a
/// lock of ours).
bool is_run_dir(const std::filesystem::path& root);

}  // namespace vdd::run
