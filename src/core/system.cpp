// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/system.h"

#include <link.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string_view>
#include <thread>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;
namespace {

/// The value of a line "<key>:   123 kB", in bytes; 0 if there is none.
std::int64_t proc_kilobytes(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, key.size(), key) != 0 || line.size() <= key.size() ||
        line[key.size()] != ':')
      continue;
    return 1024 * std::strtoll(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return 0;
}

/// Looks for the note GNU/NT_GNU_BUILD_ID in the segments of one loaded object; the first object is
/// the program.
int find_build_id(dl_phdr_info* info, std::size_t, void* result) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives numbers
    const char* note = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    const char* end = note + segment.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) header;
      std::memcpy(&header, note, sizeof header);
      const char* name = note + sizeof header;
      const char* id = name + (header.n_namesz + 3) / 4 * 4;
      if (header.n_type == NT_GNU_BUILD_ID &&
          std::string_view(name, header.n_namesz) == std::string_view("GNU\0", 4)) {
        for (std::size_t b = 0; b < header.n_descsz; ++b) {
          const auto byte = static_cast<unsigned char>(id[b]);
          *static_cast<std::string*>(result) +=
              {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
        }
        return 1;
      }
      note = id + (header.n_descsz + 3) / 4 * 4;
    }
  }
  return 1;  // only the program itself
}

/// `path`, or its nearest parent that exists.
fs::path existing_part(const fs::path& path) {
  std::error_code ignored;
  fs::path existing = fs::absolute(path, ignored);
  while (!fs::exists(existing, ignored) && existing.has_relative_path())
    existing = existing.parent_path();
  return existing;
}

}  // namespace

std::int64_t memory_bytes() {
  return proc_kilobytes("/proc/self/status", "VmRSS");
}
// Not getrusage(): its maximum includes the parent's at the time of fork.
std::int64_t peak_memory_bytes() {
  return proc_kilobytes("/proc/self/status", "VmHWM");
}
std::int64_t total_memory_bytes() {
  return proc_kilobytes("/proc/meminfo", "MemTotal");
}
std::int64_t available_memory_bytes() {
  return proc_kilobytes("/proc/meminfo", "MemAvailable");
}

std::int64_t free_disk_bytes(const fs::path& path) {
  struct statvfs info {};
  if (::statvfs(existing_part(path).c_str(), &info) != 0) {
    throw ResourceError(concat(shown(path), ": free space unknown: ", std::strerror(errno)));
  }
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

bool same_file_system(const fs::path& a, const fs::path& b) {
  struct stat of_a {
  }, of_b{};
  return ::stat(existing_part(a).c_str(), &of_a) == 0 &&
         ::stat(existing_part(b).c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

std::string mebibytes(std::int64_t bytes) {
  return concat((bytes + (1 << 20) - 1) >> 20, " MiB");
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::vector<std::string> command_line() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  auto words = split(all, '\0');
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string version() {
  return VDD_VERSION;
}

std::string build_id() {
  std::string id;
  ::dl_iterate_phdr(find_build_id, &id);
  return id;
}

}  // namespace vdd
