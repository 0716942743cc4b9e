// SPDX-License-Identifier: Apache-2.0
#include "safetensors_index.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors_header.h"

namespace vdd::io {
namespace {

constexpr std::uint64_t kMaxIndexBytes = 32 << 20;
constexpr int kMaxIndexDepth = 16;

/// Keeps the two levels {"weight_map": {tensor: shard}}; "metadata" may hold anything.
class IndexReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit IndexReader(const std::filesystem::path& path) : path_(path) {}
  std::map<std::string, std::string> weight_map;
  bool has_weight_map = false;

  bool start_object(std::size_t) override {
    if (++depth_ == 1) return true;
    if (depth_ == 2 && top_ == "weight_map") return has_weight_map = true;
    return inside_metadata();
  }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override {
    if (depth_++ == 0) fail("is no JSON object");
    return inside_metadata();
  }
  bool end_array() override { return --depth_ >= 0; }

  bool key(std::string& text) override {
    if (depth_ == 1) {
      if (text != "metadata" && text != "weight_map") fail(concat("unknown key '", text, "'"));
      bool& seen = text == "metadata" ? has_metadata_ : seen_weight_map_;
      if (std::exchange(seen, true)) fail(concat("key '", text, "' appears twice"));
      top_ = text;
    } else if (top_ == "weight_map") {
      if (const auto reason = bad_tensor_name(text); !reason.empty())
        fail(concat("tensor '", text, "' ", reason));
      if (weight_map.contains(text)) fail(concat("tensor '", text, "' appears twice"));
      tensor_ = text;
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 2 || top_ != "weight_map") return inside_metadata();
    const bool plain = text.ends_with(".safetensors") &&
                       text.find_first_of(std::string_view("/\\\0", 3)) == text.npos &&
                       !text.starts_with('.') && escape(text, text.size() * 4) == text;
    if (!plain)
      fail(concat("shard '", text, "' is no plain name of a .safetensors file in this folder"));
    weight_map.emplace(tensor_, text);
    return true;
  }

  bool null() override { return inside_metadata(); }
  bool boolean(bool) override { return inside_metadata(); }
  bool number_integer(std::int64_t) override { return inside_metadata(); }
  bool number_unsigned(std::uint64_t) override { return inside_metadata(); }
  bool number_float(double, const std::string&) override { return inside_metadata(); }
  bool binary(nlohmann::json::binary_t&) override { return inside_metadata(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail(concat("no valid JSON at byte ", position));
  }

 private:
  [[noreturn]] void fail(std::string_view reason) const { throw DataError(path_, reason); }
  bool inside_metadata() const {
    if (depth_ > kMaxIndexDepth) fail("is nested too deeply");
    if (depth_ == 0) fail("is no JSON object");
    if (top_ != "metadata") fail("weight_map does not give one shard name per tensor");
    return true;
  }

  const std::filesystem::path& path_;
  int depth_ = 0;
  bool has_metadata_ = false, seen_weight_map_ = false;
  std::string top_, tensor_;
};

}  // namespace

std::map<std::string, std::string> read_safetensors_index(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMaxIndexBytes);
  // The JSON library takes a NUL for the end of its input, so whatever follows one would go unread.
  if (text.find('\0') != std::string::npos) throw DataError(path, "no valid JSON: holds a NUL");
  IndexReader reader(path);
  nlohmann::json::sax_parse(text, &reader);
  if (!reader.has_weight_map || reader.weight_map.empty())
    throw DataError(path, "weight_map names no tensor");
  return std::move(reader.weight_map);
}

}  // namespace vdd::io
