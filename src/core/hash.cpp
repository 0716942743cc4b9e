// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/hash.h"

#include <openssl/evp.h>

#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd {

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (context_->md == nullptr || EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) != 1) {
    throw Error("SHA-256 is not available in the cryptography library");
  }
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(const void* data, std::size_t bytes) {
  EVP_DigestUpdate(context_->md, data, bytes);
  return *this;
}

Sha256::Digest Sha256::digest() {
  Digest out{};
  EVP_DigestFinal_ex(context_->md, out.data(), nullptr);
  return out;
}

std::string Sha256::hex() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest()) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  return Sha256().update(bytes).hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const RegularFile file(path);
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  std::size_t count = buffer.size();
  for (std::uint64_t offset = 0; count == buffer.size(); offset += count) {
    count = file.read_at(offset, buffer.data(), buffer.size());
    hash.update(buffer.data(), count);
  }
  return hash.hex();
}

}  // namespace vdd
