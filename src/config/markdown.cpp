// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/markdown.h"

#include "scalar_text.h"
#include "vdd/core/text.h"
#include "visit.h"

namespace vdd::config {
namespace {

template <typename T>
constexpr std::string_view kTypeName;
template <>
constexpr std::string_view kTypeName<bool> = "bool";
template <>
constexpr std::string_view kTypeName<std::int64_t> = "int";
template <>
constexpr std::string_view kTypeName<double> = "float";
template <>
constexpr std::string_view kTypeName<std::string> = "string";

struct Row {
  std::string type;
  std::string value;
};

struct DescribeValue {
  template <typename T>
  Row operator()(T* value) const {
    return {std::string(kTypeName<T>), scalar_text(*value)};
  }
  template <typename T>
  Row operator()(std::optional<T>* value) const {
    return {concat(kTypeName<T>, " or null"), scalar_text(*value)};
  }
  template <typename T>
  Row operator()(std::vector<T>* list) const {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < list->size(); ++i) items.push_back(scalar_text(T((*list)[i])));
    return {concat("list of ", kTypeName<T>), concat('[', join(items, ", "), ']')};
  }
  Row operator()(const Section&) const { return {}; }
  Row operator()(const SectionList&) const { return {}; }
};

/// Escapes bars, each of which would end a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

/// Turns a help text into a sentence of its own.
std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + '.';
}

/// The settings of a section itself, each with `path` before its key.
std::vector<KeyHelp> own_keys(const Section& section, const std::string& path) {
  std::vector<KeyHelp> keys;
  for (const Field& field : section.fields) {
    const Row row = visit_value(DescribeValue{}, field.value);
    if (row.type.empty()) continue;
    keys.push_back({path + field.key, row.type, row.value, field.limits.describe(), field.help});
  }
  return keys;
}

/// Calls `visit` with the path of each section or list of sections, its fields, and its field.
template <typename Visit>
void for_each_nested(const Section& section, const std::string& path, const Visit& visit) {
  for (const Field& field : section.fields) {
    if (const auto* nested = std::get_if<Section>(&field.value)) {
      visit(concat(path, field.key, '.'), *nested, field);
    } else if (const auto* list = std::get_if<SectionList>(&field.value)) {
      visit(concat(path, field.key, ".N."), list->prototype(), field);
    }
  }
}

void write_table(std::string& out, const Section& section, const std::string& path) {
  const std::vector<KeyHelp> keys = own_keys(section, path);
  if (!keys.empty())
    out += "\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const KeyHelp& k : keys) {
    out += concat("| `", k.key, "` | ", k.type, " | `", cell(k.value), "` | ", cell(k.allowed),
                  " | ", cell(k.help), " |\n");
  }
  for_each_nested(section, path,
                  [&](const std::string& nested_path, const Section& nested, const Field& field) {
                    const bool is_list = std::holds_alternative<SectionList>(field.value);
                    out += concat("\n### `", path, field.key, is_list ? "`: a list\n" : "`\n",
                                  sentence(field.help), is_list ? " Each element has:\n" : "\n");
                    write_table(out, nested, nested_path);
                  });
}

void collect_keys(std::vector<KeyHelp>& keys, const Section& section, const std::string& path) {
  for (KeyHelp& key : own_keys(section, path)) keys.push_back(std::move(key));
  for_each_nested(section, path,
                  [&](const std::string& nested_path, const Section& nested, const Field&) {
                    collect_keys(keys, nested, nested_path);
                  });
}

}  // namespace

std::string write_markdown(const Section& section, std::string_view title) {
  std::string out = concat("## ", title, "\n");
  write_table(out, section, "");
  return out;
}

std::vector<KeyHelp> keys_of(const Section& section) {
  std::vector<KeyHelp> keys;
  collect_keys(keys, section, "");
  return keys;
}

}  // namespace vdd::config
