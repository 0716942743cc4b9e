// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/inputs.h"

#include <algorithm>
#include <map>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::predict {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxListBytes = 64 << 20;

std::string name_of(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path last = whole.has_filename() ? whole : whole.parent_path();
  return is_folder(path) ? last.filename().string() : last.stem().string();
}

void add_video(const fs::path& path, std::vector<Input>& inputs) {
  inputs.push_back({path, name_of(path), io::probe_video(path)});
  if (const io::VideoInfo& info = inputs.back().info; !info.constant_rate) {
    log::warning("predict",
                 concat(escape(path.string()),
                        ": frames last unequally long; what is written shows each for 1/",
                        info.frames_per_second, " s"));
  }
}

void add_folder(const fs::path& folder, std::vector<Input>& inputs) {
  if (!io::list_frames(folder).empty()) return add_video(folder, inputs);
  std::vector<fs::path> found;
  for (const std::string& name : list_names(folder)) {
    const fs::path path = folder / name;
    if (is_folder(path) ? !io::list_frames(path).empty() : io::is_video_file(path))
      found.push_back(path);
  }
  if (found.empty()) throw DataError(folder, "holds no video, no frames and no folder of frames");
  for (const fs::path& path : found) add_video(path, inputs);
}

void add_path(const fs::path& path, std::vector<Input>& inputs);

void add_list(const fs::path& list, std::vector<Input>& inputs) {
  const std::size_t before = inputs.size();
  for (const std::string& line : split(read_file(list, kMaxListBytes), '\n')) {
    const std::string_view text = trim(line);
    if (text.empty() || text.starts_with('#')) continue;
    if (text.ends_with(".txt")) throw DataError(list, text, "a list in a list");
    add_path(list.parent_path() / text, inputs);
  }
  if (inputs.size() == before) throw DataError(list, "names no video");
}

void add_path(const fs::path& path, std::vector<Input>& inputs) {
  if (!path_exists(path)) throw DataError(path, "no such file or folder");
  if (is_folder(path)) return add_folder(path, inputs);
  if (path.extension() == ".txt") return add_list(path, inputs);
  if (!io::is_video_file(path) && !io::is_image_file(path))
    throw DataError(path, "neither video nor picture, folder or .txt list");
  add_video(path, inputs);
}

}  // namespace

std::vector<Input> find_inputs(const std::vector<fs::path>& paths) {
  std::vector<Input> inputs;
  for (const fs::path& path : paths) add_path(path, inputs);
  std::map<std::string, fs::path> seen;
  for (const Input& input : inputs) {
    const auto [at, is_new] = seen.emplace(input.name, input.path);
    if (!is_new) {
      throw ConfigError(concat("two inputs are named ", escape(input.name), ": ",
                               escape(at->second.string()), " and ", escape(input.path.string())));
    }
  }
  return inputs;
}

}  // namespace vdd::predict
