// SPDX-License-Identifier: Apache-2.0
// Saves one checkpoint into a run folder, to be killed or starved while it does:
//   checkpoint_victim RUN STEP KEEP [final]
// Exit status: 0 saved, 10 not saved but training would go on, else that of the error.
#include "support/checkpoint_victim.h"

#include <cstdio>
#include <string>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/run/checkpoint.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc < 4) return static_cast<int>(vdd::ExitCode::kUsage);
  try {
    const std::int64_t step = std::stoll(argv[2]);
    const vdd::run::RunDir run(argv[1], vdd::run::RunMode::kResume);
    vdd::run::CheckpointStore store(run, std::stoll(argv[3]));
    const auto fill = [step](const fs::path& staged) {
      for (const auto& [name, bytes] : vdd::test::victim_files(step)) {
        fs::create_directories((staged / name).parent_path());
        vdd::write_file_atomic(staged / name, bytes);
      }
    };
    return store.save(step, fill, {.final = argc > 4}) ? 0 : 10;
  } catch (const vdd::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return static_cast<int>(e.code());
  }
}
