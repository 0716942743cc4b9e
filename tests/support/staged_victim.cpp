// SPDX-License-Identifier: Apache-2.0
// staged_victim FOLDER NAME [--replace]: puts a folder of one file, NAME, in place, for a test that
// makes its storage calls fail or kills it at one.
#include <iostream>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/staged_folder.h"

int main(int argc, char** argv) {
  const std::string_view option = argc > 3 ? argv[3] : "";
  try {
    const auto put = [&](vdd::StagedFolder&& staged) {
      vdd::write_file_atomic(staged.path() / argv[2], argv[2]);
      vdd::write_file_atomic(staged.path() / "mark", "");
      staged.commit();
    };
    if (option == "--replace") {
      put({argv[1], vdd::Replaceable{.marker = "mark", .names = {"*"}, .inputs = {}}});
    } else {
      put(vdd::StagedFolder(argv[1]));
    }
  } catch (const vdd::Error& e) {
    std::cerr << "error: " << e.what() << '\n';
    return static_cast<int>(e.code());
  }
  return 0;
}
