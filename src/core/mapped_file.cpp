// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;

/// What the handler of SIGBUS knows of a mapping. Entries are reused, never freed, so that it can
/// walk their list at any moment.
struct MappedFile::Watched {
  std::atomic<const std::byte*> begin = nullptr;  ///< null: free
  std::size_t bytes = 0;
  std::string message;
  Watched* next = nullptr;

  static std::atomic<Watched*> first;
  static Watched* add(const std::byte* begin, std::size_t bytes, const fs::path& path);
  static void handle(int signal, siginfo_t* info, void* context);
};

std::atomic<MappedFile::Watched*> MappedFile::Watched::first = nullptr;

namespace {

constexpr std::size_t kPage = 4096;

std::mutex g_adding;
struct sigaction g_before {};

}  // namespace

/// Handles SIGBUS, and so may call only what is safe in a signal handler.
void MappedFile::Watched::handle(int signal, siginfo_t* info, void* context) {
  const auto* address = static_cast<const std::byte*>(info->si_addr);
  // A signal that somebody sent has no address.
  const Watched* entry = info->si_code > 0 ? first.load() : nullptr;
  for (; entry != nullptr; entry = entry->next) {
    const std::byte* begin = entry->begin.load();
    if (begin == nullptr || address < begin || address >= begin + entry->bytes) continue;
    [[maybe_unused]] const ssize_t ignored =
        ::write(STDERR_FILENO, entry->message.data(), entry->message.size());
    ::_exit(static_cast<int>(ExitCode::kData));
  }
  if ((g_before.sa_flags & SA_SIGINFO) != 0) return g_before.sa_sigaction(signal, info, context);
  if (g_before.sa_handler != SIG_DFL && g_before.sa_handler != SIG_IGN)
    return g_before.sa_handler(signal);
  // Takes effect on the return from here.
  ::sigaction(signal, &g_before, nullptr);
  ::raise(signal);
}

MappedFile::Watched* MappedFile::Watched::add(const std::byte* begin, std::size_t bytes,
                                              const fs::path& path) {
  const std::lock_guard lock(g_adding);
  Watched* entry = first.load();
  if (entry == nullptr) {
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGBUS, &action, &g_before);
  }
  while (entry != nullptr && entry->begin.load() != nullptr) entry = entry->next;
  const bool is_new = entry == nullptr;
  if (is_new) {
    entry = new Watched;
    entry->next = first.load();
  }
  entry->bytes = bytes;
  entry->message =
      concat("error: ", shown(path), ": was cut while it was read, or cannot be read any more\n");
  entry->begin.store(begin);
  if (is_new) first.store(entry);
  return entry;
}

MappedFile::MappedFile(fs::path path) : path_(std::move(path)) {
  const RegularFile file(path_);
  if (file.size() == 0) return;
  void* data = ::mmap(nullptr, file.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                      file.descriptor(), 0);
  if (data == MAP_FAILED) {
    throw DataError(path_, concat("cannot be mapped: ", std::generic_category().message(errno)));
  }
  data_ = static_cast<std::byte*>(data);
  size_ = file.size();
  ::madvise(data_, size_, MADV_SEQUENTIAL);
  watched_ = Watched::add(data_, size_, path_);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  watched_->begin.store(nullptr);
  ::munmap(data_, size_);
}

void MappedFile::prefetch(std::size_t offset, std::size_t bytes) const {
  const std::size_t begin = offset / kPage * kPage;
  const std::size_t end = std::min(size_, offset + bytes);
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_POPULATE_READ);
}

void MappedFile::release(std::size_t offset, std::size_t bytes) const {
  const std::size_t begin = (offset + kPage - 1) / kPage * kPage;
  const std::size_t end = std::min(size_, offset + bytes) / kPage * kPage;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace vdd
